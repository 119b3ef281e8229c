import csv
import gzip
import io
import re
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import openpyxl
import pytest
from starlette.testclient import TestClient

from watermaster.flows.allocate import allocate_months
from watermaster.flows.charges import ChargesAsked, charges
from watermaster.flows.ingest import IngestOptions, ingest_bills
from watermaster.flows.open import create_project
from watermaster.flows.overview import overview
from watermaster.flows.scope import Asked
from watermaster.model.resources import SourceSpec, SourceType
from watermaster.serve import assets
from watermaster.serve.app import create_app


def test_the_overview_says_its_finding_first(client, project):
    page = client.get("/").text
    record = overview(project, Asked())
    assert record.title.startswith("October cost $")
    assert f"<h1>{record.title}</h1>" in page
    for figure in record.figures:
        assert figure.label in page


def test_days_and_months_hold_the_whole_cost(project):
    record = overview(project, Asked(month="2026-09"))
    days = sum((sum(values, Decimal(0)) for values in record.by_day.values()), Decimal(0))
    assert days + record.elsewhere + record.once == record.total
    assert record.figures[0].months["2026-09"] == record.total


def test_units_are_parts_of_the_whole(project):
    every = charges(project, ChargesAsked())
    units = [
        charges(project, ChargesAsked(asked=Asked(unit=unit))).total
        for unit in every.scope.choices["unit"]
    ]
    nobody = charges(project, ChargesAsked(wanted={"unit": ["-"]})).total
    assert sum(units, nobody) == every.total


@pytest.mark.parametrize("group", ["charge", "workload", "unit", "team", "service", "day"])
def test_every_grouping_has_the_same_total(client, group):
    answer = client.get(f"/api/v1/charges?group={group}").json()
    assert answer["total"] == client.get("/api/v1/charges").json()["total"]
    rows = [row["cost"] for row in answer["rows"]]
    assert rows == sorted(rows, key=Decimal, reverse=True)


def test_the_pages_of_a_list_hold_every_row_once(client):
    first = client.get("/api/v1/charges?sort=day").json()
    seen = []
    for page in range(1, first["pages"] + 1):
        rows = client.get(f"/api/v1/charges?sort=day&page={page}").json()["rows"]
        seen += [(row["charge_row"], row["kind"], row["workload"]) for row in rows]
    assert len(seen) == len(set(seen)) == first["count"]


def test_a_filter_and_a_search_narrow_the_list_and_its_total(client):
    whole = client.get("/api/v1/charges").json()
    one = client.get("/api/v1/charges?workload=chat-assist").json()
    found = client.get("/api/v1/charges?q=CHAT-ass").json()
    assert 0 < one["count"] < whole["count"]
    assert one["total"] == found["total"]
    assert client.get("/api/v1/charges?q=%25").json()["count"] == 0


def test_money_is_text_with_all_digits(client):
    answer = client.get("/api/v1/cost/by?by=team&month=2026-10").json()
    assert all(re.fullmatch(r"-?\d+\.\d{15}", row["cost"]) for row in answer["rows"])
    assert sum(Decimal(row["cost"]) for row in answer["rows"]) == Decimal(answer["total"])


def test_the_flow_holds_the_whole_cost_at_each_step(client):
    flow = client.get("/api/v1/cost/flow").json()
    for step in range(3):
        costs = [Decimal(link["cost"]) for link in flow["links"] if link["step"] == step]
        assert sum(costs) == Decimal(flow["total"])


def test_what_moved_explains_the_whole_difference(client):
    moved = client.get("/api/v1/cost/moved").json()
    changes = [Decimal(row["change"]) for row in moved["rows"]]
    assert sum(changes) == Decimal(moved["now"]) - Decimal(moved["before"])
    assert changes == sorted(changes, key=abs, reverse=True)


def row_of(page, name):
    return next(row for row in page.split("<tr") if f">{name}</a>" in row)


def test_use_that_was_measured_as_none_is_not_use_that_nobody_measured(client):
    page = client.get("/").text
    assert "Held, not used" in row_of(page, "code-assistant")
    assert "not measured" in row_of(page, "recsys-two-tower")
    for name in ("code-assistant", "recsys-two-tower"):
        assert "0%" not in row_of(page, name).split("</td>")[1]


