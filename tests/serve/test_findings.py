"""The pages Findings: what waits is shown with its worth; deciding and mending is safe to click."""

import datetime as dt
import re

import pytest
from starlette.testclient import TestClient

from tests.flows.fix_work import NOW, OTHER, SERVICE, WORLD, finding_of, prepare, read_world
from tests.flows.small import Clock, declare, resource
from tests.ticket_double import SECRET, ticketing
from watermaster.flows.findings import list_findings
from watermaster.flows.fix import plan_remedies
from watermaster.flows.open import open_project
from watermaster.model.acts import Remedy
from watermaster.serve.app import create_app


@pytest.fixture
def home(tmp_path):
    prepare(tmp_path / "home").ledger.records.dispose()
    return tmp_path / "home"


@pytest.fixture
def project(home):
    return open_project(home, clock=Clock(NOW), actor="ada")


@pytest.fixture
def client(project):
    return TestClient(create_app(project), base_url="http://localhost", follow_redirects=True)


def _token(client, address):
    return re.search(r'name="token" value="([^"]+)"', client.get(address).text)[1]


def _page(project, rule="inactive-gpu"):
    return f"/findings/{finding_of(project, rule)}"


def _decide(client, address, **more):
    form = {"token": _token(client, address), "verb": "accept", "by": "2026-11-01", "why": "old"}
    return client.post(f"{address}/decide", data=form | more)


def test_the_list_says_how_many_wait_and_what_mending_is_worth(client, project):
    html = client.get("/findings").text
    assert "3 findings wait for a decision" in html
    assert all(f"/findings/{one.id}" in html for one in list_findings(project).found)
    assert "Nothing here." in client.get("/findings?status=overdue").text


def test_the_overview_says_how_many_decisions_are_due(client, project):
    assert "3 findings wait for a decision" in client.get("/").text
    _decide(client, _page(project), by="2026-10-06")
    project.ledger.clock.now += dt.timedelta(days=5)
    assert "1 decision overdue" in client.get("/").text


def test_a_decision_is_kept_and_shown_with_who_and_why(client, project):
    address = _page(project, "orphaned-volume")
    html = _decide(client, address).text
    assert "Accepted" in html
    assert "old (ada)" in html
    assert "2 findings wait" not in client.get("/findings").text  # accepted ones wait too
    _decide(client, address, verb="decline", why="a standby")
    assert "2 findings wait" in client.get("/findings").text


def test_a_mistake_is_told_on_the_page_and_keeps_what_was_typed(client, project):
    answer = _decide(client, _page(project), by="2026-01-01", why="a long sentence")
    assert answer.status_code == 422
    assert "2026-01-01 is past: name today or a later day" in answer.text
    assert "a long sentence" in answer.text


def test_planned_approved_done_and_undone_on_the_page(client, project, home):
    address = _page(project)
    token = _token(client, address)
    html = client.post(f"{address}/plan", data={"token": token}).text
    assert "replicas 2" in html
    assert read_world(home) == WORLD
    fix = re.search(rf'action="{address}(/fix/[0-9a-f]+)"', html)[1]
    client.post(address + fix, data={"token": token, "act": "approve"})
    _settled(client, address, "Done")
    assert read_world(home)[SERVICE]["replicas"] == 0
    client.post(address + fix, data={"token": token, "act": "undo"})
    assert "Undone" in _settled(client, address, "Undone")
    assert read_world(home) == WORLD


def _asked(uid):
    kind = uid.partition("/")[0]
    return Remedy(verb="scale", platform="fra", kind=kind, uid=uid, asked={"replicas": 0}, why="w")


def test_each_thing_of_a_plan_can_be_approved_and_what_is_left_out_is_said(client, project, home):
    finding = finding_of(project, "inactive-gpu")
    wanted = [_asked(SERVICE), _asked(OTHER), _asked("deployment/rag/gone")]
    old = plan_remedies(project, finding, wanted)
    project.ledger.clock.now += dt.timedelta(minutes=1)
    new = plan_remedies(project, finding, wanted)
    address = f"/findings/{finding}"
    html, token = client.get(address).text, _token(client, address)
    offered = re.findall(rf'action="{address}/fix/([0-9a-f]+)"', html)
    assert sorted(offered) == sorted(one.id for one in new)  # the newest plan, of both things
    assert "left out: deployment/deployment~rag~gone is not there any more" in html
    for one in new:
        client.post(f"{address}/fix/{one.id}", data={"token": token, "act": "approve"})
    _settled(client, address, "Done")
    assert [read_world(home)[uid]["replicas"] for uid in (SERVICE, OTHER)] == [0, 0]
    other = client.post(f"{_page(project, 'orphaned-volume')}/fix/{old[0].id}",
                        data={"token": token, "act": "approve"})  # fmt: skip
    assert "Is no fix of finding" in other.text


