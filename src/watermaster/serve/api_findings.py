"""REST of findings: what waits, deciding on it, planning, doing and undoing what mends it."""

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel
from starlette.responses import Response

from watermaster.flows.decide_finding import Choice, decide_finding, tell_finding, tell_findings
from watermaster.flows.findings import Chosen
from watermaster.flows.fix import all_fixes, approve_fix, plan_fix, run_fix, undo_fix
from watermaster.flows.tickets import list_tickets, open_ticket
from watermaster.model.acts import Fix
from watermaster.model.decided import (
    OPEN,
    FindingDecision,
    FindingsTold,
    FindingTold,
    Status,
    Verb,
)
from watermaster.model.errors import NotAllowedError, UsageError
from watermaster.model.tickets import Ticket
from watermaster.serve.api import answer
from watermaster.serve.state import Shared

router = APIRouter(prefix="/api/v1", tags=["findings"])


def of_no_other_site(request: Request) -> None:
    """A page of another site cannot send JSON here; one that sends plain text may not."""
    if not request.headers.get("content-type", "").startswith("application/json"):
        raise UsageError(request.url.path, "is no JSON", "send application/json")
    if request.headers.get("sec-fetch-site", "none") not in {"same-origin", "none"}:
        raise NotAllowedError(request.url.path, "was asked from another site", "ask it directly")


CHANGES = [Depends(of_no_other_site)]


class Decided(BaseModel):
    """What somebody decides on a finding."""

    verb: Verb
    why: str
    team: str | None = None
    by: dt.date | None = None


@router.get("/findings", response_model=FindingsTold)
def get_findings(
    state: Shared,
    rule: Annotated[list[str] | None, Query(description="only of these rules")] = None,
    team: Annotated[list[str] | None, Query(description="owned, or guessed to be, by it")] = None,
    status: Annotated[list[Status] | None, Query(description="none: those that wait")] = None,
) -> Response:
    """Findings with where each stands and what mending it would save: `wm finding list`."""
    wanted = frozenset(status) if status else OPEN
    chosen = Chosen(rules=rule or (), teams=team or ())
    return answer(state.run(tell_findings, chosen, wanted, state.seen()))


@router.get("/findings/{id_}", response_model=FindingTold)
def get_finding(state: Shared, id_: str) -> Response:
    """One finding with all that was decided and done: `wm finding show`."""
    return answer(state.run(tell_finding, id_))


@router.post("/findings/{id_}/decisions", response_model=FindingDecision, dependencies=CHANGES)
def post_decision(state: Shared, id_: str, made: Decided) -> Response:
    """Decide on a finding: `wm finding accept|decline|snooze|ask|reopen`."""
    choice = Choice(verb=made.verb, why=made.why, team=made.team, due=made.by)
    return answer(state.run(decide_finding, id_, choice))


@router.post("/findings/{id_}/fixes", response_model=list[Fix], dependencies=CHANGES)
def post_fixes(state: Shared, id_: str) -> Response:
    """Plan what would mend it; nothing is done: `wm finding fix`."""
    return answer(state.run(plan_fix, id_))


@router.get("/fixes", response_model=list[Fix])
def get_fixes(state: Shared) -> Response:
    """What was planned, done and undone, the newest first: `wm finding fixes`."""
    return answer(state.run(all_fixes))


@router.post("/fixes/{id_}/approval", response_model=Fix, dependencies=CHANGES)
def post_approval(state: Shared, id_: str) -> Response:
    """Approve exactly this plan and begin it: `wm finding fix --approve`."""
    fix = state.run(approve_fix, id_)
    state.begin(run_fix, fix.id)
    return answer(fix)


@router.post("/fixes/{id_}/undo", response_model=Fix, dependencies=CHANGES)
def post_undo(state: Shared, id_: str) -> Response:
    """Take a fix back: `wm finding undo`."""
    return answer(state.begin(undo_fix, id_).result())


class TicketAsked(BaseModel):
    """Where a ticket should be opened."""

    channel: str | None = None


@router.get("/tickets", response_model=list[Ticket])
def get_tickets(state: Shared) -> Response:
    """All tickets, the newest first: `wm ticket list`."""
    return answer(state.run(list_tickets))


@router.post("/findings/{id_}/ticket", response_model=Ticket, dependencies=CHANGES)
def post_ticket(state: Shared, id_: str, asked: TicketAsked) -> Response:
    """Open a ticket, or tell the one that is open: `wm finding ticket`."""
    return answer(state.begin(open_ticket, id_, asked.channel).result())
