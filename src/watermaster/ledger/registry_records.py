"""Records of the registry: models and versions as MLflow's clients see them, and what gates hold.

Times of MLflow's own fields are milliseconds since 1970, as its clients send and read them.
"""

from typing import Final

import sqlalchemy as sa

from watermaster.ledger.records import RECORDS

REGISTERED_MODELS: Final = sa.Table(
    "registered_models",
    RECORDS,
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("created_ms", sa.BigInteger, nullable=False),
    sa.Column("updated_ms", sa.BigInteger, nullable=False, index=True),
    sa.Column("description", sa.Text),
    sa.Column("team", sa.String),  # owner; none: of the Model of that name, else of who made it
    sa.Column("made_by", sa.String, nullable=False),
    sa.Column("next_version", sa.Integer, nullable=False),  # numbers are never given twice
)

MODEL_TAGS: Final = sa.Table(
    "registered_model_tags",
    RECORDS,
    sa.Column("model", sa.String, primary_key=True),
    sa.Column("key", sa.String, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
    sa.Column("position", sa.Integer, nullable=False),  # in the order they were first set
)

MODEL_VERSIONS: Final = sa.Table(
    "model_versions",
    RECORDS,
    sa.Column("model", sa.String, primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("created_ms", sa.BigInteger, nullable=False),
    sa.Column("updated_ms", sa.BigInteger, nullable=False),
    sa.Column("description", sa.Text),
    sa.Column("user_id", sa.String),  # as the client says, so anybody's word
    sa.Column("made_by", sa.String, nullable=False),  # as authenticated
    sa.Column("stage", sa.String, nullable=False),
    sa.Column("source", sa.Text),
    sa.Column("storage", sa.Text),  # where its files lie, the source followed so far as it could be
    sa.Column("run_id", sa.String, index=True),
    sa.Column("run_link", sa.Text),
    sa.Column("logged_model", sa.String),  # MLflow 3's model id, m-...
    sa.Column("status", sa.String, nullable=False),
    sa.Column("status_message", sa.Text),
    sa.Column("lineage", sa.String, nullable=False),  # resolved, unresolved, none asked
    sa.Column("digest", sa.String, index=True),  # sha256:... of the artefact's manifest
    sa.Column("deleted_at", sa.String),  # a deleted version keeps its number and its history
)

VERSION_TAGS: Final = sa.Table(
    "model_version_tags",
    RECORDS,
    sa.Column("model", sa.String, primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("key", sa.String, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
    sa.Column("position", sa.Integer, nullable=False),  # in the order they were first set
)

ALIASES: Final = sa.Table(
    "model_aliases",
    RECORDS,
    sa.Column("model", sa.String, primary_key=True),
    sa.Column("alias", sa.String, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
)

BEGINS: Final = 200  # characters of a long text that an index holds; migration 0006 makes them


def begins(column: sa.ColumnElement[str]) -> sa.Function[str]:
    """The first characters of a long text, written as the indexes are: with plain numbers."""
    return sa.func.substr(column, sa.literal_column("1"), sa.literal_column(str(BEGINS)))


STANDINGS: Final = sa.Table(
    "standings",  # which version stood in which slot, from when to when, put there by whom
    RECORDS,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("model", sa.String, nullable=False, index=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("slot", sa.String, nullable=False),  # alias/prod, stage/Production
    sa.Column("from_at", sa.String, nullable=False),
    sa.Column("set_by", sa.String, nullable=False),
    sa.Column("ruling", sa.String(12)),  # what the gates said then; none: no gate guards the slot
    sa.Column("to_at", sa.String),
    sa.Column("ended_by", sa.String),
)

EVIDENCE: Final = sa.Table(
    "evidence",  # only ever added to
    RECORDS,
    sa.Column("number", sa.Integer, primary_key=True),  # in the order it was given
    sa.Column("id", sa.String(12), nullable=False, unique=True),
    sa.Column("at", sa.String, nullable=False),
    sa.Column("subject", sa.String, nullable=False),  # who gives it, as authenticated
    sa.Column("kind", sa.String, nullable=False),  # evaluation, bias, latency, approval, ...
    sa.Column("model", sa.String, nullable=False, index=True),
    sa.Column("version", sa.Integer),
    sa.Column("digest", sa.String, index=True),  # of the artefact it speaks of
    sa.Column("told", sa.Text, nullable=False),  # canonical JSON
    sa.Column("seal", sa.String(64), nullable=False),  # sha256 of all before it in the row
)

RULINGS: Final = sa.Table(
    "rulings",
    RECORDS,
    sa.Column("id", sa.String(12), primary_key=True),
    sa.Column("at", sa.String, nullable=False, index=True),
    sa.Column("subject", sa.String, nullable=False),
    sa.Column("model", sa.String, nullable=False, index=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("digest", sa.String, index=True),
    sa.Column("way", sa.String, nullable=False),
    sa.Column("verdict", sa.String, nullable=False),  # allowed, refused, missing
    sa.Column("told", sa.Text, nullable=False),  # JSON of the Ruling
)

WAIVERS: Final = sa.Table(
    "waivers",
    RECORDS,
    sa.Column("id", sa.String(12), primary_key=True),
    sa.Column("gate", sa.String, nullable=False),
    sa.Column("requirement", sa.String, nullable=False),
    sa.Column("model", sa.String, nullable=False, index=True),
    sa.Column("version", sa.Integer),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("asked_by", sa.String, nullable=False),
    sa.Column("asked_at", sa.String, nullable=False),
    sa.Column("granted_by", sa.String),  # never who asked
    sa.Column("granted_at", sa.String),
    sa.Column("ends_at", sa.String, nullable=False),
    sa.Column("ended_at", sa.String),  # taken back before its end
    sa.Column("ended_by", sa.String),
)

ARTEFACTS: Final = sa.Table(
    "artefacts",
    RECORDS,
    sa.Column("digest", sa.String, primary_key=True),  # sha256:... of the manifest
    sa.Column("at", sa.String, nullable=False),
    sa.Column("manifest", sa.Text, nullable=False),  # JSON: path to sha256 and bytes
    sa.Column("signature", sa.Text),  # the OpenSSF model-signing bundle, as it was given
    sa.Column("signer", sa.String),  # name of the key that verified it
)

ACCESSES: Final = sa.Table(
    "accesses",  # who read or changed which artefact or dataset
    RECORDS,
    sa.Column("id", sa.String(32), primary_key=True),  # of source and its own request id
    sa.Column("at", sa.String, nullable=False, index=True),
    sa.Column("source", sa.String, nullable=False),  # watermaster, or the Source that told
    sa.Column("subject", sa.String, nullable=False),  # as that source names them
    sa.Column("verb", sa.String, nullable=False),  # read, write, delete, refused
    sa.Column("thing", sa.String, nullable=False, index=True),  # model/NAME/3, dataset/NAME
    sa.Column("place", sa.Text, nullable=False),  # the address that was asked for
    sa.Column("requests", sa.BigInteger, nullable=False),  # of a log: those of one hour
    sa.Column("bytes", sa.BigInteger),
)
