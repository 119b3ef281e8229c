"""Check declared resources without changing anything; a ledger is not needed."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from watermaster.declare.estate import read_estate
from watermaster.declare.selectors import equal_selectors
from watermaster.model.estate import Estate


@dataclass(frozen=True, slots=True)
class Validated:
    """What was found to be good."""

    resources: int
    files: int
    kinds: dict[str, int]
    notices: list[str]  # what is allowed, and yet may not be meant


def validate(paths: Sequence[str], known: Estate | None = None) -> Validated:
    """Check everything in `paths`; BadResourcesError tells all faults at once.

    known: what the ledger holds, when there is one; documents may refer to it.
    """
    declared = read_estate(paths, known)
    kinds = Counter(one.resource.kind for one in declared)
    files = {one.document.file for one in declared}
    notices = equal_selectors(one.resource for one in declared)
    return Validated(len(declared), len(files), dict(sorted(kinds.items())), notices)
