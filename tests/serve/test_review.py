"""The page Review: opened, decided and closed by forms; the report comes as a file."""

import re

import pytest
from starlette.testclient import TestClient

from tests.flows.fix_work import MONTH, NOW, finding_of, prepare
from tests.flows.small import Clock
from watermaster.flows.open import open_project
from watermaster.flows.review import open_review, show_review
from watermaster.serve.app import create_app


@pytest.fixture
def project(tmp_path):
    prepare(tmp_path / "home").ledger.records.dispose()
    return open_project(tmp_path / "home", clock=Clock(NOW), actor="ada")


@pytest.fixture
def client(project):
    return TestClient(create_app(project), base_url="http://localhost", follow_redirects=True)


def _token(html):
    return re.search(r'name="token" value="([^"]+)"', html)[1]


def test_opened_decided_and_closed_on_the_page(client, project):
    html = client.get("/review").text
    assert "No review was opened yet" in html
    html = client.post("/review", data={"token": _token(html), "month": MONTH}).text
    assert "3 of 3 decisions wait" in html
    volume = finding_of(project, "orphaned-volume")
    form = {"token": _token(html), "verb": "accept", "by": "2026-11-01", "why": "gone soon"}
    address = f"/review/{MONTH}/decide/{volume}"
    wrong = client.post(address, data=form | {"by": "2026-01-01"})
    assert (wrong.status_code, "2026-01-01 is past" in wrong.text) == (422, True)
    html = client.post(address, data=form).text
    assert "2 of 3 decisions wait" in html
    assert "gone soon" in html
    html = client.post(f"/review/{MONTH}/close", data={"token": _token(html)}).text
    assert "Closed without an answer" in html
    assert "Close it" not in html
    assert [one.why for one in show_review(project).answers] == ["gone soon"]


def test_an_answer_that_comes_too_late_or_is_unknown_is_told(client, project):
    open_review(project, MONTH)
    token = _token(client.get("/review").text)
    form = {"token": token, "verb": "decline", "why": "no"}
    unknown = client.post(f"/review/{MONTH}/decide/ffffffffffff", data=form)
    assert (unknown.status_code, "Is none of the review" in unknown.text) == (422, True)
    client.post(f"/review/{MONTH}/close", data={"token": token})
    late = client.post(
        f"/review/{MONTH}/decide/{finding_of(project, 'orphaned-volume')}", data=form
    )
    assert (late.status_code, "Was closed on" in late.text) == (422, True)


def test_a_form_of_another_site_opens_nothing(client):
    assert client.post("/review", data={"token": "no", "month": MONTH}).status_code == 403
    assert "No review was opened yet" in client.get("/review").text


@pytest.mark.parametrize(
    ("kind", "starts"), [("html", b"<!doctype html>"), ("csv", b"Figures"), ("xlsx", b"PK")]
)
def test_the_report_comes_as_a_file(client, project, kind, starts):
    open_review(project, MONTH)
    answer = client.get(f"/review/{MONTH}/report?format={kind}")
    assert answer.content.startswith(starts)
    assert answer.headers["content-disposition"].endswith(f'review-{MONTH}.{kind}"')
    assert client.get(f"/review/{MONTH}/report?format=doc").status_code == 400


@pytest.mark.usefixtures("chromium")  # Debian's package brings pango, which draws the PDF
def test_the_report_is_one_tagged_page_of_pdf(client, project):
    import weasyprint

    from watermaster.serve.report import report_html

    found = open_review(project, MONTH)
    answer = client.get(f"/review/{MONTH}/report?format=pdf")
    assert answer.content.startswith(b"%PDF")
    assert answer.content == client.get(f"/review/{MONTH}/report?format=pdf").content
    assert len(weasyprint.HTML(string=report_html(found, "Org")).render().pages) == 1


def test_the_api_tells_what_the_page_shows(client, project):
    open_review(project, MONTH)
    told = client.get(f"/api/v1/reviews/{MONTH}").json()
    assert told["costs"]["title"] in client.get("/review").text
    assert [one["month"] for one in client.get("/api/v1/reviews").json()] == [MONTH]
    why = client.get(f"/api/v1/cost/explained?month={MONTH}").json()
    assert why["now"] == told["costs"]["total"]
