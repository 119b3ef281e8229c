"""Whether an artefact has passed: what stands passes until a waiver that let it in is over."""

import pytest

from tests.flows.registry_work import ADA, BEN, MODEL, digest, promote, prove, registry_at
from watermaster.flows.evidence import give_evidence
from watermaster.flows.passed import check
from watermaster.ledger.registry_records import WAIVERS
from watermaster.model.errors import NotFoundError, UsageError


@pytest.fixture
def project(tmp_path):
    return registry_at(tmp_path / "home", 12, 13)


def only(project, said, environment="production"):
    (found,) = check(project, said, environment)
    return found


def test_it_is_judged_now_or_stands_since_it_was_let_in(project):
    assert not only(project, f"{MODEL}/12").has_passed
    prove(project, 12)
    assert "as of now" in only(project, digest(12)).why
    promote(project, 12)
    standing = only(project, f"models:/{MODEL}@prod")
    assert standing.slot == "alias/prod"
    worse = {"dataset": "claims 8", "cases": 9, "metrics": {"accuracy": 0.1}}
    give_evidence(project, "evaluation", MODEL, 12, worse)
    assert only(project, f"{MODEL}/12").has_passed
    assert not only(project, f"{MODEL}/12", "staging").has_passed


def test_a_waiver_that_is_over_lets_nothing_new_in(project):
    prove(project, 13)
    scan = {"tool": "scanner", "critical": 2, "high": 0}
    give_evidence(project, "scan", MODEL, 13, scan)
    row = {
        "id": "w1", "gate": "production", "requirement": "safe", "model": MODEL, "version": 13,
        "why": "mended in the image", "asked_by": ADA.name, "asked_at": "2026-10-13T00:00:00+00:00",
        "granted_by": BEN.name, "granted_at": "2026-10-13T01:00:00+00:00",
        "ends_at": "2026-10-20T00:00:00+00:00",
    }  # fmt: skip
    with project.ledger.records.begin() as connection:
        connection.execute(WAIVERS.insert().values(**row))
    promote(project, 13)
    assert "on waiver w1" in only(project, f"{MODEL}/13").warnings[0]
    project.ledger.clock.set("2026-10-21T00:00:00")
    over = only(project, f"{MODEL}/13")
    assert not over.has_passed
    assert "no critical hole (evidence.scan.critical is 2)" in over.why
    assert "which is over" in over.warnings[0]


def test_what_nobody_knows_is_said_so(project):
    with pytest.raises(NotFoundError):
        check(project, digest(99), "production")
    with pytest.raises(UsageError, match="names no model"):
        check(project, "claims", "production")
