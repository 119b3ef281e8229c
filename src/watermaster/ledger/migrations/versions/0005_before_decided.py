"""What people decide on findings, what is done and undone, told, and reviewed."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Create the tables."""
    _decided()
    _done()
    _told()


def _decided() -> None:
    op.create_table(
        "finding_decisions",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("finding", sa.String(12), nullable=False),
        sa.Column("at", sa.String, nullable=False),
        sa.Column("actor", sa.String, nullable=False),
        sa.Column("verb", sa.String, nullable=False),
        sa.Column("team", sa.String),
        sa.Column("due", sa.String),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("told", sa.Text, nullable=False),
    )
    op.create_index("ix_finding_decisions_finding", "finding_decisions", ["finding"])
    op.create_table(
        "reviews",
        sa.Column("month", sa.String, primary_key=True),
        sa.Column("opened_at", sa.String, nullable=False),
        sa.Column("actor", sa.String, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("snapshots", sa.Text, nullable=False),
        sa.Column("held", sa.Text, nullable=False),
        sa.Column("closed_at", sa.String),
    )


def _done() -> None:
    op.create_table(
        "fixes",
        sa.Column("id", sa.String(12), primary_key=True),
        sa.Column("finding", sa.String(12), nullable=False),
        sa.Column("target", sa.String, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("planned_at", sa.String, nullable=False),
        sa.Column("approved_at", sa.String),
        sa.Column("approved_by", sa.String),
        sa.Column("ended_at", sa.String),
        sa.Column("plan", sa.Text, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("fault", sa.Text),
    )
    op.create_index("ix_fixes_finding", "fixes", ["finding"])
    op.create_table(
        "fix_steps",
        sa.Column("fix", sa.String(12), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("at", sa.String, nullable=False),
        sa.Column("before", sa.Text, nullable=False),
        sa.Column("after", sa.Text, nullable=False),
    )
    op.create_table(
        "switches",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("is_off", sa.Boolean, nullable=False),
        sa.Column("at", sa.String, nullable=False),
        sa.Column("actor", sa.String, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
    )


def _told() -> None:
    op.create_table(
        "tickets",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("finding", sa.String(12), nullable=False),
        sa.Column("channel", sa.String, nullable=False),
        sa.Column("number", sa.String),
        sa.Column("address", sa.String),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("at", sa.String, nullable=False),
    )
    op.create_index("ix_tickets_finding", "tickets", ["finding"])
    op.create_table(
        "alerts",
        sa.Column("key", sa.String, primary_key=True),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("first_at", sa.String, nullable=False),
        sa.Column("last_at", sa.String, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("actor", sa.String),
        sa.Column("silent_until", sa.String),
        sa.Column("told", sa.Text, nullable=False),
    )
    op.create_table(
        "sent",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("at", sa.String, nullable=False),
        sa.Column("channel", sa.String, nullable=False),
        sa.Column("what", sa.String, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("fault", sa.Text),
    )


def downgrade() -> None:
    """Drop them."""
    for name in ("sent", "alerts", "tickets", "switches", "fix_steps", "fixes", "reviews"):
        op.drop_table(name)
    op.drop_table("finding_decisions")
