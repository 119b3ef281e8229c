"""Tokens of programs: made, listed, revoked."""

import datetime as dt
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from watermaster.flows.estate import known_estate
from watermaster.flows.identify import PREFIX
from watermaster.flows.open import Project
from watermaster.flows.sight import need
from watermaster.ledger.audit import append_audit, chained
from watermaster.ledger.tokens import add_token, revoke_tokens, tokens
from watermaster.model.errors import NotAllowedError, NotFoundError, UsageError
from watermaster.model.estate import live_estate
from watermaster.model.identity import EVERYWHERE, RIGHTS, Grant, Right, Role, Token

LONGEST: Final = dt.timedelta(days=366)
WHERE: Final = "wm token create"
NAME: Final = 63


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenAsked:
    """What a program should be able to do, and until when."""

    name: str
    role: Role
    teams: Sequence[str] = ()  # none: in all
    scopes: Sequence[Right] = ()  # none: all the rights of its role
    ends_at: dt.datetime


@dataclass(frozen=True, slots=True)
class MadeToken:
    """A token with its secret, which is told this once."""

    token: Token
    secret: str


def create_token(project: Project, asked: TokenAsked) -> MadeToken:
    """Make one; NotAllowedError for more than who asks may themselves."""
    now = project.ledger.clock()
    grants = tuple(Grant(role=asked.role, team=team) for team in asked.teams or (None,))
    _check(project, asked, grants, now)
    scopes = _wanted(asked)
    token = Token(
        id=secrets.token_hex(6), name=asked.name, grants=grants, scopes=scopes, made_at=now,
        made_by=project.asker.name, ends_at=asked.ends_at,
    )  # fmt: skip
    secret = PREFIX + secrets.token_urlsafe(32)
    detail = {
        "token": token.id, "name": token.name, "role": asked.role.value,
        "teams": list(asked.teams), "scopes": sorted(scopes), "ends_at": asked.ends_at.isoformat(),
    }  # fmt: skip
    with chained(project.ledger.records) as connection:
        if any(one.name == token.name for one in tokens(connection)):
            raise UsageError(WHERE, f"{token.name} is taken", "names are used once; take another")
        add_token(connection, token, secret)
        append_audit(connection, now.isoformat(), project.actor, "token-made", detail)
    return MadeToken(token, secret)


def list_tokens(project: Project) -> list[Token]:
    """All tokens for an administrator or auditor; for anybody else, those they made."""
    with project.ledger.records.connect() as connection:
        found = tokens(connection)
    asker = project.asker
    if asker.may(Right.ADMINISTER) or asker.may(Right.AUDIT):
        return found
    return [one for one in found if one.made_by == asker.name]


def revoke_token(project: Project, name: str) -> Token:
    """From now on it lets nobody in; name: or the first letters of its id."""
    found = [one for one in list_tokens(project) if one.name == name]
    found = found or [one for one in list_tokens(project) if name and one.id.startswith(name)]
    if len(found) != 1:
        what = "is no token" if not found else "fits several tokens"
        raise NotFoundError(f"token {name}", what, "see wm token list")
    token, now = found[0], project.ledger.clock()
    if token.made_by != project.asker.name:
        need(project, Right.ADMINISTER, None, f"token {token.name}")
    with chained(project.ledger.records) as connection:
        revoke_tokens(connection, [token.id], project.asker.name, now)
        if token.revoked_at is None:
            detail = {"token": token.id, "name": token.name}
            append_audit(connection, now.isoformat(), project.actor, "token-revoked", detail)
    return token


def _check(project: Project, asked: TokenAsked, grants: Sequence[Grant], now: dt.datetime) -> None:
    if not asked.name or len(asked.name) > NAME or not asked.name.isprintable():
        raise UsageError(WHERE, "has no name that could be shown", "give it a short --name")
    if not now < asked.ends_at <= now + LONGEST:
        raise UsageError(
            WHERE, "must end, at most a year from now", "write --days, 1 to 366"
        )  # fmt: skip
    if asked.role in EVERYWHERE and asked.teams:
        raise UsageError(WHERE, f"{asked.role.value} holds everywhere", "leave --team out")
    known = {v.resource.metadata.name for v in live_estate(known_estate(project)).of("Team")}
    unknown = sorted(set(asked.teams) - known)
    if unknown:
        have = ", ".join(sorted(known)) or "none is declared"
        raise NotFoundError(f"team {unknown[0]}", "is not declared", f"declared: {have}")
    if Right.APPROVE in asked.scopes or not _wanted(asked):
        raise UsageError(WHERE, "a program approves nothing", "let a person do it")
    beyond = sorted(set(asked.scopes) - RIGHTS[asked.role])
    if beyond:
        may = ", ".join(sorted(RIGHTS[asked.role] - {Right.NOBODY}))
        raise UsageError(
            WHERE, f"{asked.role.value} has no right to {beyond[0].value}", f"has {may}"
        )
    _check_asker(project, asked, grants)


def _wanted(asked: TokenAsked) -> frozenset[Right]:
    """Its rights: never to approve, or its maker would be two people."""
    return frozenset(asked.scopes or RIGHTS[asked.role]) - {Right.NOBODY, Right.APPROVE}


def _check_asker(project: Project, asked: TokenAsked, grants: Sequence[Grant]) -> None:
    """Nobody gives what they do not hold: each role in its team, and no right beyond their own."""
    asker = project.asker
    for grant in grants:
        for right in sorted(_wanted(asked)):
            held = [
                own for own in asker.grants
                if right in RIGHTS[own.role]
                and (own.team is None or own.role in EVERYWHERE or own.team == grant.team)
            ]  # fmt: skip
            if not held or (asker.scopes is not None and right not in asker.scopes):
                team = f" in {grant.team}" if grant.team else " in all teams"
                raise NotAllowedError(
                    WHERE, f"{asker.name} has no right to {right.value}{team}",
                    "ask for less, or ask somebody who has it",
                )  # fmt: skip
