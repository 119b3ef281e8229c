"""Ask the gates without changing anything: what they would say, what they said, what a new one
would have said of everything that ever stood in a slot.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from watermaster.flows.evidence import digest_of
from watermaster.flows.gates import consider, judged
from watermaster.flows.open import Project
from watermaster.ledger.registry_records import MODEL_VERSIONS, RULINGS, STANDINGS
from watermaster.ledger.resources import history
from watermaster.model.errors import NotFoundError
from watermaster.model.estate import holds
from watermaster.model.gates import Change, GateSpec, Ruling, read_ruling
from watermaster.model.resources import Resource

ASKED = "asked"  # the way of a ruling that nobody acts on


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested:
    """One change of the past, and what a gate would have said of it then."""

    model: str
    version: int
    slot: str
    at: dt.datetime
    set_by: str
    ruling: Ruling


def list_gates(project: Project) -> list[Resource]:
    """The gates that are declared now, by name."""
    at = project.ledger.clock()
    with project.ledger.records.connect() as connection:
        return [v.resource for v in history(connection, kinds=("Gate",)) if holds(v, at)]


def ask_gates(project: Project, model: str, version: int, slot: str) -> Ruling | None:
    """What they would say now if who asks put a version into a slot; None: no gate guards it."""
    with project.ledger.records.connect() as connection:
        change = Change(model=model, version=version, digest=digest_of(connection, model, version),
                        gains=frozenset({slot}), way=ASKED)  # fmt: skip
        return consider(connection, project, change)


def list_rulings(project: Project, model: str | None = None, most: int = 100) -> list[Ruling]:
    """What they said, the newest first."""
    query = sa.select(RULINGS.c.told).order_by(RULINGS.c.at.desc(), RULINGS.c.id).limit(most)
    if model is not None:
        query = query.where(RULINGS.c.model == model)
    with project.ledger.records.connect() as connection:
        return [read_ruling(told) for told in connection.scalars(query)]


def show_ruling(project: Project, id_: str) -> Ruling:
    """One of them, by its id or the first letters of it."""
    wanted = RULINGS.c.id.startswith(id_, autoescape=True)
    with project.ledger.records.connect() as connection:
        found = connection.scalars(sa.select(RULINGS.c.told).where(wanted).limit(2)).all()
    if len(found) != 1:
        what = "is none" if not found else "fits several"
        raise NotFoundError(f"ruling {id_}", what, "see wm gate rulings")
    return read_ruling(found[0])


def try_gates(project: Project, specs: Mapping[str, GateSpec]) -> list[Tested]:
    """Hold gates against history: every time a version came into a slot they would guard.

    Each is judged on the evidence, the model and the waivers of that moment, and for who did it.
    """
    query = sa.select(STANDINGS, MODEL_VERSIONS.c.digest).join(
        MODEL_VERSIONS,
        (MODEL_VERSIONS.c.model == STANDINGS.c.model)
        & (MODEL_VERSIONS.c.version == STANDINGS.c.version),
    )
    found = []
    with project.ledger.records.connect() as connection:
        for row in connection.execute(query.order_by(STANDINGS.c.id)).all():
            change = Change(model=row.model, version=row.version, digest=row.digest,
                            gains=frozenset({row.slot}), way=ASKED)  # fmt: skip
            at = dt.datetime.fromisoformat(row.from_at)
            ruling = judged(connection, change, row.set_by, at, specs)
            if ruling is not None:
                found.append(Tested(model=row.model, version=row.version, slot=row.slot, at=at,
                                    set_by=row.set_by, ruling=ruling))  # fmt: skip
    return found
