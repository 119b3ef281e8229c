"""Bring the records to the shape this code knows."""

from importlib.resources import files
from typing import Final

import sqlalchemy as sa

NEWEST: Final = "0002"


def needs_migration(records: sa.Engine) -> bool:
    """Whether the records are older than this code."""
    with records.connect() as connection:
        if not sa.inspect(connection).has_table("alembic_version"):
            return True
        found = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
    return found != NEWEST


def migrate(records: sa.Engine) -> None:
    """Run every migration that has not run, in one transaction."""
    if not needs_migration(records):
        return
    from alembic import command  # 0.3 s to import, needed once a release
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(files("watermaster.ledger") / "migrations"))
    with records.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
