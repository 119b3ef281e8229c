"""What is previewed is what a real server receives; alerts are told once, and never on a gap."""

import datetime as dt
import http.server
import socket
import threading
from decimal import Decimal
from email import message_from_bytes

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message
from hypothesis import given
from hypothesis import strategies as st

from tests.flows.fix_work import MONTH, finding_of, prepare
from tests.flows.small import Clock, declare, resource
from watermaster.act.webhook import SIGNATURE, TIMESTAMP, signature
from watermaster.decide.review.alerts import of_costs
from watermaster.flows.alerts import acknowledge, list_alerts, run_alerts, silence
from watermaster.flows.decide_finding import Choice, decide_finding
from watermaster.flows.review import open_review
from watermaster.flows.send import (
    alerts_message,
    channel_named,
    review_message,
    send_due,
    send_review,
    send_test,
)
from watermaster.ledger.alerts import sent_so_far
from watermaster.model.channels import Alert, AlertKind, ChannelSpec
from watermaster.model.decided import Verb
from watermaster.model.errors import BadResourceError, UsageError
from watermaster.model.resources import load_resource
from watermaster.serve.report import renders, report


class Inbox(Message):
    """What aiosmtpd took, as it came over the wire."""

    def __init__(self):
        super().__init__()
        self.mails = []

    def prepare_message(self, session, envelope):
        self.mails.append((envelope.rcpt_tos, envelope.original_content))
        return super().prepare_message(session, envelope)

    def handle_message(self, message):
        """Nothing more is done with it."""


@pytest.fixture
def mailbox():
    inbox = Inbox()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = Controller(inbox, hostname="127.0.0.1", port=port)
    server.start()
    yield inbox, f"smtp://127.0.0.1:{port}"
    server.stop()


