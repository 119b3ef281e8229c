"""A provider's own bill as FOCUS text: how its columns are found and its texts are told.

A native bill stays text: what comes out has FOCUS column names and goes through the same reading
and the same checks as a FOCUS file. Columns that become no FOCUS column keep their names.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from watermaster.model.tables import Table
from watermaster.observe.engine import Text, Truth, ibis
from watermaster.observe.focus_columns import KEYS
from watermaster.observe.focus_parquet import as_text

NOTHING: Final = "= nothing"  # a column that is NULL, in place of any that is absent
EXACT: Final = "decimal(38, 18)"
_TIME: Final = r"^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(?:\.0+)?(?:Z|\+00(?::?00)?)?$"


def plain(name: str) -> str:
    """A column's name without case and signs: `lineItem/UsageType` is `line_item_usage_type`."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a native bill, all text, by their plain names."""

    table: Table
    names: Mapping[str, str]  # plain name to the file's; the first one counts

    def __contains__(self, name: str) -> bool:
        return name in self.names

    def text(self, *names: str) -> Text:
        """The first of these columns that says something; NULL where none does."""
        there = [self.table[self.names[name]] for name in names if name in self.names]
        return ibis.coalesce(*there) if there else self.table[NOTHING]


def columns_of(table: Table) -> tuple[Columns, list[str]]:
    """The columns of a file as text, and what a reader should know about them."""
    text, told = as_text(table)
    names: dict[str, str] = {}
    for name in text.columns:
        if name not in KEYS:
            names.setdefault(plain(name), name)
    nothing = ibis.null("string").cast("string")
    return Columns(text.mutate({NOTHING: nothing}).view(), names), told


def mapped(columns: Columns, focus: Mapping[str, Text], spent: Iterable[str]) -> Table:
    """FOCUS columns, the keys, and every column that is not `spent`: wholly said by another."""
    said = {columns.names[name] for name in spent if name in columns.names}
    taken = {plain(name) for name in focus}
    kept = {
        (f"x_{name}" if plain(name) in taken else name): columns.table[name]
        for name in columns.table.columns
        if name not in said and name not in KEYS and name != NOTHING
    }
    keys = {name: columns.table[name] for name in KEYS}
    return columns.table.select(**focus, **kept, **keys).view()


def total(*texts: Text) -> Text:
    """The exact sum of those that say a number, as text; NULL where none does.

    A text that is no number comes out as it is, so that the row is rejected for it.
    """
    amounts = [text.try_cast(EXACT) for text in texts]
    summed = sum((amount.fill_null(0) for amount in amounts), start=ibis.literal(0).cast(EXACT))
    found = summed.cast(EXACT).cast("string")
    return _only_numbers(texts, found)


def difference(whole: Text, part: Text) -> Text:
    """Exact whole - part as text; NULL unless both are known."""
    left = (whole.try_cast(EXACT) - part.try_cast(EXACT)).cast(EXACT).cast("string")
    known = (whole.notnull() & part.notnull()).ifelse(left, ibis.null("string"))
    return ibis.cases((_odd(whole), whole), (_odd(part), part), else_=known)


def _only_numbers(texts: Iterable[Text], found: Text) -> Text:
    texts = list(texts)
    none = texts[0].isnull()
    for text in texts[1:]:
        none &= text.isnull()
    return ibis.cases(
        *((_odd(text), text) for text in texts), (none, ibis.null("string")), else_=found
    )


def _odd(text: Text) -> Truth:
    return text.notnull() & text.try_cast(EXACT).isnull()


def is_nonzero(text: Text) -> Truth:
    """Whether a text is a number other than 0; never NULL."""
    return (text.try_cast(EXACT) != 0).fill_null(False)


def utc(text: Text) -> Text:
    """A time in UTC as FOCUS writes it; what looks otherwise stays as it is."""
    return text.strip().re_replace(_TIME, r"\1T\2Z")


def when(holds: Truth, text: Text) -> Text:
    """The text where it holds, else NULL."""
    return holds.fill_null(False).ifelse(text, ibis.null("string"))


def word(kind: Text, words: Mapping[str, str], other: Text) -> Text:
    """What a kind of line is called, else `other`."""
    return ibis.cases(*((kind == one, ibis.literal(said)) for one, said in words.items()),
                      else_=other)  # fmt: skip


def one_of(kind: Text, words: Iterable[str]) -> Truth:
    """Whether a text is one of the words; never NULL. A single CASE: the engine joins for IN."""
    return ibis.cases(*((kind == one, True) for one in words), else_=False)
