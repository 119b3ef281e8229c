"""Charges of models behind an API go to whoever asked them, by tokens, to the last digit."""

import datetime as dt
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.flows.small import Clock, charge, declare, project_at, resource, rows_of, store
from watermaster.flows.allocate import allocate_months
from watermaster.flows.cost import CostQuestion, because, costs
from watermaster.flows.findings import find
from watermaster.flows.sync import sync
from watermaster.model.shapes import COSTS

MONTH, DAY = "2026-09", "2026-09-05"  # as small.charge has it
BEDROCK = {"service_name": "Amazon Bedrock"}
TEAMS = ("rag", "web")


@pytest.fixture
def project(tmp_path):
    made = project_at(tmp_path / "home", Clock("2026-10-02"))
    declare(
        made,
        *(resource("Team", name, {"unit": "ml"}) for name in TEAMS),
        *(resource("Workload", f"{name}-bot", {
            "purpose": "online-inference", "selectors": [{"labels": {"team": name}}]}, name)
          for name in TEAMS),
        resource("Model", "claude", {
            "purpose": "answers", "servedBy": "bedrock", "seenAs": ["claude-x", "claude-y"],
            "billed": [{"service": "Amazon Bedrock"}]}, "rag"),
    )  # fmt: skip
    return made


def asked(project, *told):
    """(subject, team label or None, hour, model, in, out, cached) as requests and subjects."""
    rows, subjects = [], {}
    for subject, team, hour, model, *tokens in told:
        at = dt.datetime.fromisoformat(DAY) + dt.timedelta(hours=hour)
        key = {"source": "bedrock", "day": f"{at:%Y-%m-%d}", "platform": "bedrock",
               "subject_kind": "api-key", "subject_uid": subject}  # fmt: skip
        rows.append(key | {"hour": at, "model": model, "requests": 1} | dict(
            zip(("tokens_in", "tokens_out", "tokens_cached"), tokens, strict=True)))  # fmt: skip
        labels = f'{{"team":"{team}"}}' if team else None
        subjects[tuple(key.values())] = key | {"labels": labels, "first_seen": at, "last_seen": at}
    store(project, "requests", rows)
    store(project, "subjects", list(subjects.values()))


def given_by(project, number):
    return {
        (row["workload"], row["kind"]): row["billed_cost"]
        for row in rows_of(project, "allocations")
        if row["charge_row"] == number
    }


def test_each_charge_goes_by_the_tokens_it_is_for(project):
    asked(
        project,
        ("k1", "rag", 3, "claude-x", 1000, 100, 400),
        ("k2", "web", 3, "claude-y", 300, 300, 0),
        ("k2", "web", 5, "claude-y", 100, 0, 0),
        ("k3", None, 4, "claude-x", 0, 600, 0),
        ("k1", "rag", 4, "titan", 9999, 9999, 0),  # another model of the same service
    )
    meters = ("InputTokenCount", "OutputTokenCount", "CacheReadInputTokenCount", "Requests")
    store(project, "charges", [
        *(charge("aws", MONTH, n, "10", sku_meter=meter, **BEDROCK)
          for n, meter in enumerate(meters, 1)),
        charge("aws", MONTH, 5, "7", service_name="Compute"),
        charge("aws", MONTH, 6, "6", charge_period_start=dt.datetime(2026, 9, 9),
               charge_period_end=dt.datetime(2026, 9, 10), **BEDROCK),
    ])  # fmt: skip
    allocate_months(project, [MONTH])
    rag, web, nobody = ("rag-bot", "measured"), ("web-bot", "measured"), (None, "unallocated")
    assert given_by(project, 1) == {rag: 6, web: 4}  # 600 and 400 not cached
    assert given_by(project, 2) == {rag: 1, web: 3, nobody: 6}
    assert given_by(project, 3) == {rag: 10}
    parts = given_by(project, 4)  # 1100, 700 and 600 of 2400
    for whose, tokens in ((rag, 1100), (web, 700), (nobody, 600)):
        assert abs(parts[whose] * 2400 - 10 * tokens) < Decimal("1e-5")
    assert sum(parts.values()) == 10
    assert given_by(project, 5) == {nobody: 7}
    assert given_by(project, 6) == {(None, "unmeasured"): 6}, "no tokens counted: nobody's guess"
    by_model = {
        row["model"]: row["cost"] for row in costs(project, CostQuestion(by=("model",))).rows
    }
    assert by_model["claude"] == (40 + 6) / Decimal(2)


@settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 23), st.integers(0, 10**11),
                       st.integers(0, 10**11), st.integers(0, 10**11)), min_size=2, max_size=12),
    st.lists(st.decimals("-99999", "99999", places=9), min_size=2, max_size=4),
)  # fmt: skip
def test_no_charge_of_tokens_is_lost_or_made(project, told, amounts):
    owner = {"a": "rag", "b": "web", "c": None, "d": "rag"}
    asked(project, *((key, owner[key], hour, "claude-x", *tokens) for key, hour, *tokens in told))
    meters = ("Input", "Output", "CacheRead", "Requests")
    store(project, "charges", [
        charge("aws", MONTH, n, str(amount), sku_meter=meters[n % 4], **BEDROCK)
        for n, amount in enumerate(amounts)
    ])  # fmt: skip
    allocate_months(project, [MONTH])
    given_rows = rows_of(project, "allocations")
    for held in rows_of(project, "charges"):
        parts = [row for row in given_rows if row["charge_row"] == held["charge_row"]]
        for cost in COSTS:
            assert sum(row[cost] for row in parts) == held[cost]
        assert sum(row["ratio"] for row in parts) == 1
        assert {row["rule"].partition(":")[0] for row in parts} == {"tokens"}


def test_a_synced_source_splits_its_bill_and_tells_of_keys_nobody_declared(tmp_path):
    """From the files of a provider to whose cost it is, and to what is nobody's."""
    usage = tmp_path / "usage"
    usage.mkdir()
    names = (
        "usage_date_utc,model_version,api_key,workspace,usage_type,"
        "usage_input_tokens_no_cache,usage_input_tokens_cache_read,usage_output_tokens\n"
    )
    (usage / "tokens.csv").write_text(names + "".join(
        f"{day},claude-x,{key},Default,standard,{tokens},0,0\n"
        for day in (DAY, "2026-09-06")
        for key, tokens in (("rag-prod", 600), ("shadow", 400))
    ))  # fmt: skip
    made = project_at(tmp_path / "home", Clock("2026-10-02"))
    declare(
        made,
        resource("Team", "rag", {"unit": "ml"}),
        resource("Workload", "rag-bot", {
            "purpose": "online-inference", "selectors": [{"name": "rag-prod"}]}, "rag"),
        resource("Model", "claude", {
            "purpose": "answers", "servedBy": "anthropic",
            "billed": [{"service": "Claude"}]}, "rag"),
        resource("Source", "claude-usage", {
            "type": "anthropic", "location": str(usage), "platform": "anthropic",
            "schedule": "0 * * * *"}),
    )  # fmt: skip
    store(made, "charges", [
        charge("anthropic", MONTH, n, "10", service_name="Claude", charge_description=text)
        for n, text in ((1, "Input Tokens"), (2, "Code execution"))
    ])  # fmt: skip
    (pulled,) = sync(made).pulled
    assert pulled.fault is None
    allocate_months(made, [MONTH])
    for number in (1, 2):
        assert given_by(made, number) == {("rag-bot", "measured"): 6, (None, "unallocated"): 4}
    told = [one for one in find(made, MONTH).found if one.rule == "undeclared-workload"]
    assert [one.subject for one in told] == ["api-key/anthropic/shadow"]


@pytest.mark.parametrize(
    ("kind", "rule", "words"),
    [
        ("measured", "tokens:claude", "split by the tokens"),
        ("unallocated", "tokens:claude:unowned-use", "no selector takes"),
        ("unmeasured", "tokens:claude", "no tokens were counted"),
    ],
)
def test_a_part_by_tokens_is_explained(kind, rule, words):
    assert words in because(kind, rule)
    assert "model claude" in because(kind, rule).lower()
