"""What the server answers is declared in one table, and each request is held against it."""

import dataclasses

import pytest
from fastapi import APIRouter
from starlette.testclient import TestClient

from watermaster.flows.scope import Asked
from watermaster.model.errors import WatermasterError
from watermaster.model.identity import Grant, Right, Role, Sort, Subject
from watermaster.serve.app import ROUTERS, create_app
from watermaster.serve.guard import Table
from watermaster.serve.rights import RIGHTS, SEE, Rule, Sight, held_against

ROUTES = [route for router in ROUTERS for route in router.routes]


def who(role, team=None, scopes=None):
    return Subject(
        name="ada@example.com", sort=Sort.PERSON, grants=(Grant(role=role, team=team),),
        scopes=scopes,
    )  # fmt: skip


@pytest.fixture(scope="module")
def asking(project):
    def client(subject):
        app = create_app(dataclasses.replace(project, subject=subject))
        return TestClient(app, base_url="http://127.0.0.1", follow_redirects=False)

    return client


def test_a_route_without_a_right_is_not_served():
    router = APIRouter()
    router.add_api_route("/secret", lambda: "x")
    with pytest.raises(WatermasterError, match="no right is declared for GET /secret"):
        Table([*router.routes], {})
    with pytest.raises(WatermasterError, match="nothing serves GET /secret"):
        held_against([], {"GET /secret": SEE})


def test_a_route_added_later_is_not_answered(project):
    app = create_app(project)
    app.add_api_route("/later", lambda: "open")
    client = TestClient(app, base_url="http://127.0.0.1")
    assert client.get("/later").status_code == 404


def test_the_first_route_that_fits_gives_the_rule():
    router = APIRouter()
    router.add_api_route("/a/{name}", lambda: "")
    router.add_api_route("/a/b", lambda: "")
    rules = {"GET /a/{name}": SEE, "GET /a/b": Rule(Right.NOBODY)}
    assert Table([*router.routes], rules).find("GET", "/a/b").rule is SEE


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("team", ["claims-ai", None])
@pytest.mark.parametrize("scopes", [None, frozenset({Right.SEE}), frozenset({Right.DELIVER})])
def test_every_route_answers_as_the_table_says(asking, role, team, scopes):
    """Each route with a body that nobody understands: what may not is refused before it is read."""
    subject = who(role, team, scopes)
    client = asking(subject)
    for name, rule in RIGHTS.items():
        method, path = name.split(" ")
        asked = path.replace("{where:path}", "pod/a/b")
        for part in ("id_", "finding", "fix", "month", "noun", "plural", "name", "charge_file"):
            asked = asked.replace(f"{{{part}}}", "2031-01")
        asked = asked.replace("{charge_row}", "1")
        if not _may(subject, rule):
            answer = client.request(method, asked)
            assert answer.status_code == 403, (name, answer.status_code)
        elif method == "POST":  # refused for what it says, or for what it is about, not for who
            answer = client.request(method, asked)
            assert answer.status_code in {400, 404, 409, 415, 422}, (name, answer.text)


def _may(subject, rule):
    if rule.right is Right.NOBODY:
        return True
    return subject.may(rule.right) and (rule.sight is not Sight.ALL or subject.teams is None)


def test_nobody_is_shown_only_what_is_open(asking):
    client = asking(Subject(name="eve", sort=Sort.PERSON))
    for name, rule in RIGHTS.items():
        method, path = name.split(" ")
        if rule.right is not Right.NOBODY:
            assert client.request(method, path).status_code == 403, name


def test_somebody_of_a_unit_sees_its_costs_and_no_others(asking):
    everybody = asking(None).get("/api/v1/cost/by?by=unit&month=2026-10").json()
    mine = asking(who(Role.VIEWER, "claims-ai")).get("/api/v1/cost/by?by=unit&month=2026-10").json()
    assert len(everybody["rows"]) > 3
    assert mine["rows"] == [row for row in everybody["rows"] if row["unit"] == "Claims"]
    page = asking(who(Role.VIEWER, "claims-ai")).get("/costs").text
    assert "claims-triage-llm" in page
    assert "protein-fold" not in page


def test_what_was_found_for_one_is_never_shown_to_another(project):
    app = create_app(project)
    state = app.state.watermaster
    seen = {}
    for team in (None, "claims-ai", "genomics", None, "claims-ai"):
        subject = None if team is None else who(Role.VIEWER, team)
        asked = state.asked_by(subject) if subject else state
        for record in (asked.overview(Asked()), asked.flow(Asked())):
            total = getattr(record, "total", None) or sum(link.cost for link in record.links)
            key = (team, type(record).__name__)
            assert seen.setdefault(key, total) == total
    assert len(set(seen.values())) == len(seen) / 2 == 3


def test_a_charge_of_another_unit_is_as_if_it_were_not_there(asking):
    rows = asking(None).get("/api/v1/charges?unit=Research").json()["rows"]
    path = f"/api/v1/charges/{rows[0]['charge_file']}/{rows[0]['charge_row']}"
    answer = asking(who(Role.VIEWER, "claims-ai")).get(path)
    nowhere = asking(who(Role.VIEWER, "claims-ai")).get("/api/v1/charges/ffff/1")
    assert answer.status_code == nowhere.status_code == 404


def test_findings_and_workloads_of_other_units_are_not_shown(asking):
    everybody, mine = asking(None), asking(who(Role.VIEWER, "claims-ai"))
    every = everybody.get("/api/v1/findings?status=new").json()["found"]
    own = mine.get("/api/v1/findings?status=new").json()["found"]
    assert own == [one for one in every if "claims-ai" in {one["team"], one["guess"]}]
    assert len(own) < len(every)
    other = next(one for one in every if one not in own)
    assert mine.get(f"/findings/{other['id']}").status_code == 404
    assert everybody.get(f"/findings/{other['id']}").status_code == 200
    told = mine.get("/api/v1/estate").json()
    assert {one["unit"] for one in told["workloads"]} == {"Claims"}
    assert all("claims-ai" in {one["team"], one["guess"]} for one in told["findings"])
    assert mine.get("/estate/workload/doc-extract").status_code == 200
    assert mine.get("/estate/workload/protein-fold").status_code == 404
    page = mine.get("/estate").text
    assert "protein-fold" not in page
    assert "protein-fold" in everybody.get("/estate").text


def test_a_page_of_another_site_changes_nothing(client):
    for headers in ({"sec-fetch-site": "cross-site"}, {"origin": "https://evil.example"}):
        answer = client.post("/api/v1/reviews/2026-10", json={}, headers=headers)
        assert answer.status_code == 403
        assert "another site" in answer.text


def test_every_page_says_who_asks(client, asking):
    assert "Local admin" in client.get("/").text
    page = asking(who(Role.VIEWER, "claims-ai")).get("/").text
    assert "ada@example.com" in page
    assert "Local admin" not in page
