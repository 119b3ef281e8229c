"""The page Review: a month's review, its decisions, its report."""

import datetime as dt
from collections.abc import Mapping
from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from watermaster.flows.decide_finding import Choice
from watermaster.flows.estate import known_estate
from watermaster.flows.review import (
    close_review,
    decide_in_review,
    list_reviews,
    open_review,
    show_review,
)
from watermaster.flows.scope import is_empty
from watermaster.model.decided import Verb
from watermaster.model.errors import UsageError, WatermasterError
from watermaster.model.review import Review
from watermaster.serve.forms import TheForm, back_to
from watermaster.serve.render import page
from watermaster.serve.report import FORMATS, figures_of, report, waterfall_of
from watermaster.serve.state import Shared, State
from watermaster.units.periods import print_month

REASONS: Final = 8
router = APIRouter(include_in_schema=False)


@router.get("/review")
def reviews(request: Request, state: Shared) -> Response:
    """The newest review, or how to open the first."""
    if state.run(is_empty):
        return page(request, "empty.html", {"title": "Review"})
    found = state.run(list_reviews)
    if found:
        return _shown(request, state, found[0])
    return _none(request, state)


@router.get("/review/{month}")
def review(request: Request, state: Shared, month: str) -> Response:
    """One month's review."""
    return _shown(request, state, state.run(show_review, month))


@router.get("/review/{month}/report")
def give_report(state: Shared, month: str, format: str = "html") -> Response:
    """The one-page report as a file."""
    found = state.run(show_review, month)
    if format not in FORMATS:
        raise UsageError("format", f"{format!r} is none", f"take {', '.join(FORMATS)}")
    name = f"review-{month}.{format}"
    organisation = state.project.config.organisation
    return Response(
        report(found, format, organisation), media_type=FORMATS[format],
        headers={"content-disposition": f'attachment; filename="{name}"'},
    )  # fmt: skip


@router.post("/review")
def begin(request: Request, state: Shared, form: TheForm) -> Response:
    """Open the review of a month."""
    try:
        made = state.run(open_review, form.get("month", ""))
    except WatermasterError as error:
        return _none(request, state, error)
    return back_to(f"/review/{made.month}")


@router.post("/review/{month}/decide/{finding}")
def decide(request: Request, state: Shared, month: str, finding: str, form: TheForm) -> Response:
    """Answer one decision; a mistake is told with what was typed."""
    try:
        verb = Verb(form.get("verb", ""))
        due = dt.date.fromisoformat(form["by"]) if "by" in form and verb in DATED else None
        choice = Choice(verb=verb, why=form.get("why", ""), team=form.get("team"), due=due)
        state.run(decide_in_review, month, finding, choice)
    except (WatermasterError, ValueError) as error:
        told = error if isinstance(error, WatermasterError) else UsageError(
            "the form", "names no decision or no day", "choose one"
        )  # fmt: skip
        found = state.run(show_review, month)
        return _shown(request, state, found, {"error": told, "typed": form, "at": finding})
    return back_to(f"/review/{month}#{finding}")


DATED: Final = {Verb.ACCEPT, Verb.SNOOZE}


@router.post("/review/{month}/close")
def close(state: Shared, month: str, form: TheForm) -> Response:
    """End it with the answers given."""
    del form
    state.run(close_review, month)
    return back_to(f"/review/{month}")


def _none(request: Request, state: State, error: WatermasterError | None = None) -> Response:
    now = state.project.ledger.clock()
    last = print_month(now.replace(day=1) - dt.timedelta(days=1))
    context = {"title": "Review", "last": last, "token": state.form_token, "error": error,
               "months": state.scope_months(), "command": f"wm review open {last}"}  # fmt: skip
    return page(request, "review_none.html", context, 422 if error else 200)


def _shown(
    request: Request, state: State, found: Review, more: Mapping[str, Any] | None = None
) -> Response:
    teams = sorted({v.resource.metadata.name for v in state.run(known_estate).of("Team")})
    answers = {one.finding: one for one in found.answers}
    is_engineer = request.query_params.get("view") == "engineer"
    waiting = [one for one in found.wanted if one.finding not in answers]
    today = state.project.ledger.clock().date()
    more = more or {}
    rows = {one.finding for one in (*found.wanted, *found.experiments)} - answers.keys()
    context = {
        "shows_form": more.get("at") in rows and not found.closed_at,
        "title": "Review", "found": found, "costs": found.costs, "currency": found.costs.currency,
        "figures": figures_of(found), "fall": waterfall_of(found), "answers": answers,
        "reasons": found.costs.moved.reasons[:REASONS], "teams": teams, "waiting": len(waiting),
        "engineer": is_engineer, "token": state.form_token, "error": None, "typed": {}, "at": "",
        "month_on": today + dt.timedelta(days=30), "today": today,
        "others": [one.month for one in state.run(list_reviews)],
        "command": f"wm review show {found.month}",
    }  # fmt: skip
    status = 422 if more.get("error") else 200
    return page(request, "review.html", context | dict(more), status)
