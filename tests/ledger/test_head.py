"""Head is the one commit point: slices, resets, columns that join later, snapshots kept by tag."""

import datetime as dt
from concurrent.futures import ThreadPoolExecutor

import ibis
import pytest

from watermaster.ledger.head import Head, move_head, read_head
from watermaster.ledger.lake import current_snapshot_id, files_at, load, path_of, tag
from watermaster.ledger.open import create_ledger
from watermaster.ledger.read import read
from watermaster.ledger.write import begin
from watermaster.model.config import Config
from watermaster.model.errors import BusyError
from watermaster.model.events import Step, tell_nobody

DAYS = ("2026-10-01", "2026-10-02")
SOURCES = ("aws", "azure")


class StoppedError(Exception):
    """What a test raises in the midst of a change."""


@pytest.fixture
def ledger(tmp_path):
    made = create_ledger(tmp_path / "home", Config())
    write(made, 1)
    return made


def moves(count, source, day):
    return ibis.memtable({
        "source": [source] * 2, "day": [day] * 2, "location": ["s3://a", "s3://b"],
        "bytes": [count, count * 10],
    })  # fmt: skip


def write(ledger, count, slices=None, tell=tell_nobody):
    """Let some slices of `transfers` hold two rows each."""
    wanted = slices or [(source, day) for source in SOURCES for day in DAYS]
    with begin(ledger, "move", "anna", tell) as work:
        for source, day in wanted:
            rows = work.write("transfers", moves(count, source, day), one_slice=True)
            work.swap("transfers", [(source, day)], rows)


def held(ledger, head=None):
    rows = read(ledger, head or read_head(ledger.records), "transfers")
    found = ledger.engine.to_pyarrow(rows).to_pylist()
    return sorted((row["source"], row["day"], row["bytes"]) for row in found)


def files(ledger):
    head = read_head(ledger.records)
    return {
        key: path
        for path, key, _ in files_at(load(ledger.catalog, "transfers"), head.snapshots["transfers"])
    }


def test_a_slice_is_replaced_and_no_other_file_is_touched(ledger):
    before, was = files(ledger), held(ledger)
    write(ledger, 7, [("aws", DAYS[0])])
    after = files(ledger)
    assert [key for key in after if after[key] != before[key]] == [("aws", DAYS[0])]
    assert path_of(before["aws", DAYS[0]]).exists()  # whoever reads the old head still can
    changed = set(held(ledger)) - set(was)
    assert changed == {("aws", DAYS[0], 7), ("aws", DAYS[0], 70)}
    assert len(held(ledger)) == len(was)


def test_a_slice_can_be_emptied(ledger):
    with begin(ledger, "move", "anna", tell_nobody) as work:
        work.swap("transfers", [("aws", DAYS[0])], None)
    assert ("aws", DAYS[0]) not in files(ledger)
    assert len(held(ledger)) == 6


def test_one_change_is_one_revision_however_many_slices_it_has(ledger):
    before = read_head(ledger.records).revision
    write(ledger, 2)
    assert read_head(ledger.records).revision == before + 1


@pytest.mark.parametrize(
    "step", ["move.begun", "move.transfers-written", "move.transfers-committed", "move.head-ready"]
)
def test_a_change_that_fails_leaves_nothing(ledger, step):
    before, was, there = read_head(ledger.records), held(ledger), parquet_files(ledger)

    def stop(event):
        if isinstance(event, Step) and event.name == step:
            raise StoppedError

    with pytest.raises(StoppedError):
        write(ledger, 9, tell=stop)
    assert read_head(ledger.records) == before
    assert held(ledger) == was
    assert parquet_files(ledger) == there
    assert current_snapshot_id(load(ledger.catalog, "transfers")) == before.snapshots["transfers"]


def parquet_files(ledger):
    return sorted(ledger.home.rglob("*.parquet"))


