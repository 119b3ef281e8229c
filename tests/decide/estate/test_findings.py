"""Each rule of the estate: the case it is for, one that only looks like it, and silence."""

import datetime as dt
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watermaster.decide.estate.findings import findings
from watermaster.model.estate import Estate
from watermaster.model.resources import ResourceVersion, load_resource
from watermaster.model.things import Seen, Thing, Unclaimed, WorkloadUse

NOW = dt.datetime(2026, 10, 31, 12, tzinfo=dt.UTC)
HOUR = 3600


def day(number):
    return dt.datetime(2026, 10, number, tzinfo=dt.UTC)


def resource(kind, name, spec, owner=None):
    document = {"apiVersion": "watermaster/v1", "kind": kind, "spec": spec,
                "metadata": {"name": name} | ({"owner": owner} if owner else {})}  # fmt: skip
    return ResourceVersion(resource=load_resource(document), recorded_at=NOW)


def workload(name, owner, **spec):
    selectors = [{"labels": {"app": name}}]
    return resource(
        "Workload", name, {"purpose": "online-inference", "selectors": selectors} | spec, owner
    )


BORN = {"stage": "experiment", "endDate": "2026-12-31", "budget": {"amount": 900}}
ESTATE = Estate((
    resource("Team", "rag", {"unit": "Care"}),
    resource("Team", "fraud", {"unit": "Claims"}),
    resource("Platform", "fra", {"type": "kubernetes", "country": "DE"}),
    resource("Platform", "lab", {"type": "kubernetes", "environment": "development"}),
    resource("Dataset", "scans", {"locations": ["s3://scans"], "classification": "health",
                                  "countries": ["DE", "FR"]}),
    resource("Dataset", "news", {"locations": ["s3://news"], "classification": "public"}),
    resource("Model", "reader-7b", {"purpose": "reads"}),
    workload("reader", "rag", model="reader-7b"),
    workload("reader-b", "rag", model="reader-7b", datasets=["news"]),
    workload("score", "fraud", **BORN | {"endDate": "2026-10-01"}),
))  # fmt: skip
POD = Thing(
    source="k8s", platform="fra", kind="pod", uid="rag/reader-0", namespace="rag",
    first_seen=day(1), last_seen=day(31), workload="reader", team="rag", gpus=4,
    reserved_s=4 * 700 * HOUR, measured_s=4 * 700 * HOUR, used_s=4 * 350 * HOUR, busiest=0.8,
    p95=0.75, p99=0.8,
    cost=Decimal(900),
)  # fmt: skip

STILL = {"busiest": 0.0, "p95": 0.0, "p99": 0.0, "used_s": 0, "still_s": 4 * 700 * HOUR,
         "still_day_s": 4 * 696 * HOUR, "still_hours": 696}  # fmt: skip


def seen(*things, **more):
    told = {"k8s": day(31), "aws": day(31)}
    alive = [
        WorkloadUse(workload=name, cost=Decimal(9), last_seen=day(31), runs=1, requests=None)
        for name in ("reader", "reader-b")
    ]
    return Seen(**{"month": "2026-10", "now": NOW, "currency": "USD", "things": list(things),
                   "told_until": told, "workloads": alive} | more)  # fmt: skip


def rules(*things, estate=ESTATE, **more):
    return [(one.rule, one.subject) for one in findings(seen(*things, **more), estate)]


def test_a_busy_declared_pod_is_no_finding():
    assert rules(POD, replace(POD, uid="rag/reader-1")) == []


def test_two_selectors_that_take_a_node_or_an_account_are_no_finding():
    loose = {"is_ambiguous": True, "workload": None, "team": None, "reserved_s": 0}
    node = replace(POD, kind="node", uid="gpu1", namespace=None, **loose)
    account = replace(node, kind="slurm-account", uid="ml", account="ml")
    job = replace(account, kind="slurm-job", uid="7")
    assert rules(node, account) == []
    assert rules(job) == [("ambiguous-selector", "account/fra/ml")]


