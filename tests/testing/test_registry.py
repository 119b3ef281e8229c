"""The simulated registry: what the tour shows of it is what the gates and the files say."""

import datetime as dt

import pytest

from tests.flows.small import Clock, declare, project_at, resource
from watermaster.flows.artefacts import verify_version
from watermaster.flows.audit import verify
from watermaster.flows.gate_asked import ask_gates
from watermaster.flows.passed import check
from watermaster.flows.registered import moment_of, registered
from watermaster.model.gates import Verdict
from watermaster.testing.simulate.registry import INES, TOVE, register


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    base = tmp_path_factory.mktemp("demo")
    (base / "home").mkdir()
    (base / "home" / "config.yaml").write_text(f"artefacts: ['{base / 'models'}']\n")
    made = project_at(base / "home", Clock("2026-11-21T00:00:00"))
    declare(made, resource("Team", "claims-triage", {"unit": "Claims"}))
    register(made, base)
    return made


def test_thirteen_is_refused_with_three_reasons_and_their_figures(project):
    ruling = ask_gates(project, "claims-triage", 13, "alias/prod")
    assert ruling.verdict is Verdict.REFUSED
    told = [(one.requirement, dict(one.figures)) for one in ruling.against]
    assert told == [
        ("accurate", {"evidence.evaluation.metrics.accuracy": 0.87}),
        ("fair", {"evidence.bias.worst_gap": 0.09}),
        ("approved", {"evidence.approval.count": 0}),
    ]


def test_what_was_in_production_on_a_day_and_on_what_evidence(project):
    found = registered(project, "claims-triage", moment_of("2026-10-14"))
    ((stood, evidence),) = found.standing
    assert (stood.version, stood.set_by, stood.slot) == (12, INES, "alias/prod")
    assert [one.subject for one in evidence if one.kind == "approval"] == [TOVE]
    before = registered(project, "claims-triage", moment_of("2026-10-12"))
    assert [one.version for one, _ in before.standing] == [11]


def test_the_flipped_byte_is_named_and_nothing_else(project):
    verified = verify_version(project, "claims-triage", 11)
    assert [one.thing for one in verified.breaks] == ["file weights.bin"]
    assert verify_version(project, "claims-triage", 12).is_whole
    assert verify(project).is_whole


def test_the_waiver_lets_one_stand_until_it_ends(project):
    (found,) = check(project, "fraud-gnn@prod", "production")
    assert found.has_passed
    assert "on waiver" in found.warnings[0]
    project.ledger.clock.now = dt.datetime(2026, 12, 21, tzinfo=dt.UTC)
    (over,) = check(project, "fraud-gnn@prod", "production")
    assert not over.has_passed
