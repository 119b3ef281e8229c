"""Send messages to declared channels: one function makes the bytes, a preview shows them."""

import datetime as dt
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from email import policy
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Final

from watermaster.act.smtp import send_mail
from watermaster.act.webhook import post
from watermaster.flows.estate import known_estate
from watermaster.flows.open import Project
from watermaster.flows.review import list_reviews, show_review
from watermaster.ledger.alerts import remember_sent, sent_so_far
from watermaster.model.channels import Alert, ChannelSpec, Message, Sent
from watermaster.model.errors import NotFoundError, WatermasterError
from watermaster.model.estate import live_estate
from watermaster.model.events import Notice
from watermaster.model.resources import Resource
from watermaster.model.review import Review
from watermaster.model.tickets import SYSTEMS
from watermaster.units.schedule import last_due

JSON: Final = "application/json"
MAIL: Final = "message/rfc822"
MOST_BLOCKS: Final = 10
Render = Callable[[Review], Mapping[str, bytes]]  # report files by kind: html, and pdf where it can


def channels(project: Project) -> list[Resource]:
    """The declared channels that take messages, by name."""
    return [one for one in _declared(project) if one.spec.type not in SYSTEMS]


def ticket_channels(project: Project) -> list[Resource]:
    """The declared channels that take tickets, by name."""
    return [one for one in _declared(project) if one.spec.type in SYSTEMS]


def _declared(project: Project) -> list[Resource]:
    return [v.resource for v in live_estate(known_estate(project)).of("Channel")]


def channel_named(project: Project, name: str) -> Resource:
    """One of them; NotFoundError with those there are."""
    found = {one.metadata.name: one for one in channels(project)}
    if name not in found:
        have = ", ".join(found) or "none"
        raise NotFoundError(f"channel {name}", "is not declared", f"declared are: {have}")
    return found[name]


def review_message(spec: ChannelSpec, found: Review, render: Render) -> Message:
    """A review as this channel gets it; the same review gives the same bytes."""
    what, lines = f"review/{found.month}", _review_lines(found)
    if spec.type == "webhook":
        return Message(what=what, body=_slack(found.costs.title, lines), type=JSON)
    files = render(found)
    title = f"Review {found.month}: {found.costs.title}"
    body = _mail(spec, (what, title), "\n".join(lines), found.closed_at or found.opened_at, files)
    return Message(what=what, body=body, type=MAIL)


def alerts_message(
    spec: ChannelSpec, alerts: Sequence[Alert], at: dt.datetime, address: str = ""
) -> Message:
    """Alerts in one message, so that a storm of them is one; the dearest first.

    address: where people reach the pages; without it the command is told that shows more.
    """
    ordered = sorted(alerts, key=lambda one: (-(one.amount or 0), one.key))
    what = f"alert/{ordered[0].key}" + (f"+{len(ordered) - 1}" if len(ordered) > 1 else "")
    title = ordered[0].words if len(ordered) == 1 else f"{len(ordered)} alerts"
    lines = [_alert_line(one, address) for one in ordered[:MOST_BLOCKS]]
    if len(ordered) > MOST_BLOCKS:
        lines.append(f"and {len(ordered) - MOST_BLOCKS} more: wm alert list")
    if spec.type == "webhook":
        return Message(what=what, body=_slack(title, lines), type=JSON)
    body = _mail(spec, (what, title[:200]), "\n".join(lines), at, {})
    return Message(what=what, body=body, type=MAIL)


def _alert_line(one: Alert, address: str) -> str:
    """What it is, whose it is, and where to go on."""
    finding = one.link.partition("/findings/")[2]
    where = f"wm finding show {finding}" if finding else "wm alert list"
    if address:
        where = f"{address.rstrip('/')}{one.link}"
    return f"{one.kind}: {one.words}; {one.team or 'nobody'}; {where}"


def send(project: Project, channel: Resource, message: Message) -> Sent:
    """Send exactly these bytes and remember the try; a fault is remembered, never raised."""
    spec: ChannelSpec = channel.spec
    now, fault = project.ledger.clock(), None
    digest = hashlib.sha256(message.body).hexdigest()
    try:
        if spec.type == "smtp":
            send_mail(spec, message.body)
        else:
            post(spec, message.body, int(now.timestamp()), digest)
    except WatermasterError as error:
        fault = str(error)
        project.tell(Notice(f"{channel.metadata.name}: {error}"))
    sent = Sent(at=now, channel=channel.metadata.name, what=message.what, sha256=digest,
                fault=fault)  # fmt: skip
    remember_sent(project.ledger.records, sent)
    return sent


