"""Tag keys become columns of charges: those of open months that came in before the key did."""

from collections.abc import Mapping

import sqlalchemy as sa

from watermaster.ledger.lake import files_at, load
from watermaster.ledger.read import read
from watermaster.ledger.records import CLOSES
from watermaster.ledger.write import Work
from watermaster.model.events import Notice
from watermaster.observe.focus_tags import values


def backfill_tags(work: Work, missing: Mapping[str, str]) -> list[str]:
    """Fill the columns (to their keys) of newly declared keys in the charges of open months.

    A closed month never changes: there `tag:KEY` of a later key is answered from the JSON. That a
    column is there says nothing: a crash may have left it behind, empty.
    """
    if not missing:
        return []
    table = load(work.ledger.catalog, "charges")
    closed = set(work.connection.scalars(sa.select(CLOSES.c.month)))
    held = files_at(table, work.head.snapshots["charges"])
    slices = sorted({key for _, key, _ in held if key[1] not in closed})
    work.add_columns("charges", dict.fromkeys(missing, "string"))
    if slices:
        rows = read(work.ledger, work.head, "charges", slices)
        found = values(rows.tags, list(missing.values()))
        filled = rows.mutate(**{column: found[n] for n, column in enumerate(missing)})
        work.tell(Notice(f"filling {', '.join(missing)}; wm allocate lets costs show them"))
        work.swap("charges", slices, work.write("charges", filled))
    return sorted(missing)
