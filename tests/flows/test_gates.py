"""Gates: a version stands in production only on evidence of its own artefact."""

import dataclasses

import pytest

from tests.flows.registry_work import ADA, BEN, MODEL, as_subject, digest, registry_at
from watermaster.flows.audit import audit_rows, verify
from watermaster.flows.evidence import give_evidence, list_evidence
from watermaster.flows.gates import rule
from watermaster.ledger.audit import chained
from watermaster.ledger.identity_records import SERVICE_TOKENS
from watermaster.ledger.registry_records import EVIDENCE, WAIVERS
from watermaster.model.errors import BadInputError, NotAllowedError, NotFoundError, UsageError
from watermaster.model.gates import Change, GateRefusedError, Verdict

PROD = frozenset({"alias/prod"})
GOOD = {"dataset": "claims 7", "cases": 900, "metrics": {"accuracy": 0.94}}
CLEAN = {"tool": "scanner", "critical": 0, "high": 1}


@pytest.fixture
def project(tmp_path):
    return registry_at(tmp_path / "home", 3, 4)


def change(version=3, gains=PROD, **more):
    told = {"model": MODEL, "version": version, "digest": digest(version), "gains": gains}
    return Change(**told | {"way": "registered-models/alias"} | more)


def ruled(project, asked):
    with chained(project.ledger.records) as connection:
        return rule(connection, project, asked)


def shown(project, version=3):
    give_evidence(project, "evaluation", MODEL, version, GOOD)
    give_evidence(project, "scan", MODEL, version, CLEAN)
    give_evidence(as_subject(project, BEN), "approval", MODEL, version, {"says": "fit"})


def test_without_evidence_every_requirement_says_what_is_missing(project):
    ruling = ruled(project, change())
    assert ruling.verdict is Verdict.REFUSED  # no approval is a fact: there are 0
    assert [(r.requirement, r.verdict) for r in ruling.reasons] == [
        ("accurate", Verdict.MISSING), ("safe", Verdict.MISSING), ("approved", Verdict.REFUSED),
    ]  # fmt: skip
    assert ruling.reasons[0].missing == ("evidence.evaluation.metrics.accuracy",)


def test_evidence_of_the_artefact_and_a_second_pair_of_eyes_let_it_pass(project):
    shown(project)
    ruling = ruled(project, change())
    assert ruling.verdict is Verdict.ALLOWED
    assert ruling.reasons[0].figures == {"evidence.evaluation.metrics.accuracy": 0.94}
    assert set(ruling.evidence) == {e.id for e in list_evidence(project, MODEL, 3)}


def test_a_bad_figure_refuses_with_the_figure(project):
    shown(project)
    give_evidence(project, "scan", MODEL, 3, CLEAN | {"critical": 2})
    ruling = ruled(project, change())
    assert ruling.verdict is Verdict.REFUSED
    assert [r.sentence for r in ruling.against] == [
        "no critical hole (evidence.scan.critical is 2)"
    ]


@pytest.mark.parametrize(
    "other", [{"digest": digest(9)}, {"digest": None}, {"version": 4, "digest": digest(4)}]
)
def test_evidence_of_another_artefact_does_not_count(project, other):
    shown(project)
    assert ruled(project, change(**other)).verdict is not Verdict.ALLOWED


def test_nobody_is_both_eyes(project):
    give_evidence(project, "evaluation", MODEL, 3, GOOD)
    give_evidence(project, "scan", MODEL, 3, CLEAN)
    both = as_subject(project, dataclasses.replace(ADA, grants=(*ADA.grants, *BEN.grants)))
    give_evidence(both, "approval", MODEL, 3, {"says": "mine, and good"})
    assert ruled(both, change()).verdict is Verdict.REFUSED
    give_evidence(as_subject(project, BEN), "approval", MODEL, 3, {"says": "good"})
    assert ruled(as_subject(project, BEN), change()).verdict is Verdict.REFUSED
    assert ruled(project, change()).verdict is Verdict.ALLOWED


