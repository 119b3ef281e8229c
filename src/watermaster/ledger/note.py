"""Change records alone: what people decide and what is done; facts and revision stay."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import sqlalchemy as sa

from watermaster.ledger.audit import append_audit
from watermaster.ledger.lock import write_lock
from watermaster.ledger.open import Ledger


@contextmanager
def note(
    ledger: Ledger, action: str, actor: str, detail: Mapping[str, object]
) -> Iterator[sa.Connection]:
    """One transaction with its audit row, under the write lock: the chain has one writer."""
    with (
        write_lock(ledger.lock_path, action, ledger.config.lock_wait_s),
        ledger.records.begin() as connection,
    ):
        yield connection
        append_audit(connection, ledger.clock().isoformat(), actor, action, detail)
