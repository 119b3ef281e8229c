"""Slurm's short form for many nodes: gpu[1-2,05-07],login1."""

import re
from collections.abc import Iterator

_BRACKET = re.compile(r"\[([^\]]*)\]")


def expand(text: str) -> list[str]:
    """Node names in order.

    >>> expand("gpu[1-2,05-07],login1")
    ['gpu1', 'gpu2', 'gpu05', 'gpu06', 'gpu07', 'login1']
    >>> expand("r[1-2]n[01-02]")
    ['r1n01', 'r1n02', 'r2n01', 'r2n02']
    """
    return [name for part in _parts(text) for name in _expand_one(part)]


def _parts(text: str) -> Iterator[str]:
    """Cut at the commas outside of brackets."""
    depth, start = 0, 0
    for place, sign in enumerate(text):
        depth += (sign == "[") - (sign == "]")
        if sign == "," and depth == 0:
            yield text[start:place]
            start = place + 1
    if text[start:]:
        yield text[start:]


def _expand_one(text: str) -> Iterator[str]:
    found = _BRACKET.search(text)
    if not found:
        yield text
        return
    before, after = text[: found.start()], text[found.end() :]
    for number in _numbers(found[1]):
        yield from _expand_one(before + number + after)


def _numbers(text: str) -> Iterator[str]:
    for part in text.split(","):
        first, _, last = part.partition("-")
        if last:
            width = len(first)
            yield from (str(n).zfill(width) for n in range(int(first), int(last) + 1))
        else:
            yield first
