"""Pages and REST of models, datasets, platforms and native things: one record, all linked."""

import pytest

LISTS = ("workloads", "models", "datasets", "platforms")


@pytest.mark.parametrize("plural", LISTS)
def test_the_list_and_the_api_tell_the_same(client, plural):
    told = client.get(f"/api/v1/{plural}").json()
    html = client.get(f"/estate/{plural}").text
    assert told["rows"]
    for row in told["rows"][:50]:
        noun = plural.removesuffix("s")
        assert f"/estate/{noun}/{row['name']}" in html
        page = client.get(f"/estate/{noun}/{row['name']}")
        assert page.status_code == 200
        one = client.get(f"/api/v1/{plural}/{row['name']}").json()
        assert one["row"]["cost"] == row["cost"]


def test_a_registered_model_leads_to_its_versions_and_gates(client):
    assert 'href="/models/claims-triage"' in client.get("/estate/model/claims-triage").text
    assert "/models/" not in client.get("/estate/model/reader-7b").text.replace('"/models"', "")


def test_cost_of_all_workloads_is_that_of_the_ledger(client):
    rows = client.get("/api/v1/workloads").json()["rows"]
    month = client.get("/api/v1/workloads").json()["month"]
    by = client.get(f"/api/v1/cost/by?by=workload&month={month}").json()["rows"]
    paid = {row["workload"]: float(row["cost"]) for row in by if row["workload"]}
    assert len(rows) > 5
    assert {one["name"]: float(one["cost"]) for one in rows} == pytest.approx(
        {one["name"]: paid.get(one["name"], 0.0) for one in rows}
    )


def test_things_are_found_by_facets_and_lead_to_their_page(client):
    html = client.get("/estate/things?owned=yes").text
    links = {part.split('"')[0] for part in html.split('href="')[1:]}
    things = sorted(link for link in links if link.startswith("/estate/thing/"))
    assert things
    page = client.get(things[0])
    assert page.status_code == 200
    assert "What it is" in page.text
    assert "Nothing matches." in client.get("/estate/things?q=no-such-thing").text


def test_the_api_tells_of_things_what_the_page_does(client):
    told = client.get("/api/v1/things?kind=pod&sort=uid").json()
    html = client.get("/estate/things?kind=pod&sort=uid").text
    assert told["count"] == len(told["rows"]) > 1
    places = [
        "/".join(one["thing"][k] for k in ("kind", "platform", "uid")) for one in told["rows"]
    ]
    assert all(f"/estate/thing/{place}" in html for place in places)
    one = client.get(f"/api/v1/things/{places[0]}").json()
    assert one["row"] == told["rows"][0]
    assert client.get("/api/v1/things?sort=nothing").status_code == 400


def test_a_thing_of_another_month_is_linked_in_that_month(client):
    html = client.get("/estate/workload/chat-assist?month=2026-10").text
    assert "/estate/thing/pod/k8s-oslo/contact/chat-0?month=2026-10" in html


def test_every_link_of_the_estate_and_of_a_passport_leads_to_a_page(client):
    for start in ("/estate", "/estate/workload/chat-assist", "/estate/dataset/notes"):
        html = client.get(start).text
        links = {part.split('"')[0] for part in html.split('href="')[1:]}
        inside = sorted(link for link in links if link.startswith(("/estate", "/findings")))
        told = {link: client.get(link.replace("&amp;", "&")).status_code for link in inside[:40]}
        assert [link for link, code in told.items() if code != 200] == []
    assert "/estate/workload/" in html


@pytest.mark.parametrize(
    "path", ["/estate/nothings", "/estate/model/none", "/estate/thing/pod/fra/none"]
)
def test_what_is_not_there_is_said_so(client, path):
    assert client.get(path).status_code == 404
