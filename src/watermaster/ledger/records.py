"""The SQL side: head, audit chain, deliveries, decisions, closes. SQLite (WAL) or PostgreSQL."""

from typing import Final

import sqlalchemy as sa

RECORDS: Final = sa.MetaData()

HEAD: Final = sa.Table(
    "head",
    RECORDS,
    sa.Column("table_name", sa.String, primary_key=True),
    sa.Column("snapshot_id", sa.BigInteger, nullable=False),
)

LEDGER: Final = sa.Table(
    "ledger",
    RECORDS,
    sa.Column("id", sa.Integer, primary_key=True),  # always 1
    sa.Column("revision", sa.BigInteger, nullable=False),
)

AUDIT: Final = sa.Table(
    "audit",
    RECORDS,
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("at", sa.String, nullable=False),
    sa.Column("actor", sa.String, nullable=False),
    sa.Column("action", sa.String, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),  # canonical JSON
    sa.Column("previous", sa.String(64), nullable=False),
    sa.Column("hash", sa.String(64), nullable=False),
)

DELIVERIES: Final = sa.Table(
    "deliveries",
    RECORDS,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("revision", sa.BigInteger, nullable=False),
    sa.Column("source", sa.String, nullable=False, index=True),
    sa.Column("file", sa.String, nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("exported_at", sa.String, nullable=False),
    sa.Column("received_at", sa.String, nullable=False),
    sa.Column("rows", sa.BigInteger, nullable=False),
    sa.Column("rejected", sa.BigInteger, nullable=False),
    sa.Column("rounding", sa.Text, nullable=False),  # JSON: cost column to exact sum minus stored
    sa.Column("report", sa.Text, nullable=False),  # JSON: version, notices, rule breaks
)

SLICES: Final = sa.Table(
    "slices",
    RECORDS,
    sa.Column("table_name", sa.String, primary_key=True),
    sa.Column("source", sa.String, primary_key=True),
    sa.Column("period", sa.String, primary_key=True),  # billing month or day
    sa.Column("part", sa.String, primary_key=True),
    sa.Column("revision", sa.BigInteger, nullable=False),
    sa.Column("delivery", sa.String, nullable=False),  # sha256 of the file that holds it
    sa.Column("exported_at", sa.String, nullable=False),
    sa.Column("rows", sa.BigInteger, nullable=False),
    sa.Column("cost", sa.String),  # exact sum of billed cost, null for telemetry
)

DECISIONS: Final = sa.Table(
    "decisions",
    RECORDS,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("revision", sa.BigInteger, nullable=False, index=True),
    sa.Column("at", sa.String, nullable=False),
    sa.Column("action", sa.String, nullable=False),
    sa.Column("rule", sa.String, nullable=False),
    sa.Column("subject", sa.String, nullable=False),  # what it decided on, e.g. a month
    sa.Column("inputs", sa.Text, nullable=False),  # JSON: heads read, estate as known
    sa.Column("why", sa.Text, nullable=False),
)

CLOSES: Final = sa.Table(
    "closes",
    RECORDS,
    sa.Column("id", sa.String, primary_key=True),  # close-2026-09
    sa.Column("month", sa.String, nullable=False, unique=True),
    sa.Column("revision", sa.BigInteger, nullable=False),
    sa.Column("at", sa.String, nullable=False),
    sa.Column("actor", sa.String, nullable=False),
    sa.Column("snapshots", sa.Text, nullable=False),  # JSON: table to snapshot id
    sa.Column("gaps", sa.Text, nullable=False),  # JSON: accepted gaps
)

PULLS: Final = sa.Table(
    "pulls",
    RECORDS,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("source", sa.String, nullable=False, index=True),
    sa.Column("started_at", sa.String, nullable=False),
    sa.Column("ended_at", sa.String, nullable=False),
    sa.Column("seen_until", sa.String),  # seen whole up to then; null where it failed
    sa.Column("rows", sa.BigInteger, nullable=False),
    sa.Column("fault", sa.Text),  # where, what and fix of a pull that failed or saw a part; or null
)

FINDINGS: Final = sa.Table(
    "findings",
    RECORDS,
    sa.Column("id", sa.String(12), primary_key=True),  # first digits of sha256(rule, subject)
    sa.Column("rule", sa.String, nullable=False, index=True),
    sa.Column("subject", sa.String, nullable=False),  # kind and name, e.g. workload/chat-prod
    sa.Column("first_found_at", sa.String, nullable=False),
    sa.Column("last_found_at", sa.String, nullable=False),
    sa.Column("is_open", sa.Boolean, nullable=False),  # found by the newest reconciliation
    sa.Column("found", sa.Text, nullable=False),  # JSON of the Finding
)

WATCHED: Final = sa.Table(
    "watched",
    RECORDS,
    sa.Column("source", sa.String, primary_key=True),
    sa.Column("subject_kind", sa.String, primary_key=True),
    sa.Column("subject_uid", sa.String, primary_key=True),
    sa.Column("seen_at", sa.String, nullable=False),
    sa.Column("is_gone", sa.Boolean, nullable=False),
    sa.Column("told", sa.Text, nullable=False),  # JSON of the row of `subjects`; {} where it went
)

WATCHES: Final = sa.Table(
    "watches",
    RECORDS,
    sa.Column("source", sa.String, primary_key=True),
    sa.Column("heard_at", sa.String, nullable=False),  # the last moment it told something
    sa.Column("fault", sa.Text),  # why it tells nothing since; null while it lives
    sa.Column("fault_at", sa.String),  # when that began
)

FINDING_DECISIONS: Final = sa.Table(
    "finding_decisions",
    RECORDS,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("finding", sa.String(12), nullable=False, index=True),
    sa.Column("at", sa.String, nullable=False),
    sa.Column("actor", sa.String, nullable=False),
    sa.Column("verb", sa.String, nullable=False),  # accept, decline, snooze, ask, reopen
    sa.Column("team", sa.String),
    sa.Column("due", sa.String),  # YYYY-MM-DD: accepted, done by; snoozed, until
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("told", sa.Text, nullable=False),  # JSON: the finding and its saving as decided on
)

FIXES: Final = sa.Table(
    "fixes",
    RECORDS,
    sa.Column("id", sa.String(12), primary_key=True),  # of the finding, the plan and the moment
    sa.Column("finding", sa.String(12), nullable=False, index=True),
    sa.Column("target", sa.String, nullable=False),  # name of the Target
    sa.Column("state", sa.String, nullable=False),  # planned, approved, doing, done, ...
    sa.Column("planned_at", sa.String, nullable=False),
    sa.Column("approved_at", sa.String),
    sa.Column("approved_by", sa.String),
    sa.Column("ended_at", sa.String),
    sa.Column("plan", sa.Text, nullable=False),  # JSON of the FixPlan
    sa.Column("digest", sa.String(64), nullable=False),  # sha256 of the plan that is approved
    sa.Column("fault", sa.Text),  # why it stopped, where it did
)

FIX_STEPS: Final = sa.Table(
    "fix_steps",
    RECORDS,
    sa.Column("fix", sa.String(12), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("state", sa.String, nullable=False),  # pending, begun, done, undoing, undone
    sa.Column("at", sa.String, nullable=False),
    sa.Column("before", sa.Text, nullable=False),  # JSON: the world when it began
    sa.Column("after", sa.Text, nullable=False),  # JSON: what it left, e.g. the id of a snapshot
)

SWITCHES: Final = sa.Table(
    "switches",
    RECORDS,
    sa.Column("name", sa.String, primary_key=True),  # fixes
    sa.Column("is_off", sa.Boolean, nullable=False),
    sa.Column("at", sa.String, nullable=False),
    sa.Column("actor", sa.String, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
)

TICKETS: Final = sa.Table(
    "tickets",
    RECORDS,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("finding", sa.String(12), nullable=False, index=True),
    sa.Column("channel", sa.String, nullable=False),
    sa.Column("number", sa.String),  # as the other system names it
    sa.Column("address", sa.String),
    sa.Column("state", sa.String, nullable=False),  # asked, open, closed
    sa.Column("at", sa.String, nullable=False),
    sa.Column("actor", sa.String),  # who asked for it
    sa.Column("words", sa.String),  # its state in the other system's own words
    sa.Column("looked_at", sa.String),
    sa.Column("said", sa.String),  # what was last written into it: gone, still-found
)

ALERTS: Final = sa.Table(
    "alerts",
    RECORDS,
    sa.Column("key", sa.String, primary_key=True),  # rule and subject: told once while it lasts
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("first_at", sa.String, nullable=False),
    sa.Column("last_at", sa.String, nullable=False),
    sa.Column("state", sa.String, nullable=False),  # firing, acknowledged, ended
    sa.Column("actor", sa.String),
    sa.Column("silent_until", sa.String),
    sa.Column("told", sa.Text, nullable=False),  # JSON of the Alert
)

SENT: Final = sa.Table(
    "sent",
    RECORDS,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("at", sa.String, nullable=False),
    sa.Column("channel", sa.String, nullable=False),
    sa.Column("what", sa.String, nullable=False),  # review/2026-10, alert/KEY, ticket/ID
    sa.Column("sha256", sa.String(64), nullable=False),  # of the bytes that were sent
    sa.Column("fault", sa.Text),
)

REVIEWS: Final = sa.Table(
    "reviews",
    RECORDS,
    sa.Column("month", sa.String, primary_key=True),
    sa.Column("opened_at", sa.String, nullable=False),
    sa.Column("actor", sa.String, nullable=False),
    sa.Column("revision", sa.BigInteger, nullable=False),
    sa.Column("snapshots", sa.Text, nullable=False),  # JSON: table to snapshot id
    sa.Column("held", sa.Text, nullable=False),  # JSON of the Review as frozen
    sa.Column("closed_at", sa.String),
)
