"""The page Findings: what waits for somebody, what was decided and done; and one finding whole."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from watermaster.flows.alerts import list_alerts
from watermaster.flows.decide_finding import Choice, decide_finding, tell_finding, tell_findings
from watermaster.flows.estate import known_estate
from watermaster.flows.findings import Chosen
from watermaster.flows.fix import (
    approve_fix,
    fix_of,
    let_fixes,
    plan_fix,
    run_fix,
    stop_fixes,
    undo_fix,
    why_stopped,
)
from watermaster.flows.scope import is_empty
from watermaster.flows.send import ticket_channels
from watermaster.flows.tickets import open_ticket
from watermaster.model.acts import Fix, FixState
from watermaster.model.decided import OPEN, FindingsTold, Saving, Status, Verb
from watermaster.model.errors import UsageError, WatermasterError
from watermaster.model.findings import Finding
from watermaster.serve.forms import TheForm, back_to
from watermaster.serve.questions import place
from watermaster.serve.render import page, rule_name
from watermaster.serve.state import Shared, State

ROWS_A_PAGE: Final = 50
PAST_FIXES: Final = 5  # shown with a finding
WAITING: Final = "waiting"
FILTERS: Final = ("status", "rule", "team")
MARKS: Final = {  # status to its class and shape
    Status.NEW: ("bad", "■"), Status.OVERDUE: ("bad", "■"), Status.ASKED: ("warn", "▲"),
    Status.ACCEPTED: ("warn", "▲"), Status.FIXED: ("good", "●"),
}  # fmt: skip
router = APIRouter(include_in_schema=False)


@router.get("/findings")
def findings(request: Request, state: Shared) -> Response:
    """Those that wait by default; by status, rule and team, 50 a page."""
    if state.run(is_empty):
        return page(request, "empty.html", {"title": "Findings"})
    query = request.query_params
    told: FindingsTold = state.run(tell_findings, Chosen(), frozenset(Status), state.seen())
    chosen = {name: query.get(name, "") for name in FILTERS}
    rows = [one for one in told.found if _fits(one, told, chosen)]
    at = max(1, int(query["page"])) if query.get("page", "").isdecimal() else 1
    currency = next((one.currency for one in told.found if one.currency), "USD")
    waiting = [one for one in told.found if told.standing[one.id].status in OPEN]
    context = {
        "title": "Findings", "found": told,
        "rows": rows[(at - 1) * ROWS_A_PAGE : at * ROWS_A_PAGE], "count": len(rows), "page": at,
        "pages": -(-len(rows) // ROWS_A_PAGE), "currency": currency, "marks": MARKS,
        "waiting": len(waiting), "worth": _sum(waiting, told, "allocated"),
        "cash": _sum(waiting, told, "cash"), "figures": _figures(told),
        "facets": _facets(told, chosen), "stopped": state.run(why_stopped),
        "alerts": state.run(list_alerts),
        "token": state.form_token, "command": _command(chosen),
    }  # fmt: skip
    return page(request, "findings.html", context)


@router.get("/findings/{id_}")
def finding(request: Request, state: Shared, id_: str) -> Response:
    """One finding: why, what it is worth, what was decided and done, and what can be."""
    return _shown(request, state, id_)


@router.post("/findings/stop")
def stop(state: Shared, form: TheForm) -> Response:
    """Stop all fixes, or let them go on."""
    act = let_fixes if form.get("go") == "on" else stop_fixes
    state.run(act, form.get("why", ""))
    return back_to("/findings")


@router.post("/findings/{id_}/decide")
def decide(request: Request, state: Shared, id_: str, form: TheForm) -> Response:
    """Keep what somebody decided; a mistake is told on the page, with what was typed."""
    try:
        state.run(decide_finding, id_, _choice(form))
    except UsageError as error:
        return _shown(request, state, id_, {"error": error, "typed": form})
    return back_to(f"/findings/{id_}")


@router.post("/findings/{id_}/plan")
def plan(request: Request, state: Shared, id_: str, form: TheForm) -> Response:
    """Plan what would mend it; nothing is done."""
    del form
    try:
        state.run(plan_fix, id_)
    except WatermasterError as error:
        return _shown(request, state, id_, {"error": error})
    return back_to(f"/findings/{id_}#fixes")


@router.post("/findings/{id_}/ticket")
def ticket(request: Request, state: Shared, id_: str, form: TheForm) -> Response:
    """Open a ticket about it, or show the one there is."""
    try:
        state.begin(open_ticket, id_, form.get("channel")).result()
    except WatermasterError as error:
        return _shown(request, state, id_, {"error": error})
    return back_to(f"/findings/{id_}#tickets")


@router.post("/findings/{id_}/fix/{fix}")
def act_on(request: Request, state: Shared, id_: str, fix: str, form: TheForm) -> Response:
    """Approve exactly this plan and do it, or take it back."""
    try:
        found = state.run(fix_of, fix, id_)
        if form.get("act") == "undo":
            state.begin(undo_fix, found.id)
        else:
            state.run(approve_fix, found.id)
            state.begin(run_fix, found.id)
    except WatermasterError as error:
        return _shown(request, state, id_, {"error": error})
    return back_to(f"/findings/{id_}#fixes")


def _shown(
    request: Request, state: State, id_: str, more: Mapping[str, Any] | None = None
) -> Response:
    told = state.run(tell_finding, id_)
    one = told.finding
    teams = sorted({v.resource.metadata.name for v in state.run(known_estate).of("Team")})
    today = state.project.ledger.clock().date()
    status = 422 if more and "error" in more else 200
    is_at_work = any(fix.state in {FixState.APPROVED, FixState.DOING, FixState.UNDOING}
                     for fix in told.fixes)  # fmt: skip
    context = {
        "title": rule_name(one.rule), "told": told, "one": one, "marks": MARKS, "teams": teams,
        "above": (place(request).to("/findings"), "Findings"), "currency": one.currency or "USD",
        "worth": _worth(told.saving),"today": today,
        "month_on": today + dt.timedelta(days=30), "token": state.form_token, "error": None,
        "typed": {}, "refresh": 2 if is_at_work else None, "states": FixState,
        "command": f"wm finding show {one.id}",
        "fixes": _fixes_shown(told.fixes),
        "ticket_channels": [c.metadata.name for c in state.run(ticket_channels)],
    }  # fmt: skip
    return page(request, "finding.html", context | dict(more or {}), status)


def _fixes_shown(fixes: Sequence[Fix]) -> list[Fix]:
    """The newest plan of each thing, in the order in which they can be approved; then the past."""
    newest: dict[tuple[str, ...], str] = {}
    for one in fixes:
        remedy = one.plan.remedy
        key = (one.plan.target, remedy.verb, remedy.platform, remedy.kind, remedy.uid)
        newest.setdefault(key, one.id)
    held = set(newest.values())
    waiting = [one for one in fixes if one.state is FixState.PLANNED and one.id in held]
    past = [one for one in fixes if one.state is not FixState.PLANNED]
    return [*sorted(waiting, key=lambda one: bool(one.plan.after)), *past[:PAST_FIXES]]


def _choice(form: Mapping[str, str]) -> Choice:
    try:
        verb = Verb(form.get("verb", ""))
        due = dt.date.fromisoformat(form["by"]) if "by" in form else None
    except ValueError:
        raise UsageError("the form", "names no decision or no day", "choose one") from None
    if verb not in {Verb.ACCEPT, Verb.SNOOZE}:
        due = None  # the field is there for the others
    return Choice(verb=verb, why=form.get("why", ""), team=form.get("team"), due=due)


def _fits(one: Finding, told: FindingsTold, chosen: Mapping[str, str]) -> bool:
    status = told.standing[one.id].status
    wanted = chosen["status"] or WAITING
    return (
        (status in OPEN if wanted == WAITING else wanted in {"all", status.value})
        and chosen["rule"] in {"", one.rule}
        and chosen["team"] in {"", one.team or one.guess or "nobody"}
    )


def _facets(
    told: FindingsTold, chosen: Mapping[str, str]
) -> list[tuple[str, str, list[tuple[str, str]]]]:
    """Name, what is chosen, and choices as value and words with their count."""
    stand = [told.standing[one.id].status for one in told.found]
    waiting = sum(one in OPEN for one in stand)
    status = [(WAITING, f"Waiting ({waiting})"), ("all", f"All ({len(stand)})")]
    status += [(value, f"{value.capitalize()} ({count})") for value, count in _counts(stand)]
    rules = [("", "Every rule")] + [
        (value, f"{rule_name(value)} ({count})")
        for value, count in _counts(one.rule for one in told.found)
    ]
    teams = [("", "Every team")] + [
        (value, f"{value} ({count})")
        for value, count in _counts(one.team or one.guess or "nobody" for one in told.found)
    ]
    return [("status", chosen["status"] or WAITING, status), ("rule", chosen["rule"], rules),
            ("team", chosen["team"], teams)]  # fmt: skip


def _counts(values: Iterable[str]) -> list[tuple[str, int]]:
    counts: dict[str, int] = {}
    for one in values:
        counts[str(one)] = counts.get(str(one), 0) + 1
    return sorted(counts.items(), key=lambda one: (-one[1], one[0]))


def _figures(told: FindingsTold) -> list[dict[str, Any]]:
    by = {status: [one for one in told.found if told.standing[one.id].status is status]
          for status in Status}  # fmt: skip
    return [
        {"label": name, "status": status.value, "count": len(by[status]),
         "money": _sum(by[status], told, "allocated"), "mark": MARKS.get(status)}
        for name, status in (("New", Status.NEW), ("Overdue", Status.OVERDUE),
                             ("Accepted", Status.ACCEPTED), ("Asked", Status.ASKED),
                             ("Mended", Status.FIXED))
    ]  # fmt: skip


def _sum(found: Sequence[Finding], told: FindingsTold, what: str) -> Decimal:
    """Where several speak of one thing, the dearest of them."""
    kept = (told.savings[one.id] for one in found if one.id in told.counted)
    return sum((getattr(saving, what) for saving in kept), Decimal(0))


def _worth(saving: Saving | None) -> list[dict[str, Any]]:
    if saving is None:
        return []
    return [
        {"label": "Charged less a month", "money": saving.allocated, "low": saving.allocated_low,
         "high": saving.allocated_high, "note": "est."},
        {"label": "Cash a month", "money": saving.cash, "low": saving.cash_low,
         "high": saving.cash_high,
         "note": f"from {saving.cash_from:%d %b %Y}" if saving.cash_from else "none"},
    ]  # fmt: skip


def _command(chosen: Mapping[str, str]) -> str:
    words = ["wm finding list"]
    if chosen["status"] == "all":
        words.append("--closed")
    elif chosen["status"] not in {"", WAITING}:
        words.append(f"--status {chosen['status']}")
    words += [f"--{name} {chosen[name]}" for name in ("rule", "team") if chosen[name]]
    return " ".join(words)
