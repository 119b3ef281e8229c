"""What Alembic runs for every migration."""

from alembic import context

from watermaster.ledger.records import RECORDS

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=RECORDS, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