def test_a_token_and_who_made_it_are_one_pair_of_eyes(project):
    row = {"id": "t1", "name": "ci", "hash": "0" * 64, "grants": "[]", "scopes": "[]",
           "made_at": "2026-10-01", "made_by": BEN.name, "ends_at": "2027-01-01"}  # fmt: skip
    with project.ledger.records.begin() as connection:
        connection.execute(SERVICE_TOKENS.insert().values(**row))
    shown(project)
    ci = as_subject(project, dataclasses.replace(ADA, name="token/ci"))
    assert ruled(ci, change()).verdict is Verdict.REFUSED  # Ben approved, and asks through it
    assert ruled(project, change()).verdict is Verdict.ALLOWED


def test_a_slot_that_no_gate_guards_needs_no_ruling(project):
    assert ruled(project, change(gains=frozenset({"alias/candidate"}))) is None
    assert ruled(project, change(gains=frozenset())) is None


def test_a_waiver_lets_pass_until_it_ends_and_only_what_it_names(project):
    shown(project)
    give_evidence(project, "scan", MODEL, 3, CLEAN | {"critical": 2})
    row = {
        "id": "w1", "gate": "production", "requirement": "safe", "model": MODEL, "version": 3,
        "why": "mended in the image", "asked_by": ADA.name, "asked_at": "2026-10-13T00:00:00+00:00",
        "granted_by": BEN.name, "granted_at": "2026-10-13T01:00:00+00:00",
        "ends_at": "2026-10-20T00:00:00+00:00",
    }  # fmt: skip
    with project.ledger.records.begin() as connection:
        connection.execute(WAIVERS.insert().values(**row))
    ruling = ruled(project, change())
    assert ruling.verdict is Verdict.ALLOWED
    assert [r.waiver for r in ruling.reasons] == [None, "w1", None]
    assert ruled(project, change(version=4, digest=digest(4))).verdict is not Verdict.ALLOWED
    project.ledger.clock.set("2026-10-21T00:00:00")
    assert ruled(project, change()).verdict is Verdict.REFUSED


def test_each_ruling_and_each_piece_of_evidence_is_in_the_audit_log(project):
    shown(project)
    ruling = ruled(project, change())
    logged = [(row.action, row.actor) for row in audit_rows(project)][-4:]
    assert logged == [
        ("evidence", ADA.name), ("evidence", ADA.name), ("evidence", BEN.name), ("gate", ADA.name),
    ]  # fmt: skip
    assert list(audit_rows(project))[-1].detail["ruling"] == ruling.id
    assert verify(project).is_whole


def test_an_approval_needs_the_right_and_a_signature_is_never_anybodys_word(project):
    with pytest.raises(NotAllowedError, match="may not give approval"):
        give_evidence(project, "approval", MODEL, 3, {"says": "fit"})
    with pytest.raises(NotAllowedError, match="Watermaster finds itself"):
        give_evidence(project, "signature", MODEL, 3, {"verified": True, "signer": "me"})


@pytest.mark.parametrize(
    ("kind", "version", "told", "error", "what"),
    [
        ("evaluaton", 3, GOOD, UsageError, "no kind of evidence"),
        ("scan", 3, {"tool": "x", "critical": -1, "high": 0}, BadInputError, "critical"),
        ("scan", 3, {"tool": "x", "critical": 0, "hihg": 0}, BadInputError, "high"),
        ("evaluation", 3, GOOD | {"metrics": {"a": float("nan")}}, BadInputError, "finite"),
        ("scan", 8, CLEAN, NotFoundError, "no such version"),
    ],
)
def test_bad_evidence_is_told_and_not_kept(project, kind, version, told, error, what):
    with pytest.raises(error, match=what):
        give_evidence(project, kind, MODEL, version, told)
    with project.ledger.records.connect() as connection:
        assert connection.execute(EVIDENCE.select()).all() == []


def test_a_refusal_tells_every_reason_with_its_figure(project):
    give_evidence(project, "scan", MODEL, 3, CLEAN | {"critical": 2})
    error = GateRefusedError(ruled(project, change()))
    assert error.where == f"{MODEL} 3 to alias/prod"
    assert error.what.startswith("refused for 3 reasons: production/accurate: accuracy of at least")
    assert "evidence.scan.critical is 2" in error.what
    assert "no evidence of evidence.evaluation.metrics.accuracy" in error.what
