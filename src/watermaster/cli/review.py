"""`wm review`: the month's review, opened, answered, closed."""

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import typer

from watermaster.cli.call import command_group, confirm, examples, project
from watermaster.cli.output import Table, say, show
from watermaster.model.decided import Verb
from watermaster.model.errors import RefusedError, UsageError
from watermaster.model.review import Answer, Review

app = command_group("The monthly review: frozen, decided, closed.")
COLUMNS = ("finding", "what", "team", "saves", "cash", "status", "why")
Month = Annotated[str, typer.Argument(metavar="MONTH", help="YYYY-MM")]
ANSWERS = (Verb.ACCEPT, Verb.DECLINE, Verb.ASK, Verb.SNOOZE)


@app.callback()
def _group() -> None:
    """The monthly review: frozen, decided, closed."""


@app.command("open", epilog=examples("wm review open 2026-10"))
def open_one(month: Month) -> None:
    """Freeze a month as it is known now, with the decisions that wait, the dearest first."""
    from watermaster.flows.review import open_review

    _show(open_review(project(), month))


@app.command("list", epilog=examples("wm review list"))
def list_all() -> None:
    """List the reviews, the newest month first."""
    from watermaster.flows.review import list_reviews

    found = list_reviews(project())
    rows = [
        {"month": one.month, "opened": f"{one.opened_at:%Y-%m-%d}", "by": one.actor,
         "closed": f"{one.closed_at:%Y-%m-%d}" if one.closed_at else None,
         "decisions": len(one.wanted), "answered": len({a.finding for a in one.answers}),
         "finding": one.costs.title}
        for one in found
    ]  # fmt: skip
    columns = ["month", "opened", "by", "closed", "decisions", "answered", "finding"]
    show(found, Table(columns, rows, empty="none was opened: wm review open MONTH"))


@app.command("show", epilog=examples("wm review show", "wm review show 2026-10 -o json"))
def show_one(
    month: Annotated[str | None, typer.Argument(metavar="MONTH", help="none: the newest")] = None,
) -> None:
    """Show a review as it was opened, with the answers given since."""
    from watermaster.flows.review import show_review

    _show(show_review(project(), month))


@app.command(
    "decide",
    epilog=examples(
        "wm review decide 2026-10 3fa9c1 accept --team rag --by 2026-12-01 --why unused",
        "wm review decide 2026-10 3fa9c1 decline --why 'a standby on purpose'",
    ),
)
def decide(
    month: Month,
    id_: Annotated[str, typer.Argument(metavar="ID", help="of a finding in the review")],
    verb: Annotated[Verb, typer.Argument(help="accept, decline, ask or snooze")],
    why: Annotated[str, typer.Option("--why", help="the reason")],
    team: Annotated[str | None, typer.Option("--team", help="who does it")] = None,
    by: Annotated[str | None, typer.Option("--by", help="YYYY-MM-DD")] = None,
) -> None:
    """Answer one of its decisions; the same decision as wm finding keeps."""
    from watermaster.flows.decide_finding import Choice
    from watermaster.flows.review import decide_in_review

    if verb not in ANSWERS:
        raise UsageError("wm review decide", f"{verb} is no answer", "accept, decline, ask, snooze")
    choice = Choice(verb=verb, why=why, team=team, due=_day(by) if by else None)
    _show(decide_in_review(project(), month, id_, choice))


@app.command("close", epilog=examples("wm review close 2026-10", "wm review close 2026-10 --yes"))
def close(month: Month) -> None:
    """End a review with the answers given; it never changes after."""
    from watermaster.flows.review import close_review, show_review

    opened = project()
    held = show_review(opened, month)
    left = len(held.wanted) - len({one.finding for one in held.answers})
    confirm(f"Close the review of {month} ({left} without an answer)?", "closing a review")
    _show(close_review(opened, month))


