"""Closing a month: final figures, and adjustments that make closed months equal the bills."""

from decimal import Decimal

import pytest

from tests.flows.small import (
    Clock,
    charge,
    declare,
    project_at,
    resource,
    rows_of,
    store,
    supplied,
    used,
)
from watermaster.flows.allocate import allocate_months
from watermaster.flows.close import Gaps, amend_month, close_month
from watermaster.flows.closed import View, allocations_of
from watermaster.flows.cost import why
from watermaster.ledger.head import read_head
from watermaster.model.errors import NotFoundError, RefusedError, UsageError


def workload(name, account, owner):
    selectors = [{"account": account}, {"uid": f"ml/{name}"}]
    return resource("Workload", name, {"purpose": "training", "selectors": selectors}, owner)


@pytest.fixture
def clock():
    return Clock("2026-11-05T10:00:00")


@pytest.fixture
def project(tmp_path, clock):
    held = project_at(tmp_path / "home", clock)
    rule = {"match": [{"service": "Support"}], "split": "cost", "to": ["research", "web"]}
    declare(
        held,
        resource("Team", "research", {"unit": "labs", "costCenter": "1100"}),
        resource("Team", "web", {"unit": "shop"}),
        workload("chat", "a-1", "web"),
        workload("train", "a-2", "research"),
        resource("AllocationRule", "support", rule),
    )
    for month in ("2026-09", "2026-10"):
        store(held, "charges", bill("aws", month, "10", "30"))
    return held


def bill(source, month, chat, train, support="8"):
    return [
        charge(source, month, 1, chat),
        charge(source, month, 2, train, sub_account_id="a-2"),
        charge(source, month, 3, support, service_name="Support", sub_account_id="a-9"),
    ]


def seen(project, months=(), view=View.CLOSED):
    """Billed cost by billing month and workload or team, of what it shows."""
    head = read_head(project.ledger.records)
    rows = project.ledger.engine.to_pyarrow(allocations_of(project, head, months, view))
    found = {}
    for row in rows.to_pylist():
        key = (row["billing_month"], row["workload"] or row["team"], row["adjusts_month"])
        found[key] = found.get(key, Decimal(0)) + row["billed_cost"]
    return found


def total(project, column, view=View.CLOSED):
    head = read_head(project.ledger.records)
    rows = project.ledger.engine.to_pyarrow(allocations_of(project, head, (), view)).to_pylist()
    return sum(row[column] for row in rows)


def test_a_closed_month_never_changes_and_the_open_one_says_what_did(project):
    close_month(project, "2026-09")
    before = seen(project, ["2026-09"])
    store(project, "charges", bill("aws", "2026-09", "10", "50"))
    allocate_months(project)
    assert seen(project, ["2026-09"]) == before
    booked = {key: cost for key, cost in seen(project, ["2026-10"]).items() if key[2]}
    assert booked == {
        ("2026-10", "train", "2026-09"): Decimal(20),
        ("2026-10", "research", "2026-09"): pytest.approx(Decimal(8) * 50 / 60 - 6),
        ("2026-10", "web", "2026-09"): pytest.approx(Decimal(8) * 10 / 60 - 2),
    }
    assert seen(project, ["2026-09"], View.RESTATED)["2026-09", "train", None] == 50


def test_a_charge_of_a_closed_bill_is_explained_after_it_was_restated(project):
    close_month(project, "2026-09")
    new = [row | {"charge_file": "new"} for row in bill("aws", "2026-09", "10", "50")]
    file = bill("aws", "2026-09", "0", "0")[0]["charge_file"]
    store(project, "charges", new)
    allocate_months(project)
    assert why(project, file, 2).charge["BilledCost"] == 30
    assert [part.costs["billed_cost"] for part in why(project, file, 2).parts] == [Decimal(30)]


def test_closing_twice_changes_nothing(project):
    first = close_month(project, "2026-09")
    head = read_head(project.ledger.records)
    again = close_month(project, "2026-09")
    assert (first.is_new, again.is_new) == (True, False)
    assert read_head(project.ledger.records) == head


def test_an_unchanged_bill_delivered_again_books_nothing(project):
    close_month(project, "2026-09")
    store(project, "charges", bill("aws", "2026-09", "10", "30"))
    allocate_months(project)
    assert rows_of(project, "adjustments") == []


def test_several_restatements_over_several_closes_sum_to_the_present_bill(project, clock):
    close_month(project, "2026-09")
    store(project, "charges", bill("aws", "2026-09", "12", "30"))
    allocate_months(project)
    close_month(project, "2026-10")
    assert seen(project)["2026-10", "chat", "2026-09"] == 2
    store(project, "charges", bill("aws", "2026-09", "9", "30"))
    store(project, "charges", bill("aws", "2026-10", "10", "31"))
    allocate_months(project)
    assert seen(project)["2026-10", "chat", "2026-09"] == 2
    assert seen(project)["2026-11", "chat", "2026-09"] == -3
    assert seen(project)["2026-11", "train", "2026-10"] == 1
    for cost in ("billed_cost", "effective_cost", "list_cost", "contracted_cost"):
        assert total(project, cost) == total(project, cost, View.RESTATED)
    assert total(project, "billed_cost") == 9 + 30 + 8 + 10 + 31 + 8


