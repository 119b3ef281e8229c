"""What a finding is about: its things, and every workload it names."""

from dataclasses import replace

import pytest

from tests.decide.estate.test_findings import POD, seen
from watermaster.decide.review.remedy import remedies
from watermaster.flows.finding_things import places_of, things_of, works_of
from watermaster.model.findings import Finding

FOUND = Finding(rule="duplicate-endpoint", subject="workload/reader+reader-b", why="w",
                next_step="n", month="2026-10", cost=None, currency=None,
                asks={"merge": "reader-b", "into": "reader"})  # fmt: skip
HELD = replace(POD, parent_uid="deployment/rag/reader")
TWIN = replace(POD, uid="rag/b-0", workload="reader-b", parent_uid="deployment/rag/b")


@pytest.mark.parametrize(
    ("subject", "works"),
    [
        ("workload/a", {"a"}), ("workload/a+b", {"a", "b"}), ("workload/a+dataset/d", {"a"}),
        ("pod/fra/a+b", set()), ("artefact/sha256:1", set()),
    ],
)  # fmt: skip
def test_a_finding_names_its_workloads(subject, works):
    assert works_of(replace(FOUND, subject=subject)) == works


def test_the_twin_of_two_is_found_and_mended_without_being_in_the_evidence():
    things = things_of(FOUND, seen(HELD, TWIN))
    assert [one.uid for one in things] == ["rag/reader-0", "rag/b-0"]
    (remedy,) = remedies(FOUND, things)
    assert (remedy.verb, remedy.uid) == ("merge", "deployment/rag/b")


def test_two_findings_of_one_workload_of_which_only_bills_tell_are_about_the_same():
    runaway, zombie = (replace(FOUND, rule=rule, subject="workload/billed-only")
                       for rule in ("runaway-experiment", "zombie-experiment"))  # fmt: skip
    assert places_of(runaway, seen()) & places_of(zombie, seen())
    assert not places_of(zombie, seen()) & places_of(FOUND, seen(HELD))