def test_a_source_has_one_line_with_all_it_holds(client, project):
    record = overview(project, Asked())
    section = client.get("/").text.split("<h2>Sources")[1].split("</table>")[0]
    names = re.findall(r'<span class="nm">([^<]+)', section)
    assert names == sorted({one.source for one in record.sources})
    assert len(names) < len(record.sources)
    for one in record.sources:
        assert one.table.removeprefix("gpu_") in section


def test_a_search_renews_all_that_tells_of_the_rows(client):
    asked = {"hx-request": "true", "hx-target": "rows"}
    part = client.get("/costs?q=chat-assist&sort=day", headers=asked).text
    assert part.count('hx-swap-oob="true"') == 3
    assert 'href="/costs.csv?q=chat-assist&amp;sort=day"' in part
    assert 'href="/costs?q=chat-assist&amp;group=workload"' in part
    assert '<input type="hidden" name="sort" value="day">' in part
    assert "hx-swap-oob" not in client.get("/costs?q=chat-assist").text


def test_csv_has_every_row_of_the_filter_and_all_digits(client):
    answer = client.get("/costs.csv?unit=Claims")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    report = client.get("/api/v1/charges?unit=Claims").json()
    assert len(rows) == report["count"]
    assert sum(Decimal(row["cost"]) for row in rows) == Decimal(report["total"])


def test_xlsx_has_every_row_and_its_cost(client):
    answer = client.get("/costs.xlsx?group=workload")
    sheet = openpyxl.load_workbook(io.BytesIO(answer.content)).active
    head, *rows = sheet.iter_rows(values_only=True)
    report = client.get("/api/v1/charges?group=workload").json()
    assert len(rows) == report["count"]
    total = sum(row[head.index("cost")] for row in rows)
    assert total == pytest.approx(float(report["total"]))


def test_names_from_bills_cannot_become_markup(client):
    for path in ("/", "/costs", "/costs?group=workload", "/costs?q=<b>"):
        page = client.get(path).text
        assert "<b>call" not in page
        assert 'value="<b>"' not in page