def test_what_is_declared_after_the_close_moves_nothing_of_the_closed_month(project):
    close_month(project, "2026-09")
    declare(project, workload("chat", "a-1", "research"))
    store(project, "charges", bill("aws", "2026-09", "11", "30"))
    allocate_months(project)
    adjusted = [row for row in rows_of(project, "adjustments") if row["workload"] == "chat"]
    assert [(row["team"], row["billed_cost"]) for row in adjusted] == [("web", Decimal(1))]


def test_a_bill_that_comes_after_the_close_is_booked_whole(project):
    close_month(project, "2026-09")
    store(project, "charges", bill("azure", "2026-09", "5", "6", "0"))
    allocate_months(project)
    assert seen(project)["2026-10", "chat", "2026-09"] == 5
    assert total(project, "billed_cost") == total(project, "billed_cost", View.RESTATED)


def test_late_telemetry_moves_no_money_until_it_is_amended_with_a_reason(project, clock):
    pool = {"platform": "fra", "accelerator": "H100", "count": 1,
            "cost": {"staff": {"perMonth": "30"}}}  # fmt: skip
    declare(project, resource("Pool", "h100", pool, "research"))
    day = "2026-09-05"
    store(project, "gpu_supply", [supplied(day, "n1", h, 3600) for h in range(24)])
    seen_as = {"source": "dcgm", "day": day, "platform": "fra", "subject_kind": "pod"}
    store(project, "subjects", [seen_as | {"subject_uid": f"ml/{n}"} for n in ("chat", "train")])
    close_month(project, "2026-09")
    store(project, "gpu_hours", [used(day, "n1", 5, "ml/chat", 3600),
                                 used(day, "n1", 6, "ml/train", 1800)])  # fmt: skip
    allocate_months(project)
    assert rows_of(project, "adjustments") == []
    assert "2 rows of gpu_hours came after the close" in close_month(project, "2026-09").notes[0]
    with pytest.raises(UsageError, match="an amendment needs a reason"):
        amend_month(project, "2026-09", " ")
    assert amend_month(project, "2026-09", "the exporter was down").amended == [
        "the exporter was down"
    ]
    booked = seen(project)
    assert booked["2026-10", "chat", "2026-09"] == pytest.approx(Decimal(1) / 24)
    assert booked["2026-10", "train", "2026-09"] == pytest.approx(Decimal(1) / 48)
    idle = [row["billed_cost"] for row in rows_of(project, "adjustments") if row["kind"] == "idle"]
    assert sum(idle) == pytest.approx(-Decimal(1) / 16)
    head = read_head(project.ledger.records)
    amend_month(project, "2026-09", "again")
    assert read_head(project.ledger.records) == head
    store(project, "charges", bill("aws", "2026-09", "11", "30"))
    allocate_months(project)
    assert seen(project)["2026-10", "chat", "2026-09"] == pytest.approx(1 + Decimal(1) / 24)


def test_close_refuses_what_is_not_settled_and_prints_what_is_accepted(project, clock):
    focus = {"type": "focus", "location": "/bills", "settlingHours": 240}
    usage = {"type": "slurm", "location": "/sacct", "settlingHours": 1}
    declare(project, resource("Source", "aws", focus), resource("Source", "azure", focus),
            resource("Source", "slurm", usage))  # fmt: skip
    with pytest.raises(RefusedError) as refused:
        close_month(project, "2026-10")
    assert str(refused.value) == (
        "2026-10: source aws: not settled before 2026-11-11 00:00 UTC; source azure: not settled "
        "before 2026-11-11 00:00 UTC; source azure: no bill of 2026-10; source slurm: nothing seen "
        "in 2026-10; wait for them, or give --accept-gaps: they are then printed on the statement"
    )
    done = close_month(project, "2026-10", Gaps.ACCEPT)
    assert "source azure: no bill of 2026-10" in done.gaps
    assert done.notes == ["2026-09 still open: an earlier month should be closed first"]


def test_a_month_that_is_not_over_or_not_known_is_not_closed(project):
    with pytest.raises(RefusedError, match="the month is not over before 2026-12-01"):
        close_month(project, "2026-11", Gaps.ACCEPT)
    with pytest.raises(NotFoundError, match="2026-08: the ledger holds no charges of it"):
        close_month(project, "2026-08")
    with pytest.raises(UsageError, match="'09/2026' is no month"):
        close_month(project, "09/2026")
    with pytest.raises(RefusedError, match="the month is not closed"):
        amend_month(project, "2026-09", "why not")
