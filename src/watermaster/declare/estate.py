"""An estate as declared in files: all of it checked, every fault told at once."""

from collections.abc import Iterable, Iterator, Sequence

from watermaster.declare.check import Declared, check_document
from watermaster.declare.read import Document, read_documents
from watermaster.declare.references import check_references, check_tag_columns
from watermaster.declare.selectors import check_selectors
from watermaster.model.errors import BadResourceError, BadResourcesError
from watermaster.model.estate import Estate, live_estate, tag_column


def read_estate(paths: Sequence[str], known: Estate | None = None) -> list[Declared]:
    """All resources in files, folders and globs; BadResourcesError with every fault there is.

    known: what the ledger holds; names may refer to it, and its tag keys keep their columns.
    """
    documents, errors = read_documents(paths)
    declared: list[Declared] = []
    faulty: list[tuple[str, str]] = []
    for document in documents:
        found, faults = check_document(document)
        errors += faults
        declared += found
        faulty += _names(document) if faults else ()
    held = known or Estate()
    errors += _twins(declared)
    errors += check_references(
        declared, [*faulty, *(v.resource.key for v in live_estate(held).versions)]
    )
    errors += check_selectors(declared)
    errors += check_tag_columns(declared, {tag_column(key): key for key in held.tag_keys()})
    if errors:
        raise BadResourcesError(in_order(errors))
    if not declared:
        raise BadResourceError(
            ", ".join(paths), "no resources there", "write YAML documents, or wm init an example"
        )
    return declared


def in_order(errors: Iterable[BadResourceError]) -> list[BadResourceError]:
    """By file, line and column, each once."""
    unique = {str(error): error for error in errors}
    return sorted(unique.values(), key=lambda error: _position(error.where))


def _position(where: str) -> tuple[str, int, int]:
    file, line, column = (*where.rsplit(":", 2), "", "")[:3]
    whole = line.isdigit() and column.isdigit()
    return (file, int(line), int(column)) if whole else (where, 0, 0)


def _names(document: Document) -> Iterator[tuple[str, str]]:
    """A faulty document still counts as declared, so that one fault is not told twice."""
    value = document.value
    if isinstance(value, dict) and isinstance(value.get("metadata"), dict):
        yield str(value.get("kind")), str(value["metadata"].get("name"))


def _twins(declared: Iterable[Declared]) -> Iterator[BadResourceError]:
    """The same kind and name may stand twice only if each begins at another time."""
    first: dict[tuple[object, ...], Declared] = {}
    for one in declared:
        twin = first.setdefault((*one.key, one.resource.metadata.valid_from), one)
        if twin is not one:
            yield BadResourceError(
                one.document.where("metadata", "name"),
                f"{' '.join(one.key)} is declared already at "
                f"{twin.document.where('metadata', 'name')}",
                "remove one, or give each its own validFrom",
            )
