"""Cells from foreign hands: spreadsheets would run some as formulas, terminals as commands."""

import datetime as dt
import re
from decimal import Decimal
from enum import Enum
from typing import Final

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")

# all control characters but tab and line feed, and those that turn the direction of writing
_COMMAND: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def visible(text: str) -> str:
    r"""Text of which a terminal obeys nothing: its control characters are shown, not done.

    >>> visible("a\x1b[31mb"), visible("chat \u202egnp.exe"), visible("caf\u00e9")
    ('a\\x1b[31mb', 'chat \\u202egnp.exe', 'café')
    """
    return _COMMAND.sub(lambda found: ascii(found[0])[1:-1], text)


def defuse(text: str) -> str:
    """Text that a spreadsheet would take for a formula, made plain by a leading quote.

    >>> defuse("=1+1"), defuse("chat"), defuse("-web")
    ("'=1+1", 'chat', "'-web")
    """
    return f"'{text}" if text.startswith(_FORMULA) else text


def cell_text(value: object) -> str:
    """One value as its exact text: numbers with all digits, times in ISO 8601, None empty.

    >>> cell_text(Decimal("-1.50")), cell_text("-1.50"), cell_text(None)
    ('-1.50', "'-1.50", '')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, dt.date):
        return value.isoformat()
    return defuse(str(value.value) if isinstance(value, Enum) else str(value))
