"""Records of who may ask: people, sessions, tokens, and access taken by breaking glass."""

from typing import Final

import sqlalchemy as sa

from watermaster.ledger.records import RECORDS

PEOPLE: Final = sa.Table(
    "people",
    RECORDS,
    sa.Column("name", sa.String, primary_key=True),  # e-mail address in lower case, else subject
    sa.Column("issuer", sa.String, nullable=False),
    sa.Column("subject", sa.String, nullable=False),  # as the provider of identities names them
    sa.Column("display", sa.String, nullable=False),
    sa.Column("groups", sa.Text, nullable=False),  # JSON, as told at the last sign-in
    sa.Column("first_at", sa.String, nullable=False),
    sa.Column("last_at", sa.String, nullable=False),
    sa.Column("barred_at", sa.String),  # since when an administrator keeps them out
    sa.UniqueConstraint("issuer", "subject"),
)

SIGN_INS: Final = sa.Table(
    "sign_ins",  # begun at the provider and not come back yet
    RECORDS,
    sa.Column("state_hash", sa.String(64), primary_key=True),
    sa.Column("browser_hash", sa.String(64), nullable=False),  # of the cookie it was begun with
    sa.Column("nonce", sa.String, nullable=False),
    sa.Column("verifier", sa.String, nullable=False),  # PKCE
    sa.Column("back_to", sa.String, nullable=False),
    sa.Column("ends_at", sa.String, nullable=False),
)

SESSIONS: Final = sa.Table(
    "sessions",
    RECORDS,
    sa.Column("hash", sa.String(64), primary_key=True),  # sha256 of the cookie
    sa.Column("person", sa.String, nullable=False, index=True),
    sa.Column("form_hash", sa.String(64), nullable=False),  # of the token its forms carry
    sa.Column("begun_at", sa.String, nullable=False),
    sa.Column("seen_at", sa.String, nullable=False),
    sa.Column("ends_at", sa.String, nullable=False),
    sa.Column("ended_at", sa.String),
    sa.Column("id_token_hint", sa.Text),
)

SERVICE_TOKENS: Final = sa.Table(
    "service_tokens",
    RECORDS,
    sa.Column("id", sa.String(12), primary_key=True),
    sa.Column("name", sa.String, nullable=False, unique=True),
    sa.Column("hash", sa.String(64), nullable=False, unique=True),
    sa.Column("grants", sa.Text, nullable=False),  # JSON list of role and team
    sa.Column("scopes", sa.Text, nullable=False),  # JSON list of rights
    sa.Column("made_at", sa.String, nullable=False),
    sa.Column("made_by", sa.String, nullable=False),
    sa.Column("ends_at", sa.String, nullable=False),
    sa.Column("used_at", sa.String),  # to the hour
    sa.Column("revoked_at", sa.String),
    sa.Column("revoked_by", sa.String),
)

BROKEN_GLASS: Final = sa.Table(
    "broken_glass",
    RECORDS,
    sa.Column("id", sa.String(12), primary_key=True),
    sa.Column("subject", sa.String, nullable=False),
    sa.Column("role", sa.String, nullable=False),
    sa.Column("team", sa.String),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("at", sa.String, nullable=False),
    sa.Column("ends_at", sa.String, nullable=False),
    sa.Column("ended_at", sa.String),
)

ATTEMPTS: Final = sa.Table(
    "attempts",  # to sign in, for throttling
    RECORDS,
    sa.Column("source", sa.String, primary_key=True),  # address or name that tried
    sa.Column("minute", sa.String, primary_key=True),
    sa.Column("count", sa.Integer, nullable=False),
)
