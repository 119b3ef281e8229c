"""Pulls of sources, and findings by their stable id."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create the two tables and their indexes."""
    op.create_table(
        "pulls",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("source", sa.String, nullable=False, index=True),
        sa.Column("started_at", sa.String, nullable=False),
        sa.Column("ended_at", sa.String, nullable=False),
        sa.Column("seen_until", sa.String),
        sa.Column("rows", sa.BigInteger, nullable=False),
        sa.Column("fault", sa.Text),
    )
    op.create_table(
        "findings",
        sa.Column("id", sa.String(12), primary_key=True),
        sa.Column("rule", sa.String, nullable=False, index=True),
        sa.Column("subject", sa.String, nullable=False),
        sa.Column("first_found_at", sa.String, nullable=False),
        sa.Column("last_found_at", sa.String, nullable=False),
        sa.Column("is_open", sa.Boolean, nullable=False),
        sa.Column("found", sa.Text, nullable=False),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("findings")
    op.drop_table("pulls")
