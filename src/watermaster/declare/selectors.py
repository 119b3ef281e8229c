"""Selectors that could never match, and such that match the same."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Final

from watermaster.declare.check import Declared
from watermaster.declare.references import selectors
from watermaster.model.errors import BadResourceError
from watermaster.model.resources import Resource

_OF_BILLS: Final = frozenset({"resource_id", "provider", "service", "region", "tag"})
_OF_USE: Final = frozenset({"uid", "platform", "namespace", "name", "user", "label"})
_BILLS_ONLY: Final = frozenset({"AllocationRule", "Pool", "VirtualTag"})


def check_selectors(declared: Iterable[Declared]) -> Iterator[BadResourceError]:
    """Terms of bills and terms of what ran are never met by one and the same thing."""
    for one in declared:
        for path, selector in selectors(one.resource):
            terms = [term.partition(":")[0] for term in selector.terms]
            bills = [term for term in terms if term in _OF_BILLS]
            use = [term for term in terms if term in _OF_USE]
            said = f"{' '.join(one.key)}: {'.'.join(str(step) for step in path)}"
            if use and one.resource.kind in _BILLS_ONLY:
                yield BadResourceError(
                    one.document.where(*path),
                    f"{said}: matches bill rows, and they have no {_listed(use)}",
                    f"select by {_listed(['account', *_OF_BILLS])}",
                )
            elif use and bills:
                yield BadResourceError(
                    one.document.where(*path),
                    f"{said}: {_listed(bills)} is of bill rows, {_listed(use)} of what ran; "
                    "nothing has both",
                    "write them as two selectors",
                )


def equal_selectors(resources: Iterable[Resource]) -> list[str]:
    """A sentence for each selector that several resources of one kind have: it decides nothing."""
    held: defaultdict[tuple[str, tuple[tuple[str, str], ...]], set[str]] = defaultdict(set)
    for resource in resources:
        for _, selector in selectors(resource):
            terms = tuple(sorted(selector.terms.items()))
            held[resource.kind, terms].add(resource.metadata.name)
    return [
        f"{kind} {' and '.join(sorted(names))} have one selector "
        f"({', '.join(f'{key}: {value}' for key, value in terms)}); "
        "what it matches stays unallocated"
        for (kind, terms), names in sorted(held.items())
        if len(names) > 1
    ]


def _listed(terms: Iterable[str]) -> str:
    shown = {"resource_id": "resourceId", "tag": "tags", "label": "labels"}
    return ", ".join(sorted({shown.get(term, term) for term in terms}))
