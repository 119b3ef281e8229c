"""What pydantic found, as a sentence: what is wrong and what to write instead."""

import difflib
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from pydantic import BaseModel

_PATTERNS: Final = {
    "^[A-Z]{3}$": "write three capital letters such as EUR",
    "^[A-Z]{2}$": "write two capital letters such as DE",
}
_NAME_FIX: Final = "write small letters, digits, '-' and '.', at most 63, such as chat-prod"
_FIXES: Final = {
    "dict_type": "write key: value below it",
    "model_type": "write key: value below it",
    "model_attributes_type": "write key: value below it",
    "list_type": "write a list: - item",
    "bool_parsing": "write true or false",
    "bool_type": "write true or false",
}
_KINDS_OF_VALUE: Final = {
    "int": "write a whole number",
    "decimal": "write a number",
    "float": "write a number",
    "date": "write a date such as 2026-10-01",
    "datetime": "write a time such as 2026-10-01T00:00:00Z",
}


ErrorDetails = Mapping[str, Any]  # as pydantic's ValidationError.errors() lists them


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong at a path of a document; `is_key` when the key itself is wrong."""

    path: tuple[str | int, ...]
    what: str
    fix: str
    is_key: bool = False


def explain(
    error: ErrorDetails, record: type[BaseModel], part: str, held: Mapping[str, Any]
) -> Fault:
    """The sentence for one finding of pydantic about `held`, which stands below `part`."""
    path = _path(error["loc"], held)
    said, kind = ".".join([part, *map(str, path)]), error["type"]
    if kind == "missing":
        return _missing(record, part, path)
    if kind == "extra_forbidden":
        return _unknown_key(record, part, path)
    if kind == "value_error":
        return _own_words(error, part, path, held)
    shown = _shown(error["input"])
    return Fault((part, *path), f"{said} is {shown}", _fix(error))


def nearest(word: str, known: Iterable[str]) -> str | None:
    """'write X' for the known word most like `word`, if one is alike.

    >>> nearest("trainin", ["training", "evaluation"])
    'write training'
    """
    names = list(known)
    lower = {name.lower(): name for name in reversed(names)}
    found = difflib.get_close_matches(word.lower(), list(lower), 1, 0.6)
    return f"write {lower[found[0]]}" if found else None


def fields_of(record: type[BaseModel]) -> dict[str, Any]:
    """YAML key to field of a record."""
    return {field.alias or name: field for name, field in record.model_fields.items()}


def record_at(record: type[BaseModel], path: Iterable[str | int]) -> type[BaseModel] | None:
    """The record that describes the mapping at a path."""
    found: type[BaseModel] | None = record
    for step in path:
        if found is None or isinstance(step, int):
            continue
        field = fields_of(found).get(step)
        found = _record_in(field.annotation) if field is not None else None
    return found


def _record_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and not typing.get_args(annotation):
        return annotation if issubclass(annotation, BaseModel) else None
    found = (_record_in(part) for part in typing.get_args(annotation))
    return next((record for record in found if record is not None), None)


def _path(loc: tuple[str | int, ...], held: Any) -> tuple[str | int, ...]:
    """Pydantic's location without the steps that are no keys of the document."""
    path: list[str | int] = []
    for number, step in enumerate(loc):
        inside = isinstance(held, Mapping) and step in held
        within = isinstance(held, list) and isinstance(step, int) and step < len(held)
        if inside or within:
            held = held[step]
            path.append(step)
        elif number == len(loc) - 1 and isinstance(held, Mapping) and step != "[key]":
            path.append(step)
    return tuple(path)


def _missing(record: type[BaseModel], part: str, path: tuple[str | int, ...]) -> Fault:
    name = str(path[-1])
    owner = record_at(record, path[:-1])
    field = fields_of(owner).get(name) if owner else None
    told = f" ({field.description})" if field is not None and field.description else ""
    said = ".".join([part, *map(str, path)])
    return Fault((part, *path[:-1]), f"{said} is missing", f"add {name}{told}")


def _unknown_key(record: type[BaseModel], part: str, path: tuple[str | int, ...]) -> Fault:
    name = str(path[-1])
    owner = record_at(record, path[:-1])
    known = list(fields_of(owner)) if owner else []
    fix = nearest(name, known) or f"keys here are {', '.join(known)}"
    place = ".".join([part, *map(str, path[:-1])])
    return Fault((part, *path), f"{place} has no key {name!r}", fix, is_key=True)


def _own_words(error: ErrorDetails, part: str, path: tuple[str | int, ...], held: Any) -> Fault:
    """Our validators say 'what; fix', and begin with the key they mean."""
    text = str(error.get("ctx", {}).get("error", error["msg"]))
    what, _, fix = text.partition("; ")
    for step in path:
        held = held[step]
    first = what.split(" ")[0].rstrip(":,")
    exact = (*path, first) if isinstance(held, Mapping) and first in held else path
    return Fault((part, *exact), f"{'.'.join([part, *map(str, path)])}: {what}", fix or "mend it")


def _fix(error: ErrorDetails) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind in {"literal_error", "enum"}:
        return _choice(str(context.get("expected", "")), error["input"])
    if kind == "string_pattern_mismatch":
        return _PATTERNS.get(str(context.get("pattern")), _NAME_FIX)
    if kind == "string_type":
        return _text_fix(error["input"])
    if kind in _FIXES:
        return _FIXES[kind]
    for name, fix in _KINDS_OF_VALUE.items():
        if kind.startswith((f"{name}_parsing", f"{name}_type", f"{name}_from")):
            return fix
    return _in_pydantics_words(error["msg"])


def _choice(expected: str, given: object) -> str:
    """'write training; one of ...' from "'a', 'b' or 'c'"."""
    names = [word.strip("' ") for word in expected.replace(" or ", ", ").split(",")]
    near = nearest(str(given), names)
    every = f"one of {', '.join(name for name in names if name)}"
    return f"{near} ({every})" if near else f"write {every}"


def _text_fix(given: object) -> str:
    if isinstance(given, Mapping | list) or given is None:
        return "write a text"
    return f'write it in quotes: "{_plain(given)}"'


def _in_pydantics_words(message: str) -> str:
    if message.endswith("after validation, not 0"):
        return "write at least one item"
    for lead in ("Input should be ", "Decimal input should be ", "Value should be "):
        if message.startswith(lead):
            return f"write a value {message.removeprefix(lead)}"
    return message[:1].lower() + message[1:]


def _shown(value: object) -> str:
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list):
        return "an empty list" if not value else "a list"
    if value is None:
        return "empty"
    return repr(value) if isinstance(value, str) else _plain(value)


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value.value) if isinstance(value, Enum) else str(value)
