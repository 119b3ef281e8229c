"""Waivers: asked for by one, granted by another, for a time, and seen while they hold."""

import datetime as dt

import pytest

from tests.flows.registry_work import ADA, BEN, MODEL, as_subject, digest, person, registry_at
from watermaster.flows.audit import audit_rows
from watermaster.flows.gates import consider
from watermaster.flows.waivers import ask_waiver, end_waiver, grant_waiver, list_waivers
from watermaster.model.errors import NotAllowedError, NotFoundError, RefusedError, UsageError
from watermaster.model.gates import Change
from watermaster.model.identity import Role

END = dt.datetime(2026, 10, 20, tzinfo=dt.UTC)
CLEO = person("cleo@example.com", Role.APPROVER)
DAN = person("dan@example.com", Role.OWNER)


@pytest.fixture
def project(tmp_path):
    return registry_at(tmp_path / "home", 3, 4)


def asked(project, by=DAN, **more):
    told = {"requirement": "production/safe", "version": (MODEL, 3), "why": "mended in the image",
            "ends_at": END} | more  # fmt: skip
    return ask_waiver(as_subject(project, by), **told)


def waived(project, version=3):
    change = Change(model=MODEL, version=version, digest=digest(version),
                    gains=frozenset({"alias/prod"}), way="test")  # fmt: skip
    with project.ledger.records.connect() as connection:
        ruling = consider(connection, project, change)
    return [one.requirement for one in ruling.reasons if one.waiver]


def test_it_holds_once_another_grants_it_until_its_end(project):
    one = asked(project)
    assert waived(project) == []
    grant_waiver(as_subject(project, BEN), one.id[:6])
    assert waived(project) == ["safe"]
    assert waived(project, 4) == []
    project.ledger.clock.set("2026-10-20T00:00:00")
    assert waived(project) == []
    assert [w.state(project.ledger.clock()) for w in list_waivers(project, MODEL)] == ["over"]


def test_for_all_versions_it_holds_for_each(project):
    grant_waiver(as_subject(project, BEN), asked(project, version=(MODEL, None)).id)
    assert (waived(project, 3), waived(project, 4)) == (["safe"], ["safe"])


@pytest.mark.parametrize(
    ("by", "what"),
    [
        (person(DAN.name, Role.APPROVER), "cannot be both eyes"),  # who asked for it
        (person(ADA.name, Role.APPROVER), "cannot be both eyes"),  # who made the version
        (ADA, "may not grant"),
        (person("eve@example.com", Role.ADMIN), "may not grant"),
    ],
)
def test_who_may_not_grant_it_does_not(project, by, what):
    one = asked(project)
    with pytest.raises(NotAllowedError, match=what):
        grant_waiver(as_subject(project, by), one.id)
    assert waived(project) == []


def test_who_granted_it_is_not_waived_in_a_change_of_their_own(project):
    grant_waiver(as_subject(project, BEN), asked(project).id)
    assert waived(as_subject(project, BEN)) == []
    assert waived(as_subject(project, CLEO)) == ["safe"]


def test_ended_it_holds_no_more_and_cannot_be_granted_again(project):
    one = asked(project)
    grant_waiver(as_subject(project, BEN), one.id)
    end_waiver(as_subject(project, DAN), one.id, "no longer needed")
    assert waived(project) == []
    for act in (lambda p: grant_waiver(p, one.id), lambda p: end_waiver(p, one.id, "again")):
        with pytest.raises(RefusedError):
            act(as_subject(project, BEN))
    actions = [row.action for row in audit_rows(project)][-3:]
    assert actions == ["waiver-asked", "waiver-granted", "waiver-ended"]


@pytest.mark.parametrize(
    ("more", "error", "what"),
    [
        ({"requirement": "production/sfae"}, NotFoundError, "no gate asks this"),
        ({"requirement": "safe"}, NotFoundError, "no gate asks this"),
        ({"version": (MODEL, 9)}, NotFoundError, "is not registered"),
        ({"version": ("other", None)}, NotFoundError, "is not registered"),
        ({"why": " "}, UsageError, "says no reason"),
        ({"ends_at": END - dt.timedelta(days=30)}, UsageError, "within 90 days"),
        ({"ends_at": END + dt.timedelta(days=90)}, UsageError, "within 90 days"),
        ({"by": BEN}, NotAllowedError, "may not ask"),
    ],
)
def test_what_cannot_be_waived_is_told_and_not_kept(project, more, error, what):
    with pytest.raises(error, match=what):
        asked(project, **more)
    assert list_waivers(project) == []
