"""Change one declared document in its file, and leave every other letter as it stands."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

Place = tuple[str, ...]


def edited(text: str, key: tuple[str, str], values: Mapping[Place, Any]) -> str | None:
    """The YAML with some values of one document set; None where it does not hold that document.

    key: kind and name. Comments, order and quotes stay; where a document stands twice, which one
    is meant is not known and nothing is changed.
    """
    editor = YAML()
    editor.preserve_quotes = True
    editor.width = 4096
    editor.indent(mapping=2, sequence=4, offset=2)
    try:
        documents = list(editor.load_all(text))
    except YAMLError:
        return None
    mine = [one for one in documents if isinstance(one, dict) and _key(one) == key]
    if len(mine) != 1:
        return None
    for place, value in values.items():
        at = mine[0]
        for part in place[:-1]:
            if not isinstance(at.get(part), dict):
                at[part] = {}
            at = at[part]
        at[place[-1]] = value
    out = io.StringIO()
    editor.dump_all(documents, out)
    return out.getvalue()


def rewrite(path: Path, text: str) -> None:
    """Replace a file whole or not at all."""
    beside = path.with_name(f".{path.name}.new")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)


def _key(document: Mapping[str, Any]) -> tuple[str, str]:
    about = document.get("metadata")
    name = about.get("name") if isinstance(about, Mapping) else None
    return str(document.get("kind")), str(name)