def test_what_fails_after_head_moved_has_happened(ledger):
    def stop(event):
        if isinstance(event, Step) and event.name == "move.head-moved":
            raise StoppedError

    with pytest.raises(StoppedError):
        write(ledger, 9, tell=stop)
    assert {row[2] for row in held(ledger)} == {9, 90}


def test_a_table_that_stands_ahead_is_invisible_and_the_next_writer_resets_it(ledger):
    was = held(ledger)
    table = load(ledger.catalog, "transfers")
    table.delete("source = 'aws'")  # a writer that was killed before it moved the head
    assert held(ledger) == was
    write(ledger, 5, [("azure", DAYS[1])])
    assert len(held(ledger)) == len(was)
    assert ("aws", DAYS[0], 1) in held(ledger)


def test_whoever_read_an_old_head_is_refused(ledger):
    old = read_head(ledger.records)
    write(ledger, 2)
    with (
        ledger.records.connect() as connection,
        pytest.raises(BusyError, match="has moved on since this was planned; run the command"),
    ):
        move_head(connection, old, {})


def test_an_old_head_reads_what_it_read_before(ledger):
    old, was = read_head(ledger.records), held(ledger)
    write(ledger, 2)
    assert held(ledger, old) == was
    assert held(ledger) != was


def test_files_without_a_column_that_joined_later_read_null_there(ledger):
    with begin(ledger, "move", "anna", tell_nobody) as work:
        work.add_columns("transfers", {"tag_team": "string"})
        rows = moves(3, "aws", DAYS[0]).mutate(tag_team=ibis.literal("search"))
        written = work.write("transfers", rows, one_slice=True)
        work.swap("transfers", [("aws", DAYS[0])], written)
    rows = read(ledger, read_head(ledger.records), "transfers")
    found = ledger.engine.to_pyarrow(rows).to_pylist()
    teams = {(row["source"], row["day"]): row["tag_team"] for row in found}
    assert teams.pop(("aws", DAYS[0])) == "search"
    assert set(teams.values()) == {None}


def test_a_tagged_snapshot_is_read_by_its_name_after_many_changes(ledger):
    first, was = read_head(ledger.records), held(ledger)
    tag(load(ledger.catalog, "transfers"), first.snapshots["transfers"], "close-2026-10")
    for count in range(2, 5):
        write(ledger, count)
    kept = load(ledger.catalog, "transfers").refs()["close-2026-10"].snapshot_id
    assert held(ledger, Head(first.revision, {"transfers": kept})) == was


def test_readers_beside_a_writer_see_one_revision_each(ledger):
    """Every slice of one revision holds the same count; a mixture would show two."""

    def look(_):
        return {row[2] for row in held(ledger)}

    with ThreadPoolExecutor(4) as threads:
        writing = threads.submit(lambda: [write(ledger, count) for count in range(2, 6)])
        seen = list(threads.map(look, range(12)))
        writing.result()
    assert all(len(counts) == 2 for counts in seen), seen
    assert {row[2] for row in held(ledger)} == {5, 50}


def test_threads_hold_temporary_tables_apart(ledger):
    def held_by(number):
        engine = ledger.engine
        engine.create_table("mine", ibis.memtable({"n": [number]}), temp=True, overwrite=True)
        return engine.table("mine").execute()["n"][0], engine.raw_sql(
            "SELECT current_setting('TimeZone')"
        ).fetchone()[0]

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(held_by, range(8))) == [(n, "UTC") for n in range(8)]


def test_times_come_back_as_they_were_written(ledger):
    moment = dt.datetime(2026, 3, 29, 1, 30)
    rows = ibis.memtable({"source": ["a"], "day": [DAYS[0]], "hour": [moment], "node": ["n"]})
    with begin(ledger, "move", "anna", tell_nobody) as work:
        written = work.write("gpu_supply", rows, one_slice=True)
        work.swap("gpu_supply", [("a", DAYS[0])], written)
    found = read(ledger, read_head(ledger.records), "gpu_supply")
    assert ledger.engine.to_pyarrow(found.hour).to_pylist() == [moment]
