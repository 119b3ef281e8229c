"""The estate as declared and known."""

import datetime as dt

from watermaster.flows.open import Project
from watermaster.ledger.resources import history
from watermaster.model.estate import Estate


def known_estate(project: Project, as_known: dt.datetime | None = None) -> Estate:
    """Every resource version as known at `as_known` (None: now)."""
    with project.ledger.records.connect() as connection:
        return Estate(tuple(history(connection, as_known)))
