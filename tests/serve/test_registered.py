"""The Registry page and REST: what stood when, put there by whom, on what evidence."""

import dataclasses

import pytest
from starlette.testclient import TestClient

from tests.flows.registry_work import (
    ADA,
    BEN,
    MODEL,
    as_subject,
    digest,
    promote,
    prove,
    registry_at,
)
from watermaster.flows.access import note_access
from watermaster.flows.registry import create_model, drop_alias, set_alias
from watermaster.ledger.registry_records import WAIVERS
from watermaster.model.identity import Grant, Role
from watermaster.serve.app import create_app

REASONS = ("Accuracy of at least 0.9", "No critical hole", "An approval")


@pytest.fixture
def project(tmp_path):
    return registry_at(tmp_path / "home", 12, 13)


def asked(project):
    return TestClient(create_app(project), base_url="http://127.0.0.1")


def test_what_stood_on_a_day_who_put_it_there_and_on_what_evidence(project):
    prove(project, 12)
    set_alias(project, MODEL, "prod", 12)
    project.ledger.clock.set("2026-10-16T12:00:00")
    prove(project, 13)
    set_alias(as_subject(project, ADA), MODEL, "prod", 13)
    project.ledger.clock.set("2026-10-20T00:00:00")
    drop_alias(project, MODEL, "prod")
    client = asked(project)
    for day, version in (("2026-10-13", None), ("2026-10-14", 12), ("2026-10-16", 13),
                         ("2026-10-16T11:59:59", 12), ("2026-10-20", None)):  # fmt: skip
        told = client.get(f"/api/v1/registry/models/{MODEL}?at={day}").json()["standing"]
        assert [one["version"] for one, _ in told] == ([version] if version else []), day
    html = client.get(f"/models/{MODEL}?at=2026-10-14").text
    assert 'alias/prod: version <a class="nm" href="/models/claims-triage/12"' in html
    assert "<b>ada@example.com</b> 14 Oct 2026, 09:00" in html
    assert "metrics accuracy 0.94" in html
    assert "ben@example.com" in html
    assert client.get(f"/models/{MODEL}?at=yesterday").status_code == 400


def test_a_version_shows_every_reason_with_its_figure(project):
    client = asked(project)
    html = client.get(f"/models/{MODEL}/13").text
    assert all(reason in html for reason in REASONS)
    assert "no evidence.evaluation.metrics.accuracy" in html
    told = client.get(f"/api/v1/registry/models/{MODEL}/versions/13").json()
    (passed, reasons), *_ = told["environments"]
    assert passed["verdict"] == "refused"
    assert [one["verdict"] for one in reasons] == ["missing", "missing", "refused"]
    prove(project, 13)
    assert "evidence.evaluation.metrics.accuracy 0.94" in client.get(f"/models/{MODEL}/13").text


def test_a_waiver_shows_on_the_pages_until_it_ends(project):
    row = {
        "id": "w1", "gate": "production", "requirement": "safe", "model": MODEL, "version": 13,
        "why": "mended <b>", "asked_by": ADA.name, "asked_at": "2026-10-13T00:00:00+00:00",
        "granted_by": BEN.name, "granted_at": "2026-10-13T01:00:00+00:00",
        "ends_at": "2026-10-20T00:00:00+00:00",
    }  # fmt: skip
    with project.ledger.records.begin() as connection:
        connection.execute(WAIVERS.insert().values(**row))
    client = asked(project)
    pages = ("/models", f"/models/{MODEL}", f"/models/{MODEL}/13")
    assert all("waiver" in client.get(path).text for path in pages)
    assert "mended &lt;b&gt;" in client.get(pages[1]).text
    project.ledger.clock.set("2026-10-20T00:00:00")
    assert not any("waiver" in client.get(path).text for path in pages)


def test_the_access_log_is_for_auditors(project):
    with project.ledger.records.begin() as connection:
        note_access(connection, project, ("read", f"model/{MODEL}/13"), "s3://secret-place/m")
    path, rest = f"/models/{MODEL}/13", f"/api/v1/registry/models/{MODEL}"
    assert "secret-place" not in asked(project).get(path).text
    assert "secret-place" not in asked(project).get(rest).text
    auditor = dataclasses.replace(ADA, grants=(Grant(role=Role.AUDITOR),))
    client = asked(as_subject(project, auditor))
    assert "s3://secret-place/m" in client.get(path).text
    assert client.get(rest).json()["count_accesses"] == 1


def test_models_of_any_name_are_listed_found_and_led_to(project):
    for name in ("Schäden & Co", "a<b>c", "100%"):
        create_model(project, name)
    client = asked(project)
    html = client.get("/models").text
    assert "/models/Sch%C3%A4den%20%26%20Co" in html
    assert "a&lt;b&gt;c" in html
    for path in ("/models/Sch%C3%A4den%20%26%20Co", "/models/a%3Cb%3Ec", "/models/100%25"):
        assert client.get(path).status_code == 200
    assert MODEL not in client.get("/models?q=Sch%C3%A4den").text
    assert "No model matches." in client.get("/models?q=%25%25zz").text
    assert client.get("/models/unheard").status_code == 404
    assert client.get(f"/models/{MODEL}/x").status_code == 400


def test_a_standing_from_before_any_gate_says_that_none_guarded_it(project):
    promote(project, 13)  # kept beside a refusal: nobody let it in
    told = asked(project).get(f"/api/v1/registry/models/{MODEL}/versions/13").json()
    assert told["environments"][0][0]["verdict"] != "allowed"
    assert told["version"]["digest"] == digest(13)
