"""What a server told of a day before and cannot tell again stays: it knows only what is there now.

A pull asks again for the day before. Of what ran then a server still knows; of what stood there it
knows no more, and a part that does not answer tells nothing. Neither may empty the day.
"""

from collections.abc import Collection
from typing import Final

from watermaster.ledger.read import read
from watermaster.ledger.write import Work
from watermaster.model.shapes import SHAPES
from watermaster.model.tables import Table

SUBJECTS: Final = "subjects"
_KIND: Final = ("day", "subject_kind")
_THING: Final = ("day", "platform", "subject_kind", "subject_uid")


def with_untold(work: Work, source: str, told: Table, gaps: Collection[str]) -> Table:
    """Rows of `subjects` and, of each of their days, the held ones of kinds that they lack.

    told: rows as they are to be written, with `source`; times naive in UTC. gaps: kinds of which
    only a part was seen; of these the held things stay that were not told again.
    """
    days = work.ledger.engine.to_pyarrow(told.select("day").distinct()).to_pylist()
    slices = [(source, row["day"]) for row in days]
    if not slices:
        return told
    held = read(work.ledger, work.head, SUBJECTS, slices).select(*SHAPES[SUBJECTS].types)
    kinds = told.filter(told.subject_kind.notin(list(gaps)) if gaps else True).select(*_KIND)
    left = held.anti_join(kinds.distinct(), _KIND).anti_join(told.select(*_THING), _THING)
    return told.select(*SHAPES[SUBJECTS].types).union(left)
