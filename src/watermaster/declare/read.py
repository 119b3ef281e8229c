"""YAML files in, documents out; every key and value keeps its line and column."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from watermaster.model.errors import BadResourceError, NotFoundError

SUFFIXES: Final = (".yaml", ".yml", ".json")
STDIN: Final = "-"
MOST_VALUES: Final = 200_000  # of one document; more comes from anchors that repeat anchors
DEEPEST: Final = 50
_TAG: Final = "tag:yaml.org,2002:"
Steps = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML document: its value, and where each part of it stands."""

    file: str
    value: Any
    places: dict[Steps, tuple[int, int]]  # path to the value's line and column, from 1
    keys: dict[Steps, tuple[int, int]] = field(default_factory=dict)  # path to its key's

    def where(self, *path: str | int) -> str:
        """file:line:column of a value; of the nearest part that is there when it is not."""
        return self._at(path, self.places)

    def where_key(self, *path: str | int) -> str:
        """file:line:column of a key."""
        return self._at(path, self.keys | {(): self.places[()]})

    def _at(self, path: Steps, places: dict[Steps, tuple[int, int]]) -> str:
        if path in places:
            line, column = places[path]
            return f"{self.file}:{line}:{column}"
        return self._at(path[:-1], self.places) if path else f"{self.file}:1:1"


def find_files(paths: Sequence[str]) -> list[Path]:
    """Files, all YAML below folders, what globs match; sorted, each once. "-" is stdin."""
    found = {path: None for given in paths for path in _files_of(given)}
    return list(found)


def read_documents(paths: Sequence[str]) -> tuple[list[Document], list[BadResourceError]]:
    """Every document of every file, and what is wrong with those that are no YAML."""
    documents: list[Document] = []
    errors: list[BadResourceError] = []
    for path in find_files(paths):
        try:
            for found, faults in _documents(path):
                errors += faults
                documents += found
        except MarkedYAMLError as error:
            errors.append(_syntax(path, error))
        except UnicodeDecodeError as error:
            errors.append(
                BadResourceError(
                    f"{path}:1:1", f"byte {error.start} is not UTF-8", "save the file as UTF-8"
                )
            )
        except YAMLError as error:
            what = str(error).splitlines()[0]
            errors.append(BadResourceError(f"{path}:1:1", f"is not YAML ({what})", "mend it"))
        except RecursionError:
            errors.append(BadResourceError(f"{path}:1:1", "is nested too deep", "write it flatter"))
    return documents, errors


def _files_of(given: str) -> list[Path]:
    if given == STDIN:
        return [Path(STDIN)]
    path = Path(given)
    if path.is_dir():
        inside = (p for p in path.rglob("*") if p.suffix in SUFFIXES and p.is_file())
        return sorted(p for p in inside if not _is_hidden(p.relative_to(path)))
    if path.is_file():
        return [path]
    matched = [file for found in sorted(_glob(given)) for file in _files_of(str(found))]
    if not matched:
        raise NotFoundError(given, "no such file or folder", "name YAML files, a folder or a glob")
    return matched


def _glob(pattern: str) -> Iterator[Path]:
    path = Path(pattern)
    return Path(path.anchor).glob(str(path.relative_to(path.anchor)))


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _documents(path: Path) -> Iterator[tuple[list[Document], list[BadResourceError]]]:
    text = sys.stdin.read() if str(path) == STDIN else path.read_text(encoding="utf-8-sig")
    name = "<stdin>" if str(path) == STDIN else str(path)
    for node in YAML().compose_all(text):
        reader = _Reader(name)
        value = reader.value(node, ())
        found = (
            []
            if value is None or reader.is_endless
            else [Document(name, value, reader.places, reader.keys)]
        )
        yield found, reader.errors


@dataclass
class _Reader:
    """Walks one document's nodes; money stays text-exact because no float is made of it."""

    file: str
    places: dict[Steps, tuple[int, int]] = field(default_factory=dict)
    keys: dict[Steps, tuple[int, int]] = field(default_factory=dict)
    errors: list[BadResourceError] = field(default_factory=list)
    visited: int = 0
    is_endless: bool = False

    def value(self, node: Node, path: Steps) -> Any:
        self.visited += 1
        if self.visited > MOST_VALUES or len(path) > DEEPEST:
            if not self.is_endless:
                self._fault(node, "has too many values in it", "do not let anchors repeat anchors")
            self.is_endless = True
            return None
        self.places[path] = _mark(node)
        if isinstance(node, MappingNode):
            return self._mapping(node, path)
        if isinstance(node, SequenceNode):
            return [self.value(item, (*path, i)) for i, item in enumerate(node.value)]
        return _scalar(node)

    def _mapping(self, node: MappingNode, path: Steps) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in _pairs(node):
            name = str(key.value)
            if name in found:
                self._fault(key, f"key {name!r} is here twice", "keep one")
            self.keys[(*path, name)] = _mark(key)
            found[name] = self.value(value, (*path, name))
        return found

    def _fault(self, node: Node, what: str, fix: str) -> None:
        line, column = _mark(node)
        self.errors.append(BadResourceError(f"{self.file}:{line}:{column}", what, fix))


def _pairs(node: MappingNode) -> Iterator[tuple[ScalarNode, Node]]:
    """Keys and values; `<<` brings in another mapping's, except what is written here too."""
    own = [(key, value) for key, value in node.value if key.tag != f"{_TAG}merge"]
    named = {str(key.value) for key, _ in own}
    for key, value in node.value:
        if key.tag == f"{_TAG}merge":
            merged = value.value if isinstance(value, SequenceNode) else [value]
            for other in (one for one in merged if isinstance(one, MappingNode)):
                for inner, held in _pairs(other):
                    if str(inner.value) not in named:
                        named.add(str(inner.value))
                        yield inner, held
    yield from own


def _mark(node: Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1


def _scalar(node: Node) -> Any:
    kind, text = str(node.tag).removeprefix(_TAG), str(node.value)
    if kind == "null":
        return None
    if kind == "bool":
        return text.lower() == "true"
    if kind == "int":
        return _whole(text)
    if kind == "float":
        return _fraction(text)
    return text


def _whole(text: str) -> int | str:
    plain = text.replace("_", "")
    # 007 is an account number to its author, never 7
    if plain.lstrip("+-").startswith("0") and plain.lstrip("+-").isdigit() and plain != "0":
        return text
    try:
        return int(plain, 0)
    except ValueError:
        return text


def _fraction(text: str) -> Decimal | str:
    try:
        return Decimal(text.replace("_", ""))
    except InvalidOperation:
        return text


def _syntax(path: Path, error: MarkedYAMLError) -> BadResourceError:
    mark = error.problem_mark or error.context_mark
    where = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else f"{path}:1:1"
    what = " ".join(str(part) for part in (error.context, error.problem) if part)
    return BadResourceError(where, f"is not YAML: {what}", "mend the indentation or the quotes")
