"""What a watch told since the newest pull, and how the watches fare."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Create the two tables."""
    op.create_table(
        "watched",
        sa.Column("source", sa.String, primary_key=True),
        sa.Column("subject_kind", sa.String, primary_key=True),
        sa.Column("subject_uid", sa.String, primary_key=True),
        sa.Column("seen_at", sa.String, nullable=False),
        sa.Column("is_gone", sa.Boolean, nullable=False),
        sa.Column("told", sa.Text, nullable=False),
    )
    op.create_table(
        "watches",
        sa.Column("source", sa.String, primary_key=True),
        sa.Column("heard_at", sa.String, nullable=False),
        sa.Column("fault", sa.Text),
        sa.Column("fault_at", sa.String),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("watches")
    op.drop_table("watched")
