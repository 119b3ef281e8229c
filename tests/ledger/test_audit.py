"""The audit chain: whole until anybody touches it."""

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from watermaster.ledger.audit import append_audit, broken_links
from watermaster.ledger.records import AUDIT, RECORDS

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
