"""Alembic migrations of the records: before_ runs ahead of new code, after_ once the old is gone."""
