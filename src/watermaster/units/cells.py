"""Cells of CSV and XLSX exports, which spreadsheets would run as formulas."""

import datetime as dt
from decimal import Decimal
from enum import Enum
from typing import Final

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


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