def test_work_that_nobody_declared_is_told_by_namespace_with_a_guess():
    stray = replace(POD, uid="tmp/x", namespace="tmp", workload=None, team=None, cost=Decimal(7))
    other = replace(stray, uid="fraud/y", namespace="fraud")
    found = {one.subject: one for one in findings(seen(stray, other), ESTATE)}
    assert set(found) == {"namespace/fra/tmp", "namespace/fra/fraud"}
    assert found["namespace/fra/tmp"].guess is None
    assert found["namespace/fra/fraud"].guess == "fraud"
    assert found["namespace/fra/fraud"].next_step == "wm estate adopt"


def test_a_teams_own_work_and_a_minute_of_work_are_not_undeclared():
    teams = replace(POD, workload=None)
    short = replace(POD, uid="tmp/x", workload=None, team=None, reserved_s=60, cost=None)
    assert rules(teams, short) == []


def test_an_api_key_nobody_declared_is_shadow_use():
    key = Thing(source="openai", platform="openai", kind="api-key", uid="key-9", requests=40,
                first_seen=day(2), last_seen=day(30), cost=Decimal(3))  # fmt: skip
    assert rules(key) == [("undeclared-workload", "api-key/openai/key-9")]


def test_a_key_whose_tokens_alone_are_counted_is_shadow_use_too():
    key = Thing(source="anthropic", platform="anthropic", kind="api-key", uid="key-9",
                first_seen=day(2), last_seen=day(30), last_used=day(30))  # fmt: skip
    assert rules(key) == [("undeclared-workload", "api-key/anthropic/key-9")]
    (told,) = findings(seen(key), ESTATE)
    assert "tokens were counted" in told.why
    assert rules(replace(key, last_used=None)) == [], "that a key is there tells of no use"


def test_a_resource_billed_for_days_without_an_owner_is_told_with_the_accounts_team():
    one = Unclaimed(resource_id="i-9", service="EC2", account="111", region=None, first=day(2),
                    last=day(5), cost=Decimal(40))  # fmt: skip
    short = replace(one, resource_id="i-8", last=day(2) + dt.timedelta(hours=3))
    held = seen(unclaimed=[one, short], account_teams={"111": ("rag", 0.91)})
    (found,) = findings(held, ESTATE)
    assert (found.subject, found.cost, found.guess) == ("resource/i-9", 40, "rag")
    assert found.guess_reason == "91% of account 111 is rag's"


def test_two_equal_selectors_are_told_once_a_place():
    torn = replace(POD, workload=None, team=None, is_ambiguous=True)
    assert rules(torn, replace(torn, uid="rag/reader-1")) == [
        ("ambiguous-selector", "namespace/fra/rag")
    ]


def test_what_a_dissolved_team_left_is_told():
    gone = Estate((*ESTATE.versions, workload("old", "gone-team"), workload("new", "rag")))
    use = [WorkloadUse(workload=name, cost=Decimal(5), last_seen=day(31), runs=1, requests=None)
           for name in ("old", "new", "reader", "reader-b")]  # fmt: skip
    assert rules(estate=gone, workloads=use) == [("gone-team", "workload/old")]


def test_a_silent_source_is_never_idle_and_never_gone():
    still = replace(POD, **STILL)
    quiet = {"workloads": [], "told_until": {"k8s": day(31)}}
    assert ("inactive-gpu", still.place) in rules(still, **quiet)
    assert {rule for rule, _ in rules(still, **quiet)} == {"inactive-gpu", "declared-not-running"}
    assert rules(still, silent=frozenset({"k8s"}), **quiet) == []


