"""The access log: who read or changed which artefact and dataset."""

import secrets

import sqlalchemy as sa

from watermaster.flows.open import Project
from watermaster.ledger.accesses import accesses_of, add_accesses
from watermaster.model.access import OURS, Access, AccessAsked, AccessList, Verb


def note_access(
    connection: sa.Connection,
    project: Project,
    done: tuple[str, str],
    place: str,
    size_bytes: int | None = None,
) -> None:
    """Log what who asks does, in the caller's transaction: an answer that is not logged is none.

    done: verb (read, write, delete, refused) and thing (model/NAME/VERSION, dataset/NAME).
    """
    verb, thing = done
    made = Access(
        id=secrets.token_hex(16), at=project.ledger.clock(), source=OURS, subject=project.actor,
        verb=Verb(verb), thing=thing, place=place, bytes=size_bytes,
    )  # fmt: skip
    add_accesses(connection, [made])


def list_accesses(project: Project, asked: AccessAsked) -> AccessList:
    """Rows of the log, the newest first."""
    with project.ledger.records.connect() as connection:
        total, rows = accesses_of(connection, asked)
    return AccessList(asked=asked, total=total, rows=rows)
