"""Whoever watches security is told every change once, in order, and every refusal."""

import dataclasses
import datetime as dt
import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from starlette.testclient import TestClient

from tests.components import free_port
from watermaster.flows.events import Refusals, keep_telling, send_events
from watermaster.flows.open import create_project
from watermaster.flows.tokens import TokenAsked, create_token, revoke_token
from watermaster.model.identity import Grant, Role, Sort, Subject
from watermaster.serve.app import create_app


class Collector:
    """A webhook that keeps what it is sent, or is away."""

    def __init__(self):
        self.told, self.status, outer = [], 200, self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                if outer.status == 200:
                    outer.told += body
                self.send_response(outer.status)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.address = f"http://127.0.0.1:{self.server.server_port}/ocsf"


@pytest.fixture
def collector():
    made = Collector()
    yield made
    made.server.shutdown()
    made.server.server_close()


def opened(tmp_path, *sinks):
    home = tmp_path / "home"
    home.mkdir()
    (home / "config.yaml").write_text(json.dumps({"events": [{"to": to} for to in sinks]}))
    return create_project(home)


def token(project, name):
    ends_at = project.ledger.clock() + dt.timedelta(days=1)
    return create_token(project, TokenAsked(name=name, role=Role.VIEWER, ends_at=ends_at)).secret


def test_every_change_is_told_once_and_in_order_whoever_was_away(tmp_path, collector):
    project = opened(tmp_path, collector.address)
    token(project, "before")
    assert send_events(project) == 0  # a new receiver begins now
    token(project, "one")
    assert send_events(project) == 1
    collector.status = 500
    token(project, "two")
    revoke_token(project, "one")
    assert send_events(project) == 0
    collector.status = 200
    assert send_events(project) == 2
    assert send_events(project) == 0
    told = [(one["type_uid"], one["user"]["name"]) for one in collector.told]
    assert told == [(300101, "one"), (300101, "two"), (300106, "one")]
    uids = [int(one["metadata"]["uid"]) for one in collector.told]
    assert uids == sorted(set(uids))
    for one in collector.told:
        assert one["category_uid"] == one["class_uid"] // 1000
        assert one["type_uid"] == one["class_uid"] * 100 + one["activity_id"]
        assert {"time", "severity_id", "status_id", "actor", "metadata"} <= one.keys()


def test_a_receiver_that_is_away_holds_up_no_other(tmp_path, collector):
    project = opened(tmp_path, f"tcp://127.0.0.1:{free_port()}", collector.address)
    send_events(project)
    token(project, "x")
    assert send_events(project) == 1
    assert len(collector.told) == 1


def test_syslog_gets_whole_lines(tmp_path):
    with (
        socket.create_server(("127.0.0.1", 0)) as stream,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as packets,
    ):
        packets.bind(("127.0.0.1", 0))
        packets.settimeout(10)
        project = opened(
            tmp_path, f"tcp://127.0.0.1:{stream.getsockname()[1]}",
            f"udp://127.0.0.1:{packets.getsockname()[1]}",
        )  # fmt: skip
        send_events(project)
        for name in ("a", "ü"):
            token(project, name)
        assert send_events(project) == 4
        taken, _ = stream.accept()
        with taken:
            held = taken.makefile("rb").read()
        lines = []
        while held:
            size, _, rest = held.partition(b" ")
            lines.append(rest[: int(size)])
            held = rest[int(size) :]
        assert [json.loads(line[line.index(b"{") :])["user"]["name"] for line in lines] == [
            "a",
            "ü",
        ]
        assert lines[0].startswith(b"<86>1 ")
        assert packets.recv(65536).startswith(b"<86>1 ")


def test_a_refused_request_is_told_without_its_secrets(tmp_path, collector):
    project = opened(tmp_path, collector.address)
    viewer = Subject(name="ada@x", sort=Sort.PERSON, grants=(Grant(role=Role.VIEWER, team="a"),))
    app = create_app(dataclasses.replace(project, subject=viewer))
    client = TestClient(app, base_url="http://127.0.0.1")
    client.get("/metrics?planted-query=1")
    shown = {"authorization": "Bearer wmt_planted-token"}
    client.get("/api/v1/status", headers=shown)
    over = threading.Event()
    over.set()
    keep_telling(project, app.state.watermaster.refusals, over.wait)
    denied, failed = collector.told
    assert (denied["type_uid"], denied["actor"]["user"]["name"]) == (600302, "ada@x")
    assert (failed["type_uid"], failed["status_id"]) == (300201, 2)
    assert "planted" not in json.dumps(collector.told)


def test_refusals_that_nobody_takes_are_not_held_for_ever():
    held = Refusals()
    for number in range(20_000):
        held.add(number)
    taken = []
    while batch := held.take():
        taken += batch
    assert taken == list(range(10_000, 20_000))
