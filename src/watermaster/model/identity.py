"""Who asks: subjects, the roles they hold in teams, and the rights those roles give."""

import datetime as dt
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from pydantic import Field

from watermaster.model.record import Name, Record


class Role(StrEnum):
    """What somebody is in a team; auditor and admin hold everywhere, whichever team names them."""

    VIEWER = "viewer"
    OWNER = "owner"
    APPROVER = "approver"
    AUDITOR = "auditor"
    ADMIN = "admin"


class Right(StrEnum):
    """What a route, a command or a page needs; the table of routes names one for each."""

    NOBODY = "nobody"  # open to all: sign-in itself, assets, liveness
    SEE = "see"  # figures and things, costs only of one's own units
    DELIVER = "deliver"  # machines: telemetry, lineage, evidence of a pipeline
    REGISTER = "register"  # models and versions, tags, aliases that no gate guards
    CHANGE = "change"  # declare, own, decide, plan: what one's team owns
    APPROVE = "approve"  # fixes, promotions, waivers, reviews
    AUDIT = "audit"  # the audit log, the access log, who may do what
    ADMINISTER = "administer"  # tokens of others, roles, switches, breaking glass


RIGHTS: Final[dict[Role, frozenset[Right]]] = {
    Role.VIEWER: frozenset({Right.SEE}),
    Role.OWNER: frozenset({Right.SEE, Right.DELIVER, Right.REGISTER, Right.CHANGE}),
    Role.APPROVER: frozenset({Right.SEE, Right.APPROVE}),
    Role.AUDITOR: frozenset({Right.SEE, Right.AUDIT}),
    Role.ADMIN: frozenset(Right) - {Right.APPROVE},
}
EVERYWHERE: Final = frozenset({Role.AUDITOR, Role.ADMIN})


class Member(Record):
    """Somebody in a team: as the provider of identities names them, or one of its groups."""

    who: str = Field(description="e-mail address, or group:NAME as the provider tells it")
    role: Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A role in a team; none: in all."""

    role: Role
    team: Name | None = None


class Sort(StrEnum):
    LOCAL = "local"  # whoever may use this machine's 127.0.0.1
    PERSON = "person"
    SERVICE = "service"  # a token of a program
    MACHINE = "machine"  # Watermaster itself: schedules, the cluster's door


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Who asks, as authenticated; `name` is what evidence and the audit log carry."""

    name: str  # ada@example.com, token/ci-claims, local/USER
    sort: Sort
    grants: tuple[Grant, ...] = ()
    scopes: frozenset[Right] | None = field(default=None)  # a token's; None: no narrower
    ends_at: dt.datetime | None = None

    def may(self, right: Right, team: str | None = None) -> bool:
        """Whether it holds a right: for something of `team`, or for something of nobody's."""
        if self.scopes is not None and right not in self.scopes:
            return False
        return right is Right.NOBODY or any(
            right in RIGHTS[grant.role]
            and (team is None or grant.team in {None, team} or grant.role in EVERYWHERE)
            for grant in self.grants
        )

    def may_everywhere(self, right: Right) -> bool:
        """Whether it holds a right in every team there is."""
        return (self.scopes is None or right in self.scopes) and any(
            right in RIGHTS[grant.role] and (grant.team is None or grant.role in EVERYWHERE)
            for grant in self.grants
        )

    @property
    def teams(self) -> frozenset[str] | None:
        """Whose costs it may see; None: everybody's."""
        if any(grant.team is None or grant.role in EVERYWHERE for grant in self.grants):
            return None
        return frozenset(grant.team for grant in self.grants if grant.team)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who has signed in, as the provider told it the last time."""

    name: str
    issuer: str
    subject: str
    display: str
    groups: tuple[str, ...]
    first_at: dt.datetime
    last_at: dt.datetime
    barred_at: dt.datetime | None = None  # since when an administrator keeps them out

    @property
    def known_as(self) -> frozenset[str]:
        """What a Team or the settings may call them."""
        return frozenset((self.name.lower(), *(f"group:{group}" for group in self.groups)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One browser in which somebody is signed in."""

    hash: str
    person: str
    begun_at: dt.datetime
    seen_at: dt.datetime
    ends_at: dt.datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """What a program shows to be let in; its secret is told once and never kept."""

    id: str
    name: str
    grants: tuple[Grant, ...]
    scopes: frozenset[Right]
    made_at: dt.datetime
    made_by: str
    ends_at: dt.datetime
    used_at: dt.datetime | None = None  # to the hour
    revoked_at: dt.datetime | None = None
    revoked_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Glass:
    """A role taken in an emergency: for a time, with a reason, told to everybody."""

    id: str
    subject: str
    role: Role
    team: Name | None
    why: str
    at: dt.datetime
    ends_at: dt.datetime
    ended_at: dt.datetime | None = None


def local(user: str) -> Subject:
    """The one administrator of an embedded ledger: all rights, since the machine is theirs."""
    grants = tuple(Grant(role=role) for role in (Role.ADMIN, Role.APPROVER))
    return Subject(name=user, sort=Sort.LOCAL, grants=grants)


def onlooker(teams: frozenset[str]) -> Subject:
    """Whoever may see what these teams may see, and do nothing; of no team: nothing."""
    grants = tuple(Grant(role=Role.VIEWER, team=team) for team in sorted(teams))
    return Subject(name="nobody", sort=Sort.MACHINE, grants=grants)
