"""Tickets: asked for once about a finding, found again by their mark, followed to their end.

A ticket is kept as asked for before its system is asked. Whoever is stopped between, finds it there
by the mark the next time, and opens none beside it.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from watermaster.act.tickets import ticket_system
from watermaster.flows.decide_finding import savings_of
from watermaster.flows.findings import open_ids, show_finding
from watermaster.flows.open import Project
from watermaster.flows.send import ticket_channels
from watermaster.ledger.audit import append_audit, chained
from watermaster.ledger.tickets import add_ticket, put_ticket, tickets
from watermaster.model.decided import Saving
from watermaster.model.errors import BusyError, NotFoundError, UsageError, WatermasterError
from watermaster.model.events import Notice
from watermaster.model.findings import Finding
from watermaster.model.resources import Resource
from watermaster.model.tickets import Ticket, TicketState, TicketText, Told

PATIENCE: Final = dt.timedelta(minutes=2)  # so long another may still be asking
GONE: Final = "gone"
STILL: Final = "still-found"
MOST_EVIDENCE: Final = 20


def open_ticket(project: Project, id_: str, channel: str | None = None) -> Ticket:
    """A ticket about a finding; the one there is, where it is not closed yet."""
    finding = show_finding(project, id_)
    place = _channel(project, channel)
    asked, is_new = _asked(project, finding, place)
    if asked.number is not None:
        return asked
    text = ticket_text(project, finding, asked)
    system = ticket_system(place.spec)
    told = None if is_new else system.find(text.mark)
    heard = _heard(project, asked, told or system.open(text))
    detail = {"finding": finding.id, "channel": asked.channel, "number": heard.number}
    _keep(project, "ticket-opened", heard, detail)
    return heard


def follow_tickets(project: Project) -> list[Ticket]:
    """Ask after every ticket that is not at its end; those that changed. A fault stops no other.

    A finding that is gone is told to its ticket; a ticket that was closed while the finding is
    still found is told so too: both once.
    """
    places = {one.metadata.name: one for one in ticket_channels(project)}
    found, changed = open_ids(project), []
    for ticket in tickets(project.ledger.records):
        if ticket.state is TicketState.CLOSED and ticket.said is not None:
            continue
        try:
            heard = _followed(project, ticket, places, is_found=ticket.finding in found)
        except WatermasterError as error:
            project.tell(Notice(f"ticket {ticket.number or ticket.id}: {error}"))
            continue
        if replace(heard, looked_at=ticket.looked_at) != ticket:
            detail = {"finding": heard.finding, "number": heard.number, "state": heard.state.value,
                      "said": heard.said}  # fmt: skip
            _keep(project, "ticket-followed", heard, detail)
            changed.append(heard)
        else:
            with project.ledger.records.begin() as connection:
                put_ticket(connection, heard)
    return changed


def list_tickets(project: Project, states: Iterable[TicketState] = ()) -> list[Ticket]:
    """All tickets (of these states), the newest first."""
    wanted = frozenset(states)
    return [one for one in tickets(project.ledger.records) if not wanted or one.state in wanted]


def reach(project: Project, name: str) -> bool:
    """Whether a channel takes tickets; it was asked then, and nothing was written."""
    found = [one for one in ticket_channels(project) if one.metadata.name == name]
    for one in found:
        ticket_system(one.spec).find("watermaster-test")
    return bool(found)


def ticket_text(project: Project, finding: Finding, asked: Ticket) -> TicketText:
    """What the ticket says; the same finding says the same."""
    saving = savings_of(project, [finding])[finding.id]
    rests = ["It rests on:", *_evidence(finding.evidence)]
    lines = [
        f"{_sentence(finding.why)}.", "", *_facts(finding, saving), "",
        f"Next step: {finding.next_step}", "", *rests, "",
        f"Watermaster finding {finding.id}: wm finding show {finding.id}",
    ]  # fmt: skip
    title = f"{finding.rule}: {finding.subject}"
    return TicketText(mark=mark_of(asked), title=title, body="\n".join(lines))


def mark_of(asked: Ticket) -> str:
    """What its system finds it by: one a finding and asking, so that a later one is another."""
    return f"watermaster-{asked.finding}-{asked.id}"


def _channel(project: Project, name: str | None) -> Resource:
    found = {one.metadata.name: one for one in ticket_channels(project)}
    if name is not None and name in found:
        return found[name]
    have = ", ".join(found) or "none"
    if name is not None:
        raise NotFoundError(f"channel {name}", "takes no tickets", f"those that do: {have}")
    if len(found) != 1:
        what = "no Channel takes tickets" if not found else "several channels take tickets"
        fix = "declare one: wm schema Channel" if not found else f"name one with --channel: {have}"
        raise UsageError("wm finding ticket", what, fix)
    return next(iter(found.values()))


def _asked(project: Project, finding: Finding, place: Resource) -> tuple[Ticket, bool]:
    """The ticket that is not closed yet, or a new one that is asked for now; and which."""
    now, name = project.ledger.clock(), place.metadata.name
    with chained(project.ledger.records) as connection:
        for one in tickets(project.ledger.records, finding.id):
            if one.channel != name or one.state is TicketState.CLOSED:
                continue
            if one.number is None and now - one.at < PATIENCE:
                what = f"{one.actor} asked for it at {one.at:%H:%M:%S}"
                raise BusyError(f"ticket for {finding.id}", what, "try again in two minutes")
            return one, False
        asked = Ticket(id=0, finding=finding.id, channel=name, number=None, address=None,
                       state=TicketState.ASKED, at=now, actor=project.actor)  # fmt: skip
        kept = add_ticket(connection, asked)
        detail = {"finding": finding.id, "channel": name}
        append_audit(connection, now.isoformat(), project.actor, "ticket-asked", detail)
    return kept, True


def _followed(
    project: Project, ticket: Ticket, places: dict[str, Resource], *, is_found: bool
) -> Ticket:
    place = places.get(ticket.channel)
    if place is None:
        what, fix = "its channel is declared no more", f"declare {ticket.channel} again"
        raise NotFoundError(f"channel {ticket.channel}", what, fix)
    system = ticket_system(place.spec)
    told = system.look(ticket.number) if ticket.number else system.find(mark_of(ticket))
    if told is None:
        is_lost = ticket.number is not None or project.ledger.clock() - ticket.at >= PATIENCE
        words = "removed there" if ticket.number else "never arrived: ask again"
        ended = replace(ticket, state=TicketState.CLOSED, words=words, said=GONE)
        return ended if is_lost else ticket
    heard = _heard(project, ticket, told)
    said = _to_say(heard, is_found=is_found)
    if said is None or said == ticket.said:
        return heard
    system.say(told.number, _WORDS[said].format(at=project.ledger.clock(), id=ticket.finding))
    return replace(heard, said=said)


_WORDS: Final = {
    GONE: "Watermaster no longer finds this ({at:%Y-%m-%d %H:%M} UTC).",
    STILL: "Watermaster still finds this ({at:%Y-%m-%d %H:%M} UTC): wm finding show {id}",
}


def _to_say(heard: Ticket, *, is_found: bool) -> str | None:
    """What its system should hear: that the finding is gone, or was closed and is there."""
    if not is_found:
        return GONE
    return STILL if heard.state is TicketState.CLOSED else None


def _heard(project: Project, ticket: Ticket, told: Told) -> Ticket:
    state = TicketState.CLOSED if told.is_closed else TicketState.OPEN
    address = told.address if told.address.startswith(("https://", "http://")) else None
    return replace(ticket, number=told.number, address=address, state=state,
                   words=told.words, looked_at=project.ledger.clock())  # fmt: skip


def _keep(project: Project, action: str, heard: Ticket, detail: Mapping[str, object]) -> None:
    with chained(project.ledger.records) as connection:
        put_ticket(connection, heard)
        at = project.ledger.clock().isoformat()
        append_audit(connection, at, project.actor, action, detail)


def _facts(finding: Finding, saving: Saving | None) -> list[str]:
    told = [
        f"Owner: {finding.team or (f'{finding.guess}, a guess' if finding.guess else 'nobody')}"
    ]
    if finding.cost is not None:
        told.append(f"Cost in {finding.month}: {finding.cost:,.2f} {finding.currency}")
    if saving is not None:
        told.append(
            f"Mending it saves about {saving.allocated:,.0f} {saving.currency} a month "
            f"({saving.allocated_low:,.0f} to {saving.allocated_high:,.0f}), {saving.cash:,.0f} of "
            "it cash"
        )
    return told


def _evidence(rows: Sequence[dict[str, object]]) -> list[str]:
    told = ["- " + ", ".join(str(value) for value in row.values() if value) for row in rows]
    more = len(told) - MOST_EVIDENCE
    return [*told[:MOST_EVIDENCE], *([f"- and {more} more"] if more > 0 else [])]


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]
