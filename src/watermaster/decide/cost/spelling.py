"""When two spellings are the same word, nearly the same, or not at all."""

import re
from typing import Final

_WORD: Final = re.compile(r"[^0-9a-z]+")
_DIGITS: Final = re.compile(r"[0-9]+")


def normal(text: str) -> str:
    """A spelling without case, spaces and signs.

    >>> normal("Cost-Center"), normal("cost_center"), normal("CC 104")
    ('costcenter', 'costcenter', 'cc104')
    """
    return _WORD.sub("", text.casefold())


def digits(text: str) -> tuple[str, ...]:
    """The numbers in a text: two spellings of one thing have the same.

    >>> digits("CC-104/2"), digits("team")
    (('104', '2'), ())
    """
    return tuple(_DIGITS.findall(text))


def distance(one: str, other: str) -> int:
    """How many letters are missing, too many, wrong, or swapped with their neighbour.

    >>> distance("centre", "center"), distance("worklod", "workload"), distance("team", "unit")
    (1, 1, 4)
    """
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        older, before, row = before, row, [i]
        for j, b in enumerate(other, 1):
            best = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                best = min(best, older[j - 2] + 1)
            row.append(best)
    return row[-1]
