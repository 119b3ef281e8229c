"""What resources say about each other: names that must exist, columns that must not collide."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from watermaster.declare.check import Declared
from watermaster.declare.words import nearest
from watermaster.model.errors import BadResourceError
from watermaster.model.estate import tag_column
from watermaster.model.record import Selector
from watermaster.model.resources import Resource

Reference = tuple[tuple[str | int, ...], str, str]  # where in the document, kind, name
Known = Iterable[tuple[str, str]]


def check_references(declared: Iterable[Declared], known: Known = ()) -> list[BadResourceError]:
    """Every name that neither the documents nor `known` (kind, name) have."""
    every = list(declared)
    names = set(known) | {one.key for one in every}
    return [
        _missing(one, reference, names)
        for one in every
        for reference in references(one.resource)
        if reference[1:] not in names
    ]


def references(resource: Resource) -> Iterator[Reference]:
    """The names a resource relies on, and where it says them."""
    if resource.metadata.owner is not None:
        yield ("metadata", "owner"), "Team", resource.metadata.owner
    find = _FINDERS.get(resource.kind)
    if find is not None:
        yield from find(resource.spec)


def check_tag_columns(
    declared: Iterable[Declared], known: Mapping[str, str]
) -> list[BadResourceError]:
    """Tag keys that would share a column; `known` is the column of every key in use."""
    columns: dict[str, tuple[str, str]] = {c: (key, "the ledger") for c, key in known.items()}
    errors = []
    for one in declared:
        for path, key in tag_keys(one.resource):
            column = tag_column(key)
            where = one.document.where(*path)
            other, place = columns.setdefault(column, (key, where))
            if other != key:
                errors.append(
                    BadResourceError(
                        where,
                        f"tag key {key!r} would share the column {column} with {other!r} ({place})",
                        "declare one spelling, and the other under aliases of a TagPolicy",
                    )
                )
    return errors


def tag_keys(resource: Resource) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Tag keys a resource makes columns of, and where it says them."""
    spec = resource.spec
    if resource.kind == "TagPolicy":
        yield from ((("spec", "tags", n, "key"), rule.key) for n, rule in enumerate(spec.tags))
    if resource.kind in {"TagRepair", "VirtualTag"}:
        yield ("spec", "key"), spec.key
    for path, selector in selectors(resource):
        yield from (((*path, "tags", key), key) for key in selector.tags)


def selectors(resource: Resource) -> Iterator[tuple[tuple[str | int, ...], Selector]]:
    """All selectors of a resource, and where they stand."""
    spec = resource.spec
    if resource.kind in {"Workload", "Team"}:
        yield from ((("spec", "selectors", n), held) for n, held in enumerate(spec.selectors))
    if resource.kind == "Model":
        yield from ((("spec", "billed", n), held) for n, held in enumerate(spec.billed))
    if resource.kind in {"AllocationRule", "VirtualTag"}:
        yield from ((("spec", "match", n), held) for n, held in enumerate(spec.match))
    if resource.kind == "Pool":
        yield from ((("spec", "cost", "bills", n), s) for n, s in enumerate(spec.cost.bills))


def _of_pool(spec: Any) -> Iterator[Reference]:
    yield ("spec", "platform"), "Platform", spec.platform


def _of_workload(spec: Any) -> Iterator[Reference]:
    if spec.model is not None:
        yield ("spec", "model"), "Model", spec.model
    for number, name in enumerate(spec.datasets):
        yield ("spec", "datasets", number), "Dataset", name


def _of_rule(spec: Any) -> Iterator[Reference]:
    kind = spec.to_kind.capitalize()
    for number, name in enumerate(spec.to):
        yield ("spec", "to", number), kind, name
    for name in spec.shares:
        yield ("spec", "shares", name), kind, name


def _of_commitment(spec: Any) -> Iterator[Reference]:
    if spec.pool is not None:
        yield ("spec", "pool"), "Pool", spec.pool


def _of_outcome(spec: Any) -> Iterator[Reference]:
    yield ("spec", "approvedBy"), "Team", spec.approved_by
    if spec.workload is not None:
        yield ("spec", "workload"), "Workload", spec.workload
    if spec.model is not None:
        yield ("spec", "model"), "Model", spec.model


_FINDERS: Final[dict[str, Callable[[Any], Iterator[Reference]]]] = {
    "Pool": _of_pool,
    "Workload": _of_workload,
    "AllocationRule": _of_rule,
    "Commitment": _of_commitment,
    "Outcome": _of_outcome,
}


def _missing(one: Declared, reference: Reference, names: set[tuple[str, str]]) -> BadResourceError:
    path, kind, name = reference
    alike = nearest(name, [held for held_kind, held in names if held_kind == kind])
    said = ".".join(str(step) for step in path)
    return BadResourceError(
        one.document.where(*path),
        f"{' '.join(one.key)}: {said} names the {kind} {name!r}, which is nowhere",
        alike or f"declare it, or name a {kind} that is",
    )
