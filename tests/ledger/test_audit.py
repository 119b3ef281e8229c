"""The audit chain: whole until anybody touches it."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from watermaster.ledger.audit import append_audit, chained
from watermaster.ledger.audit_breaks import broken_links
from watermaster.ledger.open import create_ledger
from watermaster.ledger.records import AUDIT, RECORDS
from watermaster.model.config import Config

ROWS = 5


def chain() -> sa.Connection:
    connection = sa.create_engine("sqlite://").connect()
    RECORDS.create_all(connection, tables=[AUDIT])
    for number in range(ROWS):
        append_audit(connection, f"2026-10-0{number + 1}", "anna", "ingest", {"rows": number})
    return connection


def test_a_chain_that_nobody_touched_is_whole():
    assert broken_links(chain()) == []


@given(
    st.integers(1, ROWS),
    st.sampled_from(["at", "actor", "action", "detail", "previous", "hash"]),
)
def test_a_changed_cell_breaks_its_row_or_the_next(seq, column):
    connection = chain()
    connection.execute(AUDIT.update().where(AUDIT.c.seq == seq).values({column: "other"}))
    broken = broken_links(connection)
    connection.close()
    assert broken
    assert set(broken) <= {seq, seq + 1}


@given(st.integers(1, ROWS - 1))
def test_a_removed_row_breaks_the_next(seq):
    connection = chain()
    connection.execute(AUDIT.delete().where(AUDIT.c.seq == seq))
    broken = broken_links(connection)
    connection.close()
    assert broken == [seq + 1]


def test_a_row_slipped_in_is_found():
    connection = chain()
    row = connection.execute(sa.select(AUDIT).where(AUDIT.c.seq == 5)).mappings().one()
    connection.execute(AUDIT.insert().values(dict(row) | {"seq": 6}))
    assert broken_links(connection) == [6]


def test_two_rows_of_one_number_cannot_be():
    connection = chain()
    row = connection.execute(sa.select(AUDIT).where(AUDIT.c.seq == 2)).mappings().one()
    with pytest.raises(sa.exc.IntegrityError):
        connection.execute(AUDIT.insert().values(dict(row)))


def test_many_append_at_once_and_the_chain_stays_one(tmp_path):
    records = create_ledger(tmp_path / "home", Config()).records
    before = _rows(records)

    def add(number):
        for step in range(5):
            with chained(records) as connection:
                append_audit(connection, "2026-10-01", f"writer-{number}", "test", {"step": step})

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(add, range(6)))
    assert _rows(records) == before + 30
    with records.connect() as connection:
        assert broken_links(connection) == []
    records.dispose()


def _rows(records):
    with records.connect() as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(AUDIT))