def test_a_page_that_was_seen_is_not_sent_again(client):
    first = client.get("/costs")
    again = client.get("/costs", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = client.get("/costs?page=2", headers={"if-none-match": first.headers["etag"]})
    assert other.status_code == 200


def test_htmx_gets_the_table_alone_and_others_the_page(client):
    asked = {"hx-request": "true", "hx-target": "div#rows"}
    assert client.get("/costs?sort=day", headers=asked).text.startswith('<div id="rows"')
    assert client.get("/costs?sort=day").text.startswith("<!doctype html>")


def test_nothing_is_asked_of_other_hosts(client):
    for path in ("/", "/costs"):
        page = client.get(path)
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert "unsafe" not in page.headers["content-security-policy"]
        loaded = re.findall(r'(?:src|href|action)="(https?:)?//', page.text)
        assert loaded == []
        assert "style=" not in page.text


def test_other_host_names_are_refused(client):
    assert client.get("/", headers={"host": "evil.example"}).status_code == 400


def test_the_first_load_is_small(client):
    sizes = [len(gzip.compress(client.get("/").content))]
    for name in assets.TYPES:
        held = assets.asset(name)
        sizes.append(len(held.zipped or held.body))
    assert sum(sizes) <= 120_000


def test_files_are_kept_for_a_year_under_their_content(client):
    for name in assets.TYPES:
        answer = client.get(assets.address(name))
        assert answer.content == assets.asset(name).body
        assert "immutable" in answer.headers["cache-control"]
    assert client.get("/static/secret.py").status_code == 404


def test_a_first_start_says_what_to_do(first_start):
    for path in ("/", "/costs"):
        assert "wm demo" in first_start.get(path).text
    assert "watermaster_ledger_revision" in first_start.get("/metrics").text


@pytest.mark.parametrize(
    ("path", "status", "told"),
    [
        ("/?month=2031-01", 404, "choose 2026-10"),
        ("/costs?sort=colour", 400, "take day"),
        ("/costs?group=colour", 400, "take charge"),
        ("/costs?page=-3", 400, "write a number"),
        ("/?unit=Nobody", 404, "Choose Care, Claims"),
        ("/costs/0000000000000000/1", 404, "no charge"),
        ("/costs/x/y", 400, "charge_row"),
        ("/nowhere", 404, "not found"),
    ],
)
def test_an_error_says_what_to_do_and_has_an_id(client, path, status, told):
    answer = client.get(path)
    assert answer.status_code == status
    assert told in answer.text.lower() or told in answer.text
    assert re.search(r"id <code>[0-9a-f]{8}</code>", answer.text)


def test_an_error_of_the_api_is_json(client):
    answer = client.get("/api/v1/cost/by?by=colour")
    assert answer.status_code == 400
    assert set(answer.json()["error"]) == {"where", "what", "fix", "id"}


def test_metrics_are_in_the_text_format(client):
    sample = r'[a-z_]+(\{([a-z]+="([^"\\]|\\.)*",?)*\})? -?\d+(\.\d+)?'
    lines = client.get("/metrics").text.splitlines()
    assert [line for line in lines if line[0] != "#" and not re.fullmatch(sample, line)] == []
    names = {line.split()[2] for line in lines if line.startswith("# TYPE")}
    assert {"watermaster_source_age_seconds", "watermaster_cost"} <= names
    assert "watermaster_gpu_reserved_seconds" in names


def test_the_openapi_document_names_every_route(client):
    document = client.get("/api/v1/openapi.json").json()
    assert "/api/v1/overview" in document["paths"]
    assert all(path.startswith("/api/v1/") for path in document["paths"])


def test_what_is_kept_between_requests_serves_every_thread(client):
    with ThreadPoolExecutor(4) as several:
        paths = ["/", "/costs", "/costs?sort=day", "/metrics", "/?month=2026-08"] * 3
        answers = several.map(lambda path: client.get(path).status_code, paths)
        assert set(answers) == {200}


def test_the_month_goes_out_as_focus(client):
    answer = client.get("/costs.parquet?month=2026-10")
    assert answer.status_code == 200
    assert answer.content[:4] == b"PAR1"


def test_a_charge_is_walked_back_to_its_bill_row(tmp_path):
    bill = tmp_path / "bill.csv"
    head = "BilledCost,EffectiveCost,ListCost,ContractedCost,BillingCurrency,ServiceName"
    span = "BillingPeriodStart,BillingPeriodEnd,ChargePeriodStart,ChargePeriodEnd"
    month, days = "2026-10-01T00:00:00Z,2026-11-01T00:00:00Z", "T00:00:00Z,2026-10-05T00:00:00Z"
    rows = [f"{cost},{cost},{cost},{cost},USD,Disk,{month},2026-10-04{days}" for cost in (7, 8)]
    bill.write_text("\n".join([f"{head},{span}", *rows]))
    project = create_project(tmp_path / "home")
    spec = SourceSpec(type=SourceType.FOCUS, location=str(bill))
    ingest_bills(project, "bill", spec, IngestOptions())
    allocate_months(project)
    client = TestClient(create_app(project), base_url="http://127.0.0.1")
    row = client.get("/api/v1/charges").json()["rows"][0]
    page = client.get(f"/costs/{row['charge_file']}/{row['charge_row']}")
    assert page.status_code == 200
    assert "<h1>Disk, $8.00</h1>" in page.text
    assert "No selector, pool or rule recognises it." in page.text
    assert "bill.csv" in page.text
    assert '<a href="/costs">Costs</a>' in page.text
    assert "<dt>EffectiveCost</dt><dd>8</dd>" in page.text
    assert "<dd></dd>" not in page.text
    assert page.text.count("$8.00</td>") == 4  # billed and effective, of the part and of all


@pytest.mark.parametrize("address", ["/costs?tag:nobody=1", "/costs.csv?tag:nobody=1",
                                     "/api/v1/charges?tag:nobody=1",
                                     "/api/v1/cost/by?by=team&filter=tag:nobody=1",
                                     "/api/v1/cost/by?by=team&month=2026-99"])  # fmt: skip
def test_what_nobody_can_ask_for_is_told_and_no_failure(client, address):
    answer = client.get(address)
    assert answer.status_code == 400
    assert "there is no dimension" in answer.text or "is no month" in answer.text


def test_a_dimension_asked_twice_is_one(client):
    answer = client.get("/api/v1/cost/by?by=service,team,service").json()
    assert answer == client.get("/api/v1/cost/by?by=service,team").json()
