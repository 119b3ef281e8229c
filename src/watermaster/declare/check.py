"""Documents become checked resources, or sentences about what is wrong with them."""

from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from watermaster.declare.read import Document
from watermaster.declare.words import Fault, explain, nearest
from watermaster.model.conditions import ConditionError, condition
from watermaster.model.errors import BadResourceError
from watermaster.model.gates import GateSpec
from watermaster.model.resources import API_VERSION, KINDS, Metadata, Resource

OPENSLO: Final = "openslo/v1"
_TOP: Final = ("apiVersion", "kind", "metadata", "spec")


@dataclass(frozen=True, slots=True)
class Declared:
    """A checked resource and the document it was written as."""

    resource: Resource
    document: Document

    @property
    def key(self) -> tuple[str, str]:
        """Kind and name."""
        return self.resource.key


def check_document(document: Document) -> tuple[list[Declared], list[BadResourceError]]:
    """One document: the resource in it, or every fault of it."""
    value = document.value
    if not isinstance(value, dict):
        return [], [_error(document.where(), "is no resource", f"write {', '.join(_TOP)} as keys")]
    if value.get("apiVersion") == OPENSLO:
        return _openslo(document)
    errors = _head_faults(document)
    if errors:
        return [], errors
    return _ours(document)


def _head_faults(document: Document) -> list[BadResourceError]:
    value, errors = document.value, []
    for key in value:
        if key not in _TOP:
            fix = nearest(key, _TOP) or f"keys are {', '.join(_TOP)}"
            errors.append(_error(document.where_key(key), f"unknown key {key!r}", fix))
    if value.get("apiVersion") != API_VERSION:
        errors.append(_wrong_version(document))
    if value.get("kind") not in KINDS:
        errors.append(_wrong_kind(document))
    return errors


def _wrong_version(document: Document) -> BadResourceError:
    fix = f"write apiVersion: {API_VERSION} (or {OPENSLO} for OpenSLO documents)"
    held = document.value.get("apiVersion")
    what = "apiVersion is missing" if held is None else f"apiVersion is {held!r}"
    return _error(document.where("apiVersion"), what, fix)


def _wrong_kind(document: Document) -> BadResourceError:
    held = document.value.get("kind")
    if held is None:
        return _error(document.where(), "kind is missing", f"write one of {', '.join(KINDS)}")
    fix = nearest(str(held), KINDS) or f"write one of {', '.join(KINDS)}"
    return _error(document.where("kind"), f"unknown kind {held!r}", fix)


def _ours(document: Document) -> tuple[list[Declared], list[BadResourceError]]:
    kind, value = document.value["kind"], document.value
    metadata, errors = _checked(document, Metadata, "metadata")
    name = value["metadata"].get("name") if isinstance(value.get("metadata"), dict) else None
    subject = f"{kind} {name}" if isinstance(name, str) else kind
    spec, faults = _checked(document, KINDS[kind], "spec")
    if isinstance(spec, GateSpec):
        faults = [*faults, *_conditions(spec)]
    if errors or faults:
        return [], [_said(document, subject, fault) for fault in (*errors, *faults)]
    resource = Resource(kind=kind, metadata=metadata, spec=spec)
    return [Declared(resource, document)], []


def _conditions(spec: GateSpec) -> list[Fault]:
    """What is wrong with the conditions of a gate: a name that is misspelt would never hold."""
    faults = []
    for number, asked in enumerate(spec.require):
        try:
            condition(asked.condition)
        except ConditionError as error:
            at = f" at column {error.column}" if error.column is not None else ""
            path = ("spec", "require", number, "condition")
            faults.append(Fault(path, f"{asked.name}{at}: {error.what}", error.fix))
    return faults


def _checked(document: Document, record: type[BaseModel], part: str) -> tuple[Any, list[Fault]]:
    held = document.value.get(part)
    if held is None:
        held = {}
    if not isinstance(held, dict):
        return None, [Fault((part,), "is no mapping", "write key: value below it")]
    try:
        return record.model_validate(held, by_name=False, by_alias=True), []
    except ValidationError as error:
        return None, [explain(fault, record, part, held) for fault in error.errors()]


def _said(document: Document, subject: str, fault: Fault) -> BadResourceError:
    where = document.where_key(*fault.path) if fault.is_key else document.where(*fault.path)
    return _error(where, f"{subject}: {fault.what}", fault.fix)


def _openslo(document: Document) -> tuple[list[Declared], list[BadResourceError]]:
    """A document of OpenSLO stays as it is; only its kind and name are read."""
    value = document.value
    metadata = value.get("metadata")
    kind, name = value.get("kind"), metadata.get("name") if isinstance(metadata, dict) else None
    if not isinstance(kind, str):
        return [], [_error(document.where("kind"), "kind is missing", "write e.g. kind: SLO")]
    if not isinstance(name, str):
        fix = "write metadata: {name: ...}"
        return [], [_error(document.where("metadata"), f"{kind}: metadata.name is missing", fix)]
    try:
        held = Metadata(name=name)
    except ValidationError as error:
        fault = explain(error.errors()[0], Metadata, "metadata", {"name": name})
        return [], [_said(document, f"{kind} {name}", fault)]
    resource = Resource(api_version=OPENSLO, kind=kind, metadata=held, spec=_as_json(value))
    return [Declared(resource, document)], []


def _as_json(value: Any) -> Any:
    """A foreign document with nothing in it that JSON cannot hold."""
    if isinstance(value, dict):
        return {key: _as_json(held) for key, held in value.items()}
    if isinstance(value, list):
        return [_as_json(held) for held in value]
    return value if isinstance(value, str | int | bool | None) else float(value)


def _error(where: str, what: str, fix: str) -> BadResourceError:
    return BadResourceError(where, what, fix)
