"""Bring the records to the shape this code knows."""

from importlib.resources import files
from typing import Final

import sqlalchemy as sa

from watermaster.model.errors import RefusedError

NEWEST: Final = "0006"


def needs_migration(records: sa.Engine) -> bool:
    """Whether the records are older than this code."""
    with records.connect() as connection:
        if not sa.inspect(connection).has_table("alembic_version"):
            return True
        found = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
    if found is not None and str(found) > NEWEST:
        raise RefusedError(
            "the records",
            f"were written by a newer Watermaster (migrated to {found}, this one knows {NEWEST})",
            "install the newer one: pip install --upgrade watermaster",
        )
    return bool(found != NEWEST)


def migrate(records: sa.Engine) -> None:
    """Run every migration that has not run, in one transaction."""
    if not needs_migration(records):
        return
    from alembic import command  # 0.3 s to import, needed once a release
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(files("watermaster.ledger") / "migrations"))
    with records.begin() as connection:
        if connection.dialect.name == "sqlite":
            # its driver begins no transaction before DDL; killed half-way, half would stay
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
