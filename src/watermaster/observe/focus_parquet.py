"""Parquet columns of any type as the text a CSV would have held, exactly.

Decimals and whole numbers are printed to the last digit, times as ISO, maps and structs as JSON.
Floats have no exact decimal: the shortest text that reads back as the same float is taken.
"""

from watermaster.model.tables import Table
from watermaster.observe.engine import Text, any_to_json, ibis
from watermaster.observe.focus_columns import KEYS


def as_text(table: Table) -> tuple[Table, list[str]]:
    """The table with every column as text, and what a reader should know about it."""
    kinds = {name: kind for name, kind in table.schema().items() if name not in KEYS}
    typed = {name: kind for name, kind in kinds.items() if not kind.is_string()}
    if not typed:
        return table, []
    texts = {name: _text(table[name]) for name in typed}
    floats = [name for name, kind in typed.items() if kind.is_floating()]
    told = "numbers stored as floats are taken as their shortest text: "
    notices = [told + ", ".join(floats)] if floats else []
    return table.mutate(**texts).view(), notices


def _text(column: Text) -> Text:
    kind = column.type()
    if kind.is_nested():
        return any_to_json(column) + ibis.literal("")
    return column.cast("string")
