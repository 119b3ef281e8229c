"""Migrations: all of it or nothing, and never backwards."""

import pytest
import sqlalchemy as sa

from watermaster.ledger.migrate import migrate, needs_migration
from watermaster.ledger.open import create_ledger, open_ledger
from watermaster.ledger.records import RECORDS
from watermaster.model.config import Config
from watermaster.model.errors import RefusedError


@pytest.fixture
def records(tmp_path):
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'records.db'}")
    yield engine
    engine.dispose()


def test_a_migration_that_is_stopped_half_way_leaves_nothing_and_runs_again(records):
    with records.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE accesses (id INTEGER)")  # the last one it makes
    with pytest.raises(sa.exc.OperationalError, match="accesses already exists"):
        migrate(records)
    assert set(sa.inspect(records).get_table_names()) <= {"accesses"}
    with records.begin() as connection:
        connection.exec_driver_sql("DROP TABLE accesses")
    migrate(records)
    assert set(RECORDS.tables) <= set(sa.inspect(records).get_table_names())
    assert not needs_migration(records)


def test_records_of_a_newer_version_are_refused_and_left_alone(tmp_path):
    ledger = create_ledger(tmp_path / "home", Config())
    with ledger.records.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(RefusedError, match=r"newer Watermaster \(migrated to 9999.*upgrade"):
        open_ledger(tmp_path / "home", Config())
