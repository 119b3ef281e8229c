"""What a user can touch, and whether docs/reference names all of it."""

import importlib
import re
from pathlib import Path

from pydantic import BaseModel

from tools import reference_cli
from tools.reference import FOLDER, error_classes
from watermaster.model.config import Config
from watermaster.model.resources import KINDS, Metadata
from watermaster.model.shapes import SHAPES


def missing(root: Path) -> list[str]:
    """One sentence for each thing of the surface that no page of docs/reference names."""
    told = set()
    for page in (root / FOLDER).glob("*.md"):
        told |= _words(page.read_text())
    kinds_told = (root / FOLDER / "kinds.md").exists()
    return [
        f"{FOLDER}: {kind} {name} is not there; describe it, or run make docs"
        for kind, names in surface().items()
        if kinds_told or kind not in {"kind", "field"}
        for name in sorted(names)
        if name not in told
    ]


def surface() -> dict[str, set[str]]:
    """Names by kind: columns, kinds and their fields, errors, commands."""
    records: list[type[BaseModel]] = [Metadata, *KINDS.values()]
    return {
        "column": {column.name for shape in SHAPES.values() for column in shape.columns},
        "kind": set(KINDS),
        "field": {name for record in records for name in _fields(record)},
        "error": {error.__name__ for error in error_classes()},
        "setting": _fields(Config),
        "command": {name for name, _ in reference_cli.commands()},
    }


def _fields(record: type[BaseModel]) -> set[str]:
    """YAML keys of a record and of the records in it."""
    found: set[str] = set()
    for name, field in record.model_fields.items():
        found.add(field.alias or name)
        for part in re.findall(r"watermaster\.model\.resources\.(\w+)", str(field.annotation)):
            inner = getattr(importlib.import_module("watermaster.model.resources"), part)
            if isinstance(inner, type) and issubclass(inner, BaseModel) and inner is not record:
                found |= _fields(inner)
    return found


def _words(text: str) -> set[str]:
    """What stands in backticks on a page, or as a heading; `a.b` also names b."""
    found = set(re.findall(r"`([^`\n]+)`", text)) | set(
        re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    )
    return found | {word.rsplit(".", 1)[-1].removesuffix("[]") for word in found}
