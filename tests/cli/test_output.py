"""Everything `wm` prints goes through cli/output.py."""

import datetime as dt
import json
from decimal import Decimal

import pytest

from watermaster.cli.call import Output, new_call
from watermaster.cli.output import WIDTH, Table, show
from watermaster.model.errors import UsageError

ROWS = [
    {"service": "=cmd()", "cost": Decimal("-1234.500000000000001"), "on": dt.date(2026, 10, 1)},
    {"service": "chat " * 60, "cost": Decimal("0.1"), "on": None},
]
TABLE = Table(["service", "cost"], ROWS, wide=["on"])


def shown(capsys, output: Output, columns: str | None = None) -> str:
    call = new_call()
    call.output, call.columns = output, columns
    show({"total": Decimal("1.10"), "rows": ROWS}, TABLE)
    return capsys.readouterr().out


def test_json_keeps_every_digit_as_text(capsys):
    record = json.loads(shown(capsys, Output.JSON))
    assert record["total"] == "1.10"
    assert record["rows"][0] == {
        "service": "=cmd()", "cost": "-1234.500000000000001", "on": "2026-10-01"
    }  # fmt: skip


def test_csv_defuses_text_but_leaves_numbers(capsys):
    lines = shown(capsys, Output.CSV).splitlines()
    assert lines[0] == "service,cost,on"
    assert lines[1] == "'=cmd(),-1234.500000000000001,2026-10-01"


def test_a_table_fits_100_columns_and_loses_no_text(capsys):
    text = shown(capsys, Output.TABLE)
    assert max(len(line) for line in text.splitlines()) <= WIDTH
    assert text.count("chat") == 60
    assert "-1,234.50" in text


def test_wide_shows_more_columns_in_one_line_each(capsys):
    lines = shown(capsys, Output.WIDE).splitlines()
    assert "on" in lines[0].split()
    assert len([line for line in lines if "chat" in line]) == 1


def test_columns_are_chosen_in_the_order_asked(capsys):
    assert shown(capsys, Output.CSV, "on,service").splitlines()[0] == "on,service"


def test_an_unknown_column_is_told_with_those_there_are(capsys):
    with pytest.raises(UsageError) as told:
        shown(capsys, Output.TABLE, "price,cost")
    assert str(told.value) == "--columns: no column price; take service, cost, on"


def test_yaml_is_the_same_record(capsys):
    assert "total: '1.10'" in shown(capsys, Output.YAML)


def test_a_terminal_obeys_nothing_that_a_table_holds(capsys):
    rows = [{"service": "a\x1b[31mred"}, {"service": "\u202egnp.exe"}, {"service": "caf\u00e9"}]
    new_call()
    show({}, Table(["service"], rows, above=["bell\x07"], below=["back\x08"]))
    text = capsys.readouterr().out
    assert "a\\x1b[31mred" in text
    assert "\\u202egnp.exe" in text
    assert "caf\u00e9" in text
    assert text.startswith("bell\\x07")
    assert text.rstrip().endswith("back\\x08")