@app.command(
    "report",
    epilog=examples(
        "wm review report 2026-10 --format pdf --out review.pdf",
        "wm review report 2026-10 --format csv",
    ),
)
def give_report(
    month: Month,
    format_: Annotated[str, typer.Option("--format", help="html, pdf, xlsx or csv")] = "html",
    out: Annotated[Path | None, typer.Option(help="file; none: standard output")] = None,
) -> None:
    """Write the one-page report; the same review gives the same bytes."""
    from watermaster.flows.review import show_review
    from watermaster.serve.report import FORMATS, report

    if format_ not in FORMATS:
        raise UsageError("--format", f"{format_!r} is none", f"take {', '.join(FORMATS)}")
    opened = project()
    made = report(show_review(opened, month), format_, opened.config.organisation)
    if out is None:
        if format_ in {"pdf", "xlsx"}:
            raise UsageError("wm review report", f"{format_} needs a file", "add --out FILE")
        say(made.decode())
        return
    try:
        out.write_bytes(made)
    except OSError as error:
        raise UsageError(str(out), str(error.strerror), "name a file that can be written") from None


@app.command(
    "send",
    epilog=examples(
        "wm review send 2026-10 finops --preview", "wm review send 2026-10 finops --yes"
    ),
)
def send(
    month: Month,
    channel: Annotated[str, typer.Argument(metavar="CHANNEL", help="a declared Channel")],
    preview: Annotated[
        bool, typer.Option("--preview", help="print the bytes that would be sent; send nothing")
    ] = False,
) -> None:
    """Send a review to a channel, or show the very bytes of it."""
    from watermaster.cli.channel import told
    from watermaster.flows.review import show_review
    from watermaster.flows.send import channel_named, review_message, send_review
    from watermaster.serve.report import renders

    opened = project()
    render = renders(opened.config.organisation)
    if preview:
        spec = channel_named(opened, channel).spec
        say(review_message(spec, show_review(opened, month), render).body.decode())
        return
    confirm(f"Send the review of {month} to {channel}?", "sending")
    told(send_review(opened, month, channel, render))


@app.command("verify", epilog=examples("wm review verify 2026-10"))
def verify(month: Month) -> None:
    """Compute its figures again from its snapshots; fails where one differs."""
    from watermaster.flows.review import verify_review

    if not verify_review(project(), month):
        raise RefusedError(
            f"review {month}", "its snapshots do not give its figures again",
            "wm doctor checks the ledger; wm audit verify the log",
        )  # fmt: skip
    show({"month": month, "holds": True}, Table([], [], empty=f"{month}: every figure holds"))


def _day(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise UsageError("--by", f"{text[:20]!r} is no day", "write YYYY-MM-DD") from None


def _show(found: Review) -> None:
    answers = {one.finding: one for one in found.answers}
    rows = [
        {
            "finding": one.finding, "what": f"{one.rule} {one.subject}",
            "team": f"{one.team}?" if one.is_guess else one.team,
            "saves": one.saving.allocated if one.saving else None,
            "cash": one.saving.cash if one.saving else None,
            "status": _said(answers.get(one.finding), one.status), "why": one.why,
        }
        for one in (*found.wanted, *found.experiments)
    ]  # fmt: skip
    costs = found.costs
    above = [
        costs.title, "".join(one.text for one in costs.lede),
        *(f"{one.label}: {_figure(one.value)}" for one in costs.figures),
        "moved: " + ", ".join(f"{cause} {amount:+,.0f}" for cause, amount
                              in costs.moved.steps.items() if amount),
        *(f"  {one.amount:+,.0f} {one.subject}: {one.words}" for one in costs.moved.reasons[:5]),
    ]  # fmt: skip
    below = [f"{found.more} findings wait besides: wm finding list"] if found.more else []
    below += [f"heads-up: {one.what}" + (f", {one.day}" if one.day else " (est.)")
              for one in found.heads_up]  # fmt: skip
    below += [f"unknown: {gap}" for gap in found.gaps]
    end = f"closed {found.closed_at:%Y-%m-%d}" if found.closed_at else "open"
    below.append(f"{found.month} {found.snapshot}, opened {found.opened_at:%Y-%m-%d}, {end}")
    show(found, Table(COLUMNS, rows, above=above, below=below, empty="nothing waits"))


def _said(answer: Answer | None, status: str) -> str:
    if answer is None:
        return str(status)
    return f"{answer.verb} {answer.team or ''} {answer.due or ''}".strip()


def _figure(value: Decimal | None) -> str:
    if value is None:
        return "-"
    return f"{value:.1%}" if abs(value) <= 1 else f"{value:,.2f}"
