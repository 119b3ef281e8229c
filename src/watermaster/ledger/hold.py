"""Small tables held in the engine while a flow works: computed once, used by several steps."""

from watermaster.ledger.open import Ledger
from watermaster.model.tables import Table


def hold(ledger: Ledger, rows: Table, name: str) -> Table:
    """Materialise `rows` under `name` for this process; an older one of that name is replaced."""
    return ledger.engine.create_table(name, rows, temp=True, overwrite=True)
