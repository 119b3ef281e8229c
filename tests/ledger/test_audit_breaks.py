"""The audit log names what was changed in it."""

import hypothesis.strategies as st
import pytest
import sqlalchemy as sa
from hypothesis import given

from watermaster.ledger.audit import append_audit
from watermaster.ledger.audit_breaks import audit_cells, breaks_of, broken_links
from watermaster.ledger.records import AUDIT, RECORDS

ROWS = 6
COLUMNS = ("at", "actor", "action", "detail", "previous", "hash")


def chain(rows: int = ROWS) -> sa.Connection:
    connection = sa.create_engine("sqlite://").connect()
    RECORDS.create_all(connection, tables=[AUDIT])
    for number in range(rows):
        actor = ("anna", "bénédicte")[number % 2]
        detail = {"rows": number, "why": 'said "yes"\n'}
        append_audit(connection, f"2026-10-0{number + 1}", actor, "ingest", detail)
    return connection


def breaks(connection: sa.Connection) -> list[tuple[str, str | None, str]]:
    return [(one.thing, one.column, one.what) for one in breaks_of(audit_cells(connection))]


def held(connection: sa.Connection, seq: int, column: str) -> bytes:
    text = f"SELECT CAST({column} AS BLOB) FROM audit WHERE seq = {seq}"
    return connection.exec_driver_sql(text).scalar_one()


def put(connection: sa.Connection, seq: int, column: str, raw: bytes) -> None:
    text = f"UPDATE audit SET {column} = CAST(? AS TEXT) WHERE seq = {seq}"
    connection.exec_driver_sql(text, (raw,))


@given(st.integers(1, ROWS), st.sampled_from(COLUMNS), st.integers(0), st.integers(1, 255))
def test_one_changed_byte_is_named_with_its_row_its_column_and_what_was_there(
    seq, column, place, flip
):
    connection = chain()
    raw = bytearray(held(connection, seq, column))
    was = raw.decode()
    raw[place % len(raw)] ^= flip
    put(connection, seq, column, bytes(raw))
    found = breaks(connection)
    connection.close()
    assert [(thing, cell) for thing, cell, _ in found] == [(f"audit {seq}", column)]
    if len(was) <= 40:
        assert f"was {was!r}" in found[0][2]


def test_a_name_put_in_place_of_another_is_told_with_the_one_it_was():
    connection = chain()
    put(connection, 3, "actor", b"eve")
    assert breaks(connection) == [("audit 3", "actor", "actor was 'anna', is 'eve'")]
    assert broken_links(connection) == [3]


def test_a_rewritten_cell_of_which_nothing_is_left_is_still_placed():
    connection = chain()
    put(connection, 4, "detail", b'{"rows":1000000}')
    assert [one[:2] for one in breaks(connection)] == [("audit 4", None)]


@pytest.mark.parametrize("seq", [1, 3, 5])
def test_a_removed_row_is_named_and_no_other(seq):
    connection = chain()
    connection.execute(AUDIT.delete().where(AUDIT.c.seq == seq))
    assert breaks(connection) == [(f"audit {seq}", None, "was removed")]


@pytest.mark.parametrize(("seq", "other"), [(2, 66), (6, 7), (3, -5), (1, 0)])
def test_a_row_with_another_number_is_named_with_its_own(seq, other):
    connection = chain()
    connection.execute(AUDIT.update().where(AUDIT.c.seq == seq).values(seq=other))
    assert (f"audit {other}", "seq", f"seq was {seq}, is {other}") in breaks(connection)


def test_a_copied_row_was_slipped_in():
    connection = chain()
    row = connection.execute(sa.select(AUDIT).where(AUDIT.c.seq == 5)).mappings().one()
    connection.execute(AUDIT.insert().values(dict(row) | {"seq": 0}))
    found = breaks(connection)
    assert [(thing, cell) for thing, cell, _ in found] == [("audit 0", None)]
    assert "slipped in" in found[0][2]


def test_many_broken_rows_are_all_told_and_quickly():
    connection = chain(200)
    connection.execute(AUDIT.update().values(detail="{}"))
    assert len(breaks(connection)) == 200
