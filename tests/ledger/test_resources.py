"""The history of declared resources: valid time and recorded time."""

import datetime as dt
import itertools
import json
from importlib.resources import files

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from hypothesis import given
from hypothesis import strategies as st

from watermaster.ledger.migrate import migrate, needs_migration
from watermaster.ledger.records import LEDGER, RECORDS
from watermaster.ledger.resources import RESOURCES, Recording, Row, append, history, recorded
from watermaster.model.resources import load_resource, store_resource, written_resource


def day(number: int) -> dt.datetime:
    return dt.datetime(2026, 1, 1, tzinfo=dt.UTC) + dt.timedelta(days=number)


def team(unit: str, name: str = "payments"):
    return load_resource({"kind": "Team", "metadata": {"name": name}, "spec": {"unit": unit}})


def row(unit: str | None, start: int | None, name: str = "payments") -> Row:
    resource = None if unit is None else team(unit, name)
    return Row("Team", name, None if start is None else day(start), resource, "estate/teams.yaml")


@pytest.fixture
def connection():
    engine = sa.create_engine("sqlite://")
    RECORDS.create_all(engine, tables=[RESOURCES])
    with engine.connect() as held:
        yield held
    engine.dispose()


def timeline(connection, as_known=None, name="payments"):
    found = [v for v in history(connection, as_known) if v.resource.metadata.name == name]
    return [(v.resource.spec.unit, v.valid_from, v.valid_to) for v in found]


def test_a_later_statement_cuts_off_the_earlier_where_it_begins(connection):
    append(connection, [row("a", None), row("x", None, "other")], Recording(1, day(0), "p1"))
    append(connection, [row("b", 10)], Recording(2, day(10), "p2"))
    assert timeline(connection) == [("a", None, day(10)), ("b", day(10), None)]
    assert timeline(connection, name="other") == [("x", None, None)]


def test_a_statement_about_the_past_overrides_all_that_follows(connection):
    append(connection, [row("a", None), row("b", 10)], Recording(1, day(10), "p1"))
    append(connection, [row("c", 5)], Recording(2, day(20), "p2"))
    assert timeline(connection) == [("a", None, day(5)), ("c", day(5), None)]


def test_what_was_known_then_stays_known_as_then(connection):
    append(connection, [row("a", None)], Recording(1, day(0), "p1"))
    append(connection, [row("b", None)], Recording(2, day(9), "p2"))
    assert timeline(connection) == [("b", None, None)]
    assert timeline(connection, day(8)) == [("a", None, None)]
    assert timeline(connection, day(-1)) == []


def test_a_delete_ends_and_a_new_start_leaves_a_gap(connection):
    append(connection, [row("a", None)], Recording(1, day(0), "p1"))
    append(connection, [row(None, 5)], Recording(2, day(5), "p2"))
    append(connection, [row("b", 8)], Recording(3, day(8), "p3"))
    assert timeline(connection) == [("a", None, day(5)), ("b", day(8), None)]
    assert len(recorded(connection, "Team", "payments")) == 3


@given(st.lists(st.tuples(st.sampled_from(["a", "b", None]),
                          st.one_of(st.none(), st.integers(0, 20))), max_size=12))  # fmt: skip
def test_valid_intervals_never_overlap(statements):
    engine = sa.create_engine("sqlite://")
    RECORDS.create_all(engine, tables=[RESOURCES])
    with engine.connect() as connection:
        for number, (unit, start) in enumerate(statements):
            append(connection, [row(unit, start)], Recording(number, day(number), "p"))
        found = timeline(connection)
    engine.dispose()
    for (_, _, end), (_, start, _) in itertools.pairwise(found):
        assert end is not None
        assert start is not None
        assert end <= start


def test_the_migration_makes_the_table_the_code_knows():
    engine = sa.create_engine("sqlite://", poolclass=sa.StaticPool)
    migrate(engine)
    columns = {column["name"] for column in sa.inspect(engine).get_columns("resources")}
    engine.dispose()
    assert columns == {column.name for column in RESOURCES.columns}


def test_a_ledger_of_the_first_shape_becomes_one_of_the_newest(tmp_path):
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'records.db'}")
    config = Config()
    config.set_main_option("script_location", str(files("watermaster.ledger") / "migrations"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.execute(LEDGER.insert().values(id=1, revision=7))
    assert needs_migration(engine)
    migrate(engine)
    assert not needs_migration(engine)
    with engine.connect() as connection:
        assert connection.scalar(sa.select(LEDGER.c.revision)) == 7
        assert history(connection) == []
    engine.dispose()


def test_a_stored_resource_comes_back_whole_and_a_written_one_is_short():
    pool = load_resource({
        "kind": "Pool",
        "metadata": {"name": "h100", "owner": "platform", "validFrom": "2026-01-01"},
        "spec": {"platform": "fra", "accelerator": "H100", "count": 8,
                 "cost": {"capex": {"amount": "1200.50", "from": "2026-01-01", "months": 36}}},
    })  # fmt: skip
    assert load_resource(json.loads(json.dumps(store_resource(pool)))) == pool
    assert written_resource(pool) == {
        "apiVersion": "watermaster/v1",
        "kind": "Pool",
        "metadata": {"name": "h100", "owner": "platform", "validFrom": "2026-01-01T00:00:00Z"},
        "spec": {"platform": "fra", "accelerator": "H100", "count": 8,
                 "cost": {"capex": {"amount": "1200.50", "from": "2026-01-01", "months": 36}}},
    }  # fmt: skip