def _settled(client, address, word):
    client.app.state.watermaster.begin(lambda _project: None).result()  # after what was begun
    html = client.get(address).text
    assert word in html
    return html


@pytest.mark.parametrize(
    ("headers", "token"),
    [({}, "wrong"), ({}, ""), ({"origin": "http://evil.example"}, None),
     ({"sec-fetch-site": "cross-site"}, None)],
)  # fmt: skip
def test_a_form_of_another_site_changes_nothing(client, project, home, headers, token):
    address = _page(project)
    form = {"token": _token(client, address) if token is None else token}
    for path in ("/plan", "/decide"):
        told = client.post(address + path, data=form | {"verb": "decline", "why": "x"},
                           headers=headers)  # fmt: skip
        assert told.status_code == 403
    assert client.get("/findings?status=declined").text.count("/findings/") == (
        client.get("/findings?status=overdue").text.count("/findings/")
    )
    assert read_world(home) == WORLD


def test_what_is_no_form_or_too_long_is_refused(client, project):
    address = f"{_page(project)}/decide"
    assert client.post(address, json={"verb": "accept"}).status_code == 400
    long = client.post(address, data={"token": "x", "why": "y" * 70_000})
    assert long.status_code == 400


def test_all_fixes_can_be_stopped_and_let_on_with_a_reason(client):
    token = _token(client, "/findings")
    html = client.post("/findings/stop", data={"token": token, "go": "off", "why": "fire"}).text
    assert "ada stopped all fixes" in html
    html = client.post("/findings/stop", data={"token": token, "go": "on", "why": "out"}).text
    assert "stopped all fixes" not in html


def test_the_api_decides_plans_approves_and_undoes(client, project, home):
    told = client.get("/api/v1/findings").json()
    assert {one["rule"] for one in told["found"]} == {
        "orphaned-volume", "unowned-resource", "inactive-gpu"
    }  # fmt: skip
    one = finding_of(project, "inactive-gpu")
    made = client.post(
        f"/api/v1/findings/{one}/decisions",
        json={"verb": "accept", "why": "unused", "by": "2026-11-01"},
    ).json()
    assert (made["actor"], made["team"], made["due"]) == ("ada", "rag", "2026-11-01")
    (fix,) = client.post(f"/api/v1/findings/{one}/fixes", json={}).json()
    assert (fix["state"], read_world(home)) == ("planned", WORLD)
    client.post(f"/api/v1/fixes/{fix['id']}/approval", json={})
    client.app.state.watermaster.begin(lambda _project: None).result()
    assert client.get("/api/v1/fixes").json()[0]["state"] == "done"
    assert client.post(f"/api/v1/fixes/{fix['id']}/undo", json={}).json()["state"] == "undone"
    assert read_world(home) == WORLD
    shown = client.get(f"/api/v1/findings/{one}").json()
    assert [held["why"] for held in shown["decisions"]] == ["unused"]


@pytest.mark.parametrize("headers", [
    {"content-type": "text/plain"},
    {"content-type": "application/json", "sec-fetch-site": "cross-site"},
])  # fmt: skip
def test_the_api_changes_nothing_for_another_site(client, project, home, headers):
    one = finding_of(project, "inactive-gpu")
    told = client.post(f"/api/v1/findings/{one}/fixes", content="{}", headers=headers)
    assert told.status_code in {400, 403}
    assert client.get("/api/v1/fixes").json() == []
    assert read_world(home) == WORLD


def test_a_ticket_is_opened_on_the_page_and_told_by_the_api(client, project, monkeypatch):
    monkeypatch.setenv("TICKET_SECRET", SECRET)
    address = _page(project)
    assert "Open a ticket" not in client.get(address).text
    with ticketing("github") as system:
        declare(project, resource("Channel", "ops", system.channel))
        html = client.post(f"{address}/ticket", data={"token": _token(client, address)}).text
        assert 'href="https://github.example/org/infra/issues/1"' in html
        asked = client.post(f"/api/v1{address}/ticket", json={}).json()
        assert asked["number"] == "1"  # the one there is
        assert client.get("/api/v1/tickets").json() == [asked]
        assert len(system.held) == 1
    declare(project, resource("Channel", "ops", system.channel | {"project": "org/other"}))
    other = _page(project, "orphaned-volume")
    answer = client.post(f"{other}/ticket", data={"token": _token(client, other)})
    assert answer.status_code == 422
    assert "Was not reached" in answer.text