@pytest.mark.parametrize(
    ("kind", "change", "rule"),
    [
        ("volume", {"state": "available", "created_at": day(1) - dt.timedelta(days=80)},
         "orphaned-volume"),
        ("volume", {"state": "in-use", "created_at": day(1) - dt.timedelta(days=80)}, None),
        ("volume", {"state": "available", "created_at": day(20)}, None),
        ("snapshot", {"workload": None, "team": None, "created_at": day(1) - dt.timedelta(days=80)},
         "orphaned-snapshot"),
        ("endpoint", {"last_used": day(1) - dt.timedelta(days=9)}, "orphaned-endpoint"),
        ("endpoint", {"last_used": day(30)}, None),
        ("endpoint", {"requests": 0, "created_at": day(1) - dt.timedelta(days=9)},
         "orphaned-endpoint"),
        ("endpoint", {"requests": None, "created_at": day(1) - dt.timedelta(days=9)}, None),
        ("notebook", {"last_used": day(1) - dt.timedelta(days=9)}, "orphaned-notebook"),
    ],
)  # fmt: skip
def test_what_lies_unused_for_a_month_is_an_orphan(kind, change, rule):
    thing = Thing(source="aws", platform="aws", kind=kind, uid="x-1", first_seen=day(1),
                  last_seen=day(31), team="rag", workload="reader", cost=Decimal(4))  # fmt: skip
    found = rules(replace(thing, **change), replace(thing, uid="x-2", last_used=day(30)))
    assert found == ([(rule, f"{kind}/aws/x-1")] if rule else [])


def test_an_orphan_that_is_gone_is_no_finding():
    gone = Thing(source="aws", platform="aws", kind="volume", uid="x-1", state="available",
                 created_at=day(1) - dt.timedelta(days=80), first_seen=day(1),
                 last_seen=day(12))  # fmt: skip
    assert rules(gone) == []


def test_an_experiment_past_its_end_that_still_costs_is_a_zombie():
    use = [WorkloadUse(workload=name, cost=cost, last_seen=day(31), runs=1, requests=None)
           for name, cost in (("score", Decimal(70)), ("reader", Decimal(5)),
                              ("reader-b", Decimal(5)))]  # fmt: skip
    assert rules(workloads=use) == [("zombie-experiment", "workload/score")]
    assert rules(workloads=[replace(use[0], cost=Decimal(0)), *use[1:]]) == []


def test_one_artefact_served_or_stored_twice_costs_all_but_the_dearest():
    one = Thing(source="k8s", platform="fra", kind="endpoint", uid="a", artefact="sha256:1",
                first_seen=day(1), last_seen=day(31), last_used=day(31), cost=Decimal(30),
                team="rag")  # fmt: skip
    twin = replace(one, uid="b", cost=Decimal(20), team="fraud")
    other = replace(one, uid="c", artefact="sha256:2")
    address = [replace(one, uid=uid, artefact="s3://models/x") for uid in ("d", "e")]
    (found,) = findings(seen(one, twin, other, *address), ESTATE)
    assert (found.rule, found.subject, found.cost) == (
        "duplicate-artefact",
        "artefact/sha256:1",
        20,
    )
    assert "owners fraud, rag" in found.why
    stored = [replace(one, kind="prefix", uid=uid) for uid in ("a", "b")]
    assert rules(*stored) == [("duplicate-dataset", "artefact/sha256:1")]


def test_two_half_empty_endpoints_of_one_model_could_be_one():
    low = replace(POD, used_s=4 * 200 * HOUR)
    twin = replace(low, uid="rag/reader-b-0", workload="reader-b", cost=Decimal(300))
    (found,) = findings(seen(low, twin), ESTATE)
    assert (found.rule, found.cost) == ("duplicate-endpoint", 300)
    assert rules(replace(low, used_s=4 * 600 * HOUR), twin) == []
    assert rules(low, replace(twin, platform="lab")) == []


def test_of_two_endpoints_the_cheaper_is_named_as_the_one_that_goes():
    low = replace(POD, used_s=4 * 200 * HOUR)
    twin = replace(low, uid="rag/reader-b-0", workload="reader-b", cost=Decimal(300))
    (found,) = findings(seen(low, twin), ESTATE)
    assert found.asks == {"merge": "reader-b", "into": "reader"}
    (found,) = findings(seen(replace(low, cost=Decimal(200)), twin), ESTATE)
    assert found.asks == {"merge": "reader", "into": "reader-b"}