def send_review(project: Project, month: str, name: str, render: Render) -> Sent:
    """Send one review to one channel, now."""
    channel = channel_named(project, name)
    return send(project, channel, review_message(channel.spec, show_review(project, month), render))


def send_test(project: Project, name: str) -> Sent:
    """Send a short message to one channel."""
    channel, at = channel_named(project, name), project.ledger.clock()
    told = sentence(channel.spec, "test", f"A test of channel {name}: it arrives.", at)
    return send(project, channel, told)


def sentence(spec: ChannelSpec, what: str, text: str, at: dt.datetime) -> Message:
    """One sentence as this channel gets it."""
    title = f"Watermaster {what}"
    is_mail = spec.type == "smtp"
    body = _mail(spec, (what, title), text, at, {}) if is_mail else _slack(title, [text])
    return Message(what=what, body=body, type=MAIL if is_mail else JSON)


def last_tries(project: Project) -> dict[str, Sent]:
    """The newest try of each channel."""
    return {one.channel: one for one in sent_so_far(project.ledger.records)}


def send_due(project: Project, render: Render) -> list[Sent]:
    """Send the newest review to channels whose schedule was due since they last got it.

    A review that was sent is not sent again; a try that failed is repeated the next time.
    """
    reviews = list_reviews(project)
    if not reviews:
        return []
    newest, found = reviews[0], []
    for channel in channels(project):
        spec: ChannelSpec = channel.spec
        if spec.schedule is None or "review" not in spec.sends:
            continue
        due = last_due(spec.schedule, project.ledger.clock())
        tries = sent_so_far(project.ledger.records, channel.metadata.name)
        what = f"review/{newest.month}"
        got = [one for one in tries if one.what == what and one.fault is None]
        if due >= newest.opened_at and not got:
            found.append(send(project, channel, review_message(spec, newest, render)))
    return found


def _review_lines(found: Review) -> list[str]:
    costs = found.costs
    told = ["".join(one.text for one in costs.lede)]
    told += [f"{one.amount:+,.0f} {costs.currency} {one.subject}: {one.words}"
             for one in costs.moved.reasons[:5]]  # fmt: skip
    answers = {one.finding: one for one in found.answers}
    for one in found.wanted[:MOST_BLOCKS]:
        answer = answers.get(one.finding)
        said = f"{answer.verb} {answer.team or ''} {answer.due or ''}".strip() if answer else "open"
        worth = f", {one.saving.allocated:,.0f} {costs.currency} a month" if one.saving else ""
        told.append(f"{one.rule} {one.subject} ({one.team or 'nobody'}{worth}): {said}")
    return told


def _slack(title: str, lines: Sequence[str]) -> bytes:
    """`text` for notifications and `blocks`, as Slack and what speaks like it take them."""
    blocks = [{"type": "header", "text": {"type": "plain_text", "text": title[:150]}}]
    blocks += [
        {"type": "section", "text": {"type": "plain_text", "text": line[:3000]}} for line in lines
    ]
    told = {"text": title, "blocks": blocks}
    return json.dumps(told, ensure_ascii=False, sort_keys=True).encode()


def _mail(
    spec: ChannelSpec,
    about: tuple[str, str],
    text: str,
    at: dt.datetime,
    files: Mapping[str, bytes],
) -> bytes:
    """A whole message: plain text, the report as its HTML, the PDF attached.

    Everything in it follows from what it says, so that two makings are the same bytes.
    """
    what, title = about
    mark = hashlib.sha256("\n".join((what, title, text, *spec.to)).encode()).hexdigest()[:24]
    mail = EmailMessage(policy=policy.SMTP)
    mail["From"], mail["To"] = spec.sender or "", ", ".join(spec.to)
    mail["Subject"] = " ".join(title.split())
    mail["Date"] = format_datetime(at)
    mail["Message-ID"] = f"<{mark}@watermaster.invalid>"
    mail.set_content(text)
    if "html" in files:
        mail.add_alternative(files["html"].decode(), subtype="html")
    if "pdf" in files:
        name = f"{what.replace('/', '-')}.pdf"
        mail.add_attachment(files["pdf"], maintype="application", subtype="pdf", filename=name)
    for number, part in enumerate(one for one in mail.walk() if one.is_multipart()):
        part.set_boundary(f"=_{mark}_{number}")
    return mail.as_bytes()
