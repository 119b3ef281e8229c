"""`wm doctor`, `status`, `source`, `audit` and `ingest rejected` as a person meets them."""

import json

import pytest
import sqlalchemy as sa

from watermaster.cli.main import run
from watermaster.flows.open import create_project
from watermaster.ledger.records import AUDIT
from watermaster.testing.bills import write_bill


@pytest.fixture
def home(tmp_path, monkeypatch):
    project = create_project(tmp_path / "home")
    monkeypatch.setenv("WM_HOME", str(project.home))
    for number, month in enumerate(("2026-09", "2026-10")):
        bill = write_bill(tmp_path / f"{month}.csv", month, 12, number, faulty=number)
        assert run(["ingest", "focus", str(bill), "--source", "aws"]) == 0
    return project


def answer(capsys, *line):
    capsys.readouterr()
    code = run([*line, "-o", "json"])
    return code, json.loads(capsys.readouterr().out)


def test_a_sound_ledger_ends_with_0_and_a_changed_log_with_2(home, capsys):
    code, found = answer(capsys, "doctor")
    assert (code, {one["health"] for one in found["findings"]} - {"note"}) == (0, {"good"})
    assert answer(capsys, "audit", "verify")[0] == 0
    with home.ledger.records.begin() as connection:
        connection.execute(AUDIT.update().where(AUDIT.c.seq == 1).values(actor="other"))
    code, found = answer(capsys, "audit", "verify")
    assert (code, [one["thing"] for one in found["breaks"]]) == (2, ["audit 1"])
    assert answer(capsys, "doctor")[0] == 2


def test_fix_tells_what_it_mended(home, capsys):
    (home.home / "lake" / "facts" / "charges" / "data" / "x.parquet").write_bytes(b"x" * 7)
    code, found = answer(capsys, "doctor", "--fix")
    assert (code, found["freed_bytes"]) == (0, 7)
    assert found["mended"] == ["1 orphan file removed, 0.0 MiB"]


def test_status_and_sources_name_months_and_rejected_rows(home, capsys):
    _, found = answer(capsys, "status")
    assert [(one["month"], one["state"]) for one in found["months"]] == [
        ("2026-09", "current"), ("2026-10", "current"),
    ]  # fmt: skip
    _, sources = answer(capsys, "source", "list")
    assert [(one["source"], one["newest"], one["rejected"]) for one in sources] == [
        ("aws", "2026-10", 1)
    ]


def test_rejected_rows_are_listed_with_what_to_write(home, capsys):
    _, found = answer(capsys, "ingest", "rejected", "--source", "aws")
    assert [(one["row"], one["value"]) for one in found["rows"]] == [(1, "much")]
    assert "write" in found["rows"][0]["reason"]


def test_the_exported_log_has_every_row_with_its_seal(home, capsys):
    _, found = answer(capsys, "audit", "export")
    with home.ledger.records.connect() as connection:
        seals = list(connection.scalars(sa.select(AUDIT.c.hash).order_by(AUDIT.c.seq)))
    assert [row["hash"] for row in found] == seals
    assert [row["action"] for row in found] == ["ingest", "allocate"] * 2
