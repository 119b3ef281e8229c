"""Alembic migrations of the records: before_ runs ahead of new code, after_ when none is old."""
