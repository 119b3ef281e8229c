"""A right holds in its team: who sees everything, or approves elsewhere, changes nothing here."""

import dataclasses

import pytest

from tests.flows.small import Clock, declare, project_at, resource
from watermaster.flows.evidence import give_evidence
from watermaster.flows.registry import create_model, tag_model
from watermaster.model.errors import NotAllowedError
from watermaster.model.identity import Grant, Right, Role, Sort, Subject


def who(name, *grants):
    held = tuple(Grant(role=role, team=team) for role, team in grants)
    return Subject(name=name, sort=Sort.PERSON, grants=held)


@pytest.fixture
def project(tmp_path):
    made = project_at(tmp_path, Clock("2026-11-02"))
    declare(made, resource("Team", "claims", {"unit": "Claims"}),
            resource("Team", "care", {"unit": "Care"}))  # fmt: skip
    create_model(asked_by(made, who("ada@x", (Role.OWNER, "claims"))), "triage")
    return made


def asked_by(project, subject):
    return dataclasses.replace(project, actor=subject.name, subject=subject)


@pytest.mark.parametrize(
    "grants",
    [
        [(Role.OWNER, "care")],
        [(Role.AUDITOR, None), (Role.OWNER, "care")],  # sees all, owns one
        [(Role.VIEWER, None), (Role.OWNER, "care")],
        [(Role.APPROVER, "claims"), (Role.OWNER, "care")],
        [(Role.VIEWER, "claims")],
    ],
)
def test_a_model_of_another_team_is_not_changed(project, grants):
    with pytest.raises(NotAllowedError):
        tag_model(asked_by(project, who("bo@x", *grants)), "triage", "k", "v")


def test_who_owns_it_or_administers_changes_it(project):
    for grants in ([(Role.OWNER, "claims")], [(Role.OWNER, None)], [(Role.ADMIN, None)]):
        tag_model(asked_by(project, who("cy@x", *grants)), "triage", "k", "v")


@pytest.mark.parametrize(("kind", "role"), [("approval", Role.APPROVER), ("scan", Role.OWNER)])
def test_evidence_of_another_team_is_not_given(project, kind, role):
    told = {"says": "fit"} if kind == "approval" else {"tool": "t", "critical": 0, "high": 0}
    with pytest.raises(NotAllowedError):
        give_evidence(asked_by(project, who("bo@x", (role, "care"))), kind, "triage", 1, told)


def test_every_team_is_not_the_same_as_one_of_them():
    held = who("x", (Role.AUDITOR, None), (Role.OWNER, "care"))
    assert held.teams is None
    assert held.may(Right.CHANGE)  # of what is nobody's
    assert not held.may(Right.CHANGE, "claims")
    assert not held.may_everywhere(Right.CHANGE)
    assert who("y", (Role.ADMIN, None)).may_everywhere(Right.CHANGE)
