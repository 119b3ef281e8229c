"""The declared resources and their history."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the table as it was in the first release."""
    op.create_table(
        "resources",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("valid_from", sa.String),
        sa.Column("recorded_at", sa.String, nullable=False, index=True),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("deleted", sa.Boolean, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("file", sa.String, nullable=False),
        sa.Column("plan", sa.String, nullable=False),
        sa.Index("resources_by_name", "kind", "name"),
    )
