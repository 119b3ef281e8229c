"""A review is frozen when it is opened, answered until it is closed, and given again for good."""

import dataclasses
import datetime as dt
import json
from decimal import Decimal

import pytest

from tests.flows.fix_work import MONTH, VOLUME, finding_of, prepare
from tests.flows.small import Clock, charge, declare, resource, store
from watermaster.flows.allocate import allocate_months
from watermaster.flows.close import Gaps, close_month
from watermaster.flows.cost import CostQuestion, costs
from watermaster.flows.cost_explained import cost_explained
from watermaster.flows.cost_moved import cost_moved
from watermaster.flows.decide_finding import Choice
from watermaster.flows.findings import find
from watermaster.flows.review import (
    close_review,
    decide_in_review,
    list_reviews,
    open_review,
    show_review,
    verify_review,
)
from watermaster.flows.scope import Asked
from watermaster.ledger.reviews import review_texts
from watermaster.model.decided import Verb
from watermaster.model.errors import NotFoundError, RefusedError
from watermaster.model.plain import plain
from watermaster.serve.report import report


@pytest.fixture
def project(tmp_path):
    """Two months of bills: i-2 came, i-1 went, the volume costs what it did."""
    project = prepare(tmp_path / "home", Clock("2026-10-05T08:00:00"))
    store(project, "charges", [
        charge("aws", "2026-08", 50 + n, "300", resource_id=idn, sku_id="m5", pricing_unit="Hours",
               pricing_quantity=Decimal(10), charge_category="Usage")
        for n, idn in enumerate(("i-1", VOLUME))
    ])  # fmt: skip
    allocate_months(project)
    find(project, MONTH)
    return project


def _choice(verb=Verb.ACCEPT):
    due = dt.date(2026, 12, 1) if verb is Verb.ACCEPT else None
    return Choice(verb=verb, why="unused", team="ops", due=due)


def test_what_it_shows_is_what_the_ledger_and_the_api_say(project):
    made = open_review(project, MONTH)
    total = costs(project, CostQuestion(by=("month",), months=(MONTH,))).total
    moved = cost_moved(project, Asked(month=MONTH))
    assert (made.costs.total, made.costs.before) == (total, moved.before)
    assert sum(made.costs.moved.steps.values()) == moved.now - moved.before
    assert sum(one.cost for one in made.costs.units) == total
    assert {one.rule for one in made.wanted} == {
        "orphaned-volume", "unowned-resource", "inactive-gpu"
    }  # fmt: skip
    assert show_review(project) == made


def test_why_it_moved_adds_up_to_what_moved(project):
    told = cost_explained(project, Asked(month=MONTH))
    assert sum((one.amount for one in told.reasons), Decimal(0)) == told.now - told.before
    assert told.before != told.now


def test_it_is_opened_once_and_an_unknown_one_is_said_so(project):
    open_review(project, MONTH)
    with pytest.raises(RefusedError, match="is opened already; wm review show 2026-09"):
        open_review(project, MONTH)
    with pytest.raises(NotFoundError, match="was not opened; wm review open 2026-08"):
        show_review(project, "2026-08")
    with pytest.raises(NotFoundError, match="month 2031-01: has no allocations"):
        open_review(project, "2031-01")


def test_answers_are_decisions_on_the_findings_and_end_with_the_close(project):
    open_review(project, MONTH)
    volume = finding_of(project, "orphaned-volume")
    found = decide_in_review(project, MONTH, volume[:6], _choice())
    assert [(one.finding, one.verb, one.team) for one in found.answers] == [
        (volume, Verb.ACCEPT, "ops")
    ]  # fmt: skip
    closed = close_review(project, MONTH)
    with pytest.raises(RefusedError, match="was closed on"):
        decide_in_review(project, MONTH, volume, _choice(Verb.DECLINE))
    with pytest.raises(RefusedError, match="is closed already"):
        close_review(project, MONTH)
    assert list_reviews(project) == [closed]
    assert [one.finding for one in closed.answers] == [volume]


def test_the_next_review_tells_what_was_decided_since(project):
    volume = finding_of(project, "orphaned-volume")
    open_review(project, "2026-08")
    project.ledger.clock.now += dt.timedelta(days=1)
    decide_in_review(project, "2026-08", volume, _choice())
    project.ledger.clock.now += dt.timedelta(days=1)
    later = open_review(project, MONTH)
    assert [one.finding for one in later.taken] == [volume]
    assert next(one for one in later.wanted if one.finding == volume).status == "accepted"


def test_after_a_year_of_changes_its_snapshots_and_its_report_give_the_same_bytes(project):
    open_review(project, MONTH)
    decide_in_review(project, MONTH, finding_of(project, "orphaned-volume"), _choice())
    close_review(project, MONTH)
    text = review_texts(project.ledger.records)[MONTH]
    before = {kind: report(show_review(project, MONTH), kind, "Org") for kind in ("html", "csv")}
    for number in range(4):  # bills that come, a month restated and closed, another estate
        project.ledger.clock.now += dt.timedelta(days=92)
        month = f"{project.ledger.clock.now:%Y-%m}"
        store(project, "charges", [
            charge("aws", month, 900 + number, "77", resource_id="i-9"),
            charge("gcp", MONTH, 950 + number, "5", resource_id="i-late"),
        ])  # fmt: skip
        declare(project, resource("Team", f"new-{number}", {
            "unit": "New", "selectors": [{"resourceId": "i-1"}] if number == 2 else []
        }))  # fmt: skip
        allocate_months(project)
        find(project)
        if number == 1:
            close_month(project, MONTH, Gaps.ACCEPT)
    assert costs(project, CostQuestion(by=("month",), months=(MONTH,))).total != (
        show_review(project, MONTH).costs.total
    )
    assert review_texts(project.ledger.records)[MONTH] == text
    assert json.dumps(plain(show_review(project, MONTH)), ensure_ascii=False) == text
    assert {k: report(show_review(project, MONTH), k, "Org") for k in before} == before
    assert verify_review(project, MONTH)


def test_a_review_whose_record_was_touched_is_told_by_its_snapshots(project):
    made = open_review(project, MONTH)
    forged = dataclasses.replace(
        made, costs=dataclasses.replace(made.costs, total=made.costs.total + 1)
    )
    from watermaster.ledger.records import REVIEWS

    with project.ledger.records.begin() as connection:
        connection.execute(REVIEWS.update().values(held=json.dumps(plain(forged))))
    assert not verify_review(project, MONTH)