class Hook(http.server.BaseHTTPRequestHandler):
    """Keeps what is posted; answers as it is told."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.got.append((dict(self.headers), body))
        self.send_response(self.server.status)
        self.end_headers()
        self.wfile.write(b"no")

    def log_message(self, *_):
        pass


@pytest.fixture
def hook():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    server.got, server.status = [], 200
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def project(tmp_path):
    return prepare(tmp_path / "home", Clock("2026-10-05T08:00:00"))


def _mail(project, location, **more):
    declare(project, resource("Channel", "finops", {
        "type": "smtp", "location": location, "sender": "wm@example.org", "least": 50,
        "to": ["ada@example.org", "grace@example.org"],
    } | more))  # fmt: skip


def _hook(project, server, **more):
    location = f"http://127.0.0.1:{server.server_address[1]}/hook?x=1"
    declare(project, resource("Channel", "chat", {
        "type": "webhook", "location": location, "least": 50
    } | more))  # fmt: skip


def test_a_mail_arrives_with_the_bytes_of_its_preview(project, mailbox):
    inbox, location = mailbox
    _mail(project, location)
    found = open_review(project, MONTH)
    render = renders("Org")
    preview = review_message(channel_named(project, "finops").spec, found, render)
    sent = send_review(project, MONTH, "finops", render)
    assert sent.fault is None
    ((to, body),) = inbox.mails
    assert to == ["ada@example.org", "grace@example.org"]
    assert body == preview.body
    mail = message_from_bytes(body)
    html = next(part for part in mail.walk() if part.get_content_type() == "text/html")
    told = html.get_payload(decode=True).replace(b"\r\n", b"\n").rstrip()
    assert told == report(found, "html", "Org")


def test_a_webhook_gets_signed_bytes_that_slack_takes(project, hook, monkeypatch):
    monkeypatch.setenv("HOOK_KEY", "planted-secret")
    _hook(project, hook, secret="env:HOOK_KEY")
    found = open_review(project, MONTH)
    preview = review_message(channel_named(project, "chat").spec, found, renders("Org"))
    send_review(project, MONTH, "chat", renders("Org"))
    ((headers, body),) = hook.got
    assert body == preview.body
    at = int(headers[TIMESTAMP])
    assert headers[SIGNATURE] == signature("planted-secret", at, body)
    assert b'"blocks"' in body
    assert all("planted-secret" not in str(event) for event in project.told)


@pytest.mark.parametrize(("status", "told"), [(500, "answered 500 no"), (302, "answered 302")])
def test_a_channel_that_refuses_is_told_and_kept(project, hook, status, told):
    hook.status = status
    _hook(project, hook)
    sent = send_test(project, "chat")
    assert told in sent.fault
    assert [one.fault for one in sent_so_far(project.ledger.records)] == [sent.fault]


def test_a_dead_server_is_told_and_the_next_round_sends(project, mailbox):
    inbox, location = mailbox
    declare(project, resource("Channel", "dead", {
        "type": "webhook", "location": "http://127.0.0.1:9/", "schedule": "0 7 * * *"
    }))  # fmt: skip
    _mail(project, location, schedule="0 7 * * *")
    open_review(project, MONTH)
    assert send_due(project, renders("Org")) == []  # not due yet since it was opened
    project.ledger.clock.now += dt.timedelta(days=1)
    first = send_due(project, renders("Org"))
    assert sorted((one.channel, one.fault is None) for one in first) == [
        ("dead", False), ("finops", True)
    ]  # fmt: skip
    again = send_due(project, renders("Org"))
    assert [one.channel for one in again] == ["dead"]
    assert len(inbox.mails) == 1


def test_an_alert_is_sent_once_acknowledged_silenced_and_ends(project, hook):
    _hook(project, hook)
    first = run_alerts(project)
    assert {one.alert.kind for one in first} == {AlertKind.NEW}
    assert len(hook.got) == 1  # two of them in one message
    message = hook.got[0][1].decode()
    for one in first:  # what, whose, and where to go on
        assert one.alert.subject in one.alert.words
        assert one.alert.subject in message
        assert f"; {one.alert.team or 'nobody'}; wm finding show " in message
    run_alerts(project)
    assert len(hook.got) == 1
    volume = finding_of(project, "orphaned-volume")
    assert acknowledge(project, volume).state == "acknowledged"
    due = dt.date(2026, 10, 7)
    decide_finding(project, volume, Choice(verb=Verb.ACCEPT, why="x", team="rag", due=due))
    assert f"new-finding/{volume}" not in {one.alert.key for one in run_alerts(project)}
    silence(project, volume, project.ledger.clock() + dt.timedelta(days=90))
    project.ledger.clock.now += dt.timedelta(days=5)
    keys = {one.alert.key for one in run_alerts(project)}
    assert f"overdue-decision/{volume}" in keys
    assert len(hook.got) == 2
    assert b"and it is still found" in hook.got[1][1]
    with pytest.raises(UsageError, match="is past; name a later moment"):
        silence(project, f"overdue-decision/{volume}", project.ledger.clock())
    assert len(list_alerts(project, ["ended"])) >= 1


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ({"type": "webhook", "location": "http://hooks.example/a"}, "in the clear"),
        ({"type": "smtp", "location": "smtp://m", "sender": "a@b"}, "needs sender and to"),
        ({"type": "smtp", "location": "smtp://m", "sender": "a@b", "to": ["x\r\nBcc: y"]},
         "line break"),
        ({"type": "smtp", "location": "https://m", "sender": "a@b", "to": ["x"]}, "is none of"),
    ],
)  # fmt: skip
def test_a_channel_that_could_leak_or_break_is_refused(spec, told):
    with pytest.raises((ValueError, BadResourceError), match=told):
        load_resource({"apiVersion": "watermaster/v1", "kind": "Channel",
                       "metadata": {"name": "x"}, "spec": spec})  # fmt: skip


DAY = dt.date(2026, 10, 20)


def _days(values):
    return {DAY - dt.timedelta(days=n): Decimal(value) for n, value in enumerate(values)}


def test_by_hand_a_day_far_from_its_own_past_is_told():
    costs = {"rag": _days([900, *([100, 110, 90, 105] * 6)]), "ops": _days([120] + [100] * 24)}
    (told,) = of_costs(costs, DAY, "USD", Decimal(1000))
    assert (told.team, told.key) == ("rag", "cost-moved/rag/more")
    assert "rag cost 900 USD on 2026-10-20" in told.words


LEVEL = st.integers(92, 110)  # no two of these are a fifth of the smaller one apart


@given(st.lists(LEVEL, min_size=30, max_size=30), st.sets(st.integers(0, 29)))
def test_a_gap_is_no_alert(values, missing):
    costs = _days(values)
    for number in missing:
        costs.pop(DAY - dt.timedelta(days=number))
    assert list(of_costs({"rag": costs}, DAY, "USD", Decimal(0))) == []


@pytest.mark.parametrize(("today", "count"), [(109, 1), (108, 0)])
def test_a_steady_cost_has_moved_once_it_is_over_a_fifth_away(today, count):
    costs = {"rag": _days([today, *[90] * 29])}
    assert len(list(of_costs(costs, DAY, "USD", Decimal(0)))) == count


def test_an_alert_leads_to_the_page_where_people_reach_it():
    alert = Alert(key="new-finding/3fa9", kind=AlertKind.NEW, team="rag", subject="pod/a",
                  words="w", amount=None, currency=None, link="/findings/3fa9")  # fmt: skip
    spec = ChannelSpec(type="webhook", location="http://127.0.0.1:1/")
    at = dt.datetime(2026, 10, 1, tzinfo=dt.UTC)
    message = alerts_message(spec, [alert], at, "https://wm.example/")
    assert b"https://wm.example/findings/3fa9" in message.body
    assert b"wm finding show 3fa9" in alerts_message(spec, [alert], at).body
