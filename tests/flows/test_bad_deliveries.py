"""Bad deliveries: a clear word on where and what to do, good rows kept, nothing lost."""

import gzip
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.components import need
from watermaster.flows.ingest import IngestOptions, ingest_bills
from watermaster.flows.open import create_project
from watermaster.flows.rejected import rejected
from watermaster.ledger.head import read_head
from watermaster.ledger.read import read
from watermaster.model.errors import BadInputError, NotFoundError
from watermaster.model.resources import SourceSpec, SourceType
from watermaster.testing.bills import write_bill

ROWS = 20


@pytest.fixture
def project(tmp_path):
    made = create_project(tmp_path / "home")
    ingest(made, write_bill(tmp_path / "held.csv", "2026-08", ROWS), "held")
    return made


@pytest.fixture
def bill(tmp_path):
    return write_bill(tmp_path / "bill.csv", "2026-09", ROWS).read_text()


def ingest(project, location, source="aws"):
    spec = SourceSpec(type=SourceType.FOCUS, location=str(location))
    return ingest_bills(project, source, spec, IngestOptions())


def charge_rows(project, source="aws"):
    charges = read(project.ledger, read_head(project.ledger.records), "charges")
    rows = charges.filter(charges.source == source).select("charge_row")
    return sorted(project.ledger.engine.to_pyarrow(rows)["charge_row"].to_pylist())


def text_of(folder, content, name="bad.csv"):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


