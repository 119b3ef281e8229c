"""docs/reference/kinds.md from the records that read the documents."""

import re
import types
import typing
from collections.abc import Iterator
from enum import Enum
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from watermaster.model.resources import API_VERSION, KINDS, Metadata

_PLAIN = {"str": "text", "int": "whole number", "Decimal": "number", "float": "number",
          "bool": "true or false", "date": "date", "datetime": "time"}  # fmt: skip


def pages() -> dict[str, str]:
    """The page of all kinds and their fields."""
    return {"kinds.md": f"{_intro()}\n{_metadata()}\n{_kinds()}\n{_parts()}"}


def _intro() -> str:
    return (
        "# Kinds\n\n"
        f"Every document has `apiVersion: {API_VERSION}`, `kind`, `metadata` and `spec`. "
        "Documents of OpenSLO (`apiVersion: openslo/v1`) may stand beside them and are kept as "
        "they are. How to write and apply them: [declare](../how-to/declare.md). `wm schema KIND` "
        "prints the JSON Schema for editors.\n"
    )


def _metadata() -> str:
    return f"## metadata\n\n{_told(Metadata)}\n\n{_table(Metadata)}"


def _kinds() -> str:
    return "\n".join(f"## {kind}\n\n{_told(r)}\n\n{_table(r)}" for kind, r in KINDS.items())


def _parts() -> str:
    """Records that stand inside others, each once, by name."""
    found = {part.__name__: part for record in KINDS.values() for part in _inside(record)}
    every = [
        f"### {name}\n\n{_told(part)}\n\n{_table(part)}" for name, part in sorted(found.items())
    ]
    return "## Parts\n\n" + "\n".join(every)


def _inside(record: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for field in record.model_fields.values():
        for part in _records(field.annotation):
            yield part
            yield from _inside(part)


def _records(annotation: Any) -> Iterator[type[BaseModel]]:
    arguments = typing.get_args(annotation)
    if not arguments and isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in arguments:
        yield from _records(argument)


def _table(record: type[BaseModel]) -> str:
    rows = "".join(
        f"| `{field.alias or name}` | {_type(field.annotation)} | {_default(field)} "
        f"| {(field.description or '').replace('|', '/')} |\n"
        for name, field in record.model_fields.items()
    )
    return f"| field | is | default | meaning |\n|---|---|---|---|\n{rows}"


def _told(record: type[BaseModel]) -> str:
    return re.sub(r"\s+", " ", record.__doc__ or "").strip()


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    held = field.get_default(call_default_factory=False)
    if held is None or held in ([], {}) or isinstance(held, BaseModel):
        return ""
    shown = held.value if isinstance(held, Enum) else held
    return f"`{str(shown).lower() if isinstance(shown, bool) else shown}`"


def _type(annotation: Any) -> str:
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Literal:
        return " or ".join(f"`{value}`" for value in arguments)
    if origin is typing.Annotated:
        return _type(arguments[0])
    if origin in {typing.Union, types.UnionType}:
        return _type(next(part for part in arguments if part is not type(None)))
    if origin is list:
        return f"list of {_type(arguments[0])}"
    if origin is dict:
        return f"map of {_type(arguments[0])} to {_type(arguments[1])}"
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return " or ".join(f"`{choice.value}`" for choice in annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return f"[{annotation.__name__}](#{annotation.__name__.lower()})"
    return _PLAIN.get(getattr(annotation, "__name__", ""), str(annotation))