RESERVED = replace(
    POD, source="slurm", platform="lab", kind="reservation", uid="course", name="course",
    namespace=None, state="active", gpus=8, accelerator="a100", creator="ada", workload=None,
    first_seen=day(20), reserved_s=0, measured_s=0, cost=None,
)  # fmt: skip


def test_a_reservation_that_no_job_used_is_idle():
    (found,) = findings(seen(RESERVED), ESTATE)
    assert (found.rule, found.subject) == ("idle-reservation", "reservation/lab/course")
    assert "keeps 8 a100 of lab for ada since 2026-10-20" in found.why


@pytest.mark.parametrize(
    "other",
    [
        replace(RESERVED, state="inactive"),
        replace(RESERVED, first_seen=day(31)),
        replace(RESERVED, labels={"flags": "MAINT,SPEC_NODES"}),
        replace(RESERVED, labels={"flags": "WEEKLY"}),
        replace(RESERVED, gpus=None),
    ],
)
def test_a_reservation_that_is_meant_or_young_or_over_is_none(other):
    assert rules(other) == []


@pytest.mark.parametrize("state", ["pending", "running", "completed"])
def test_one_job_that_ran_or_waits_inside_a_reservation_uses_it(state):
    job = replace(POD, source="slurm", platform="lab", kind="slurm-job", uid="lab:7:1",
                  state=state, labels={"reservation": "course"})  # fmt: skip
    assert "idle-reservation" not in [rule for rule, _ in rules(RESERVED, job)]
    other = replace(job, platform="fra")
    assert "idle-reservation" in [rule for rule, _ in rules(RESERVED, other)]


def test_many_models_of_one_base_sprawl():
    models = [
        resource("Model", f"{base}-{n}", {"purpose": "x", "baseModel": base})
        for base, count in (("llama", 5), ("bert", 2))
        for n in range(count)
    ]
    assert rules(estate=Estate((*ESTATE.versions, *models))) == [
        ("model-sprawl", "base-model/llama")
    ]


def test_health_data_may_not_be_read_from_development():
    reads = replace(POD, uses=("s3://scans/2026", "s3://news"), workload="reader-b")
    place = replace(reads, namespace="rag-dev", uid="rag-dev/x")
    lab = replace(reads, platform="lab", uid="rag/y")
    found = rules(reads, place, lab)
    assert [subject for rule, subject in found if rule == "data-out-of-place"] == [
        "pod/fra/rag-dev/x+dataset/scans", "pod/lab/rag/y+dataset/scans"
    ]  # fmt: skip
    assert ("undeclared-data-use", "workload/reader-b+dataset/scans") in found
    assert not any("news" in subject for _, subject in found)


def test_data_may_not_leave_its_countries():
    abroad = resource("Platform", "usa", {"type": "kubernetes", "country": "US"})
    reads = replace(POD, platform="usa", uses=("s3://scans",))
    home = replace(POD, uid="rag/z", uses=("s3://scans",))
    found = rules(reads, home, estate=Estate((*ESTATE.versions, abroad)))
    assert [s for rule, s in found if rule == "data-out-of-place"] == [
        "pod/usa/rag/reader-0+dataset/scans"
    ]


@given(st.permutations(range(4)))
def test_order_is_irrelevant_and_ids_are_stable(order):
    things = [
        replace(POD, **STILL),
        replace(POD, uid="tmp/x", namespace="tmp", workload=None, team=None),
        replace(POD, uid="tmp/y", namespace="tmp", workload=None, team=None),
        replace(POD, uid="rag/2", uses=("s3://scans",), namespace="dev"),
    ]
    first = findings(seen(*things), ESTATE)
    again = findings(seen(*(things[place] for place in order)), ESTATE)
    assert [one.id for one in first] == [one.id for one in again]
    assert len({one.id for one in first}) == len(first) >= 3