REFUSED = {
    "a packed file cut off": (
        lambda bill: ("bad.csv.gz", gzip.compress(bill.encode())[:400]),
        "bad.csv.gz: is no whole gzip file",
    ),
    "a file that is not packed": (
        lambda bill: ("bad.csv.gz", bill.encode()),
        "bad.csv.gz: is no whole gzip file",
    ),
    "UTF-16": (lambda bill: ("bad.csv", bill.encode("utf-16")), "bad.csv: is UTF-16"),
    "an empty file": (lambda bill: ("bad.csv", b""), "bad.csv: is empty"),
    "noise": (lambda bill: ("bad.csv", bytes(range(128, 256)) * 9), "has no UTF-8 header"),
    "no Parquet": (
        lambda bill: ("bad.parquet", b"PAR1" + bytes(100)),
        "bad.parquet: is no whole Parquet file",
    ),
    "no bill": (lambda bill: ("bad.csv", b"a,b\n1,2\n"), "has neither BilledCost nor"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_file_that_cannot_be_read_is_refused_by_name_and_nothing_changes(
    project, bill, tmp_path, case
):
    build, said = REFUSED[case]
    name, content = build(bill)
    before = read_head(project.ledger.records)
    with pytest.raises(BadInputError, match="; ") as caught:
        ingest(project, text_of(tmp_path, content, name))
    assert said in str(caught.value)
    assert read_head(project.ledger.records) == before
    assert charge_rows(project, "held") == list(range(1, ROWS + 1))


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_another_delimiter_is_understood(project, bill, tmp_path, delimiter):
    other = bill.replace(",", delimiter).replace(f'"{delimiter} ""', '", ""')
    ingest(project, text_of(tmp_path, other))
    assert charge_rows(project) == list(range(1, ROWS + 1))


def test_rows_with_other_numbers_of_cells_are_rejected_and_the_rest_kept(project, bill, tmp_path):
    lines = bill.splitlines()
    lines[5] += ",more"
    lines[7] = ",".join(lines[7].split(",")[:6])
    found = ingest(project, text_of(tmp_path, "\n".join(lines)))
    assert found.rejected == 2
    told = [(one.row, one.reason.split(";")[0]) for one in rejected(project, "aws").rows]
    assert told == [
        (5, "has 17 cells where the header has 16"), (7, "has 6 cells where the header has 16"),
    ]  # fmt: skip
    # rows keep the number they have in the file
    assert charge_rows(project) == [n for n in range(1, ROWS + 1) if n not in {5, 7}]


def test_a_column_that_appears_midway_leaves_the_rows_before_it(project, bill, tmp_path):
    lines = bill.splitlines()
    lines[11:] = [line + ",1" for line in lines[11:]]
    ingest(project, text_of(tmp_path, "\n".join(lines)))
    assert charge_rows(project) == list(range(1, 11))
    assert rejected(project, "aws").total == ROWS - 10


def test_bytes_that_are_not_utf_8_reject_their_row_only(project, bill, tmp_path):
    lines = [line.encode() for line in bill.splitlines()]
    lines[3] = lines[3].replace(b"AWS", b"AW\xe9")
    for name, pack in (("bad.csv", bytes), ("bad.csv.gz", gzip.compress)):
        source = name.replace(".", "-")
        ingest(project, text_of(tmp_path, pack(b"\n".join(lines)), name), source)
        cell = rejected(project, source).rows[0]
        assert cell.row == 3
        assert cell.reason == "byte 0xE9 is not UTF-8; write the file as UTF-8"
        assert charge_rows(project, source) == [n for n in range(1, ROWS + 1) if n != 3]


def test_a_quote_that_is_never_closed_is_told_with_its_row(project, bill, tmp_path):
    ingest(project, text_of(tmp_path, bill + '"2026-09-01,'))
    assert rejected(project, "aws").rows[0].row == ROWS + 1
    assert charge_rows(project) == list(range(1, ROWS + 1))


def test_a_line_break_within_quotes_is_part_of_its_cell(project, bill, tmp_path):
    lines = bill.splitlines()
    lines[2] = lines[2].replace("AWS", '"Amazon\nWeb Services"')
    lines[4] += ",unsound"  # the slow way must count rows, not lines
    ingest(project, text_of(tmp_path, "\n".join(lines)))
    assert charge_rows(project) == [n for n in range(1, ROWS + 1) if n != 4]


def test_a_cell_of_100_mb_is_rejected_and_memory_stays_flat(tmp_path, bill):
    lines = bill.splitlines()
    huge = tmp_path / "huge.csv"
    with huge.open("w") as handle:
        handle.write("\n".join(lines[:5]) + "\n" + lines[5].replace("Usage", '"'))
        for _ in range(100):
            handle.write("x" * 1_000_000)
        handle.write('"\n' + "\n".join(lines[6:]) + "\n")
    plain = tmp_path / "plain.csv"
    plain.write_text("\n".join([*lines[:5], lines[5] + ",unsound", *lines[6:]]))
    peaks = [_peak_bytes(tmp_path / path.stem, path) for path in (plain, huge)]
    assert peaks[1] - peaks[0] < 40e6
    found = rejected(create_project(tmp_path / "huge"))
    assert [cell.row for cell in found.rows] == [5]
    assert "bytes; rows have at most 1,048,576: shorten it" in found.rows[0].reason
    assert len(found.rows[0].value) <= 200


def _peak_bytes(home: Path, bill: Path) -> int:
    code = (
        "import resource, sys; from pathlib import Path\n"
        "from watermaster.flows.ingest import IngestOptions, ingest_bills\n"
        "from watermaster.flows.open import create_project\n"
        "from watermaster.model.resources import SourceSpec, SourceType\n"
        "spec = SourceSpec(type=SourceType.FOCUS, location=sys.argv[2])\n"
        "ingest_bills(create_project(Path(sys.argv[1])), 'aws', spec, IngestOptions())\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(home), str(bill)],
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    return int(done.stdout)


def test_dates_far_ahead_are_rejected_with_what_to_check(project, bill, tmp_path):
    ingest(project, text_of(tmp_path, bill.replace("2026-", "2126-")))
    found = rejected(project, "aws")
    assert found.total == 2 * ROWS
    assert "ahead of now; check the year" in found.rows[0].reason
    assert charge_rows(project) == []


def test_parquet_with_other_types_is_read_by_its_text(project, bill, tmp_path):
    header, *lines = (line.split(",") for line in bill.splitlines())
    columns = {
        name: pa.array([float(line[at]) for line in lines])
        if name.endswith("Cost")
        else pa.array([line[at] for line in lines])
        for at, name in enumerate(header)
        if name != "Tags"
    }
    pq.write_table(pa.table(columns), tmp_path / "typed.parquet")
    ingest(project, tmp_path / "typed.parquet")
    assert charge_rows(project) == list(range(1, ROWS + 1))


def test_parquet_of_something_else_is_refused(project, tmp_path):
    pq.write_table(pa.table({"a": [1, 2], "b": [[1], [2]]}), tmp_path / "other.parquet")
    with pytest.raises(BadInputError, match=r"other\.parquet: has neither BilledCost nor"):
        ingest(project, tmp_path / "other.parquet")


def test_a_place_without_bills_is_not_found(project, tmp_path):
    (tmp_path / "empty" / "x.csv").mkdir(parents=True)
    for place in ("empty", "empty/x.csv", "empty/*.csv", "nowhere.csv"):
        with pytest.raises(NotFoundError, match=r"name a \.csv"):
            ingest(project, tmp_path / place)


def test_a_file_that_may_not_be_read_is_named(tmp_path, bill):
    need("setpriv")
    path = text_of(tmp_path, bill)
    path.chmod(0)
    code = (
        "import sys; from pathlib import Path\n"
        "from watermaster.ledger.delivery import delivered\n"
        "from types import SimpleNamespace\n"
        "try:\n"
        "    with delivered(SimpleNamespace(home=Path('/nowhere')), sys.argv[1]): pass\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    drop = ["setpriv", "--inh-caps=-all", "--bounding-set=-all"] if os.geteuid() == 0 else []
    done = subprocess.run([*drop, sys.executable, "-c", code, str(path)],
                          capture_output=True, text=True, check=False, timeout=60)  # fmt: skip
    said = f"BadInputError {path}: may not be read; give this user the right to read it"
    assert done.stdout.strip() == said, done.stderr


def test_two_deliveries_at_once_do_not_remove_each_others_files(project, tmp_path):
    bills = [write_bill(tmp_path / f"{n}.csv.gz", "2026-09", ROWS, n) for n in range(2)]
    with ThreadPoolExecutor(2) as threads:
        taken = [
            threads.submit(ingest, project, bill, f"source-{number}")
            for number, bill in enumerate(bills)
        ]
    assert [one.result().rejected for one in taken] == [0, 0]
    assert [len(charge_rows(project, f"source-{n}")) for n in range(2)] == [ROWS, ROWS]


@pytest.mark.parametrize("name", ["[glob]*.csv", "may?.csv"])
def test_a_file_that_bears_the_signs_of_a_pattern_is_that_file(project, bill, tmp_path, name):
    for other in ("gone.csv", "mayo.csv"):  # what the pattern would find
        write_bill(tmp_path / other, "2026-07", ROWS)
    ingested = ingest(project, text_of(tmp_path, bill, name))
    assert [file.file for file in ingested.files] == [name]
    assert charge_rows(project) == list(range(1, ROWS + 1))


@pytest.mark.parametrize("name", ["it's", 'a "b" c', "[a]*"])
def test_a_home_may_have_any_signs_in_its_name(bill, tmp_path, name):
    project = create_project(tmp_path / name)
    ingest(project, text_of(tmp_path, bill, "bill.csv"))
    assert charge_rows(project) == list(range(1, ROWS + 1))
