"""The entries of one long array inside a JSON document, one at a time."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from watermaster.model.errors import BadInputError


def entries(lines: Iterable[str], name: str, where: str) -> Iterator[Any]:
    """Entries of the array under the key `name`; only one is held in memory.

    >>> lines = ['{"meta": {}, "jobs": [{"a": 1},', ' {"a": [2]}], "errors": []}']
    >>> list(entries(lines, "jobs", "file"))
    [{'a': 1}, {'a': [2]}]
    """
    lines, decoder, key = iter(lines), json.JSONDecoder(), f'"{name}"'
    held = _until(lines, key, where)
    while "[" not in held:
        held += _next(lines, where)
    held = held[held.index("[") + 1 :]
    while True:
        held = held.lstrip().removeprefix(",").lstrip()
        if held.startswith("]"):
            return
        if not held:
            held = _next(lines, where)
            continue
        entry, held = _entry(decoder, held, lines, where)
        yield entry


def _until(lines: Iterator[str], key: str, where: str) -> str:
    for line in lines:
        if key in line:
            return line[line.index(key) + len(key) :]
    raise BadInputError(where, f"has no list {key}", "deliver the output of sacct --json whole")


def _next(lines: Iterator[str], where: str) -> str:
    line = next(lines, None)
    if line is None:
        raise BadInputError(where, "ends inside a list", "deliver the output of sacct --json whole")
    return line


def _entry(
    decoder: json.JSONDecoder, held: str, lines: Iterator[str], where: str
) -> tuple[Any, str]:
    """Try to read one entry; take twice as much each time it is not whole yet."""
    want = 1
    while True:
        try:
            entry, end = decoder.raw_decode(held)
        except json.JSONDecodeError:
            pieces = [_next(lines, where)]
            while sum(map(len, pieces)) < min(len(held), 1 << 20) * (want > 1):
                piece = next(lines, None)
                if piece is None:
                    break
                pieces.append(piece)
            held, want = held + "".join(pieces), want + 1
        else:
            return entry, held[end:]
