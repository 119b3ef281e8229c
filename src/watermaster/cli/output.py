"""The one place where `wm` prints what it found: table, wide, json, yaml or csv, on stdout.

A command calls `show(record, Table(...))`: JSON and YAML print the whole record, the table and
CSV its rows. Talk goes through cli/talk.py, errors end in cli/main.py.
"""

import csv
import dataclasses
import datetime as dt
import io
import json
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Final, Literal

from watermaster.cli.call import Output, the_call
from watermaster.model.errors import UsageError
from watermaster.model.plain import plain
from watermaster.units.cells import cell_text, visible

WIDTH: Final = 100
NOTHING: Final = "-"


@dataclasses.dataclass(frozen=True, slots=True)
class Table:
    """What `-o table`, `wide` and `csv` show of a record.

    rows: cells by column; Decimal is money and shown with two decimals, csv has all digits.
    columns: what the table shows; `wide`: what `-o wide` and csv show besides.
    above, below: sentences round the table, never in csv.
    """

    columns: Sequence[str]
    rows: Sequence[Mapping[str, object]]
    wide: Sequence[str] = ()
    above: Sequence[str] = ()
    below: Sequence[str] = ()
    empty: str = "nothing found"


def show(record: object, table: Table) -> None:
    """Print a flow's record as the caller asked for it with -o and --columns."""
    say(render(record, table))


def render(record: object, table: Table) -> str:
    """What `show` prints, as text."""
    call = the_call()
    if call.output is Output.JSON:
        return _json(record)
    if call.output is Output.YAML:
        return _yaml(record)
    columns = _columns(table, call.columns, call.output)
    if call.output is Output.CSV:
        return _csv(table, columns)
    return _table(table, columns, WIDTH if call.output is Output.TABLE else None)


def say(text: str) -> None:
    """Print text as it is; a closing line break is added when it is missing."""
    if text:
        sys.stdout.write(text if text.endswith("\n") else text + "\n")
        sys.stdout.flush()


def save(text: str, out: Path) -> None:
    """Write what would be printed to a file that a person named."""
    try:
        out.write_text(text if text.endswith("\n") else text + "\n", encoding="utf-8", newline="")
    except OSError as error:
        raise UsageError(str(out), str(error.strerror), "name a file that can be written") from None


def cell(value: object) -> str:
    """One value as a person reads it.

    >>> cell(Decimal("-1234.5678")), cell(1234567), cell(None)
    ('-1,234.57', '1,234,567', '-')
    """
    if value is None or value == "":
        return NOTHING
    if isinstance(value, Decimal):
        return f"{value:,.2f}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    if isinstance(value, dt.datetime):
        return value.strftime("%Y-%m-%d %H:%M")
    if isinstance(value, list | tuple):
        return ", ".join(str(held) for held in value) or NOTHING
    return str(plain(value))


def _columns(table: Table, asked: str | None, output: Output) -> list[str]:
    every = [*table.columns, *(name for name in table.wide if name not in table.columns)]
    if asked is None:
        return list(table.columns) if output is Output.TABLE else every
    chosen = [name.strip() for name in asked.split(",") if name.strip()]
    unknown = [name for name in chosen if name not in every]
    if unknown or not chosen:
        raise UsageError("--columns", f"no column {', '.join(unknown)}", f"take {', '.join(every)}")
    return chosen


def _json(record: object) -> str:
    return json.dumps(plain(record), indent=2, ensure_ascii=False)


def _yaml(record: object) -> str:
    from ruamel.yaml import YAML

    writer, out = YAML(), io.StringIO()
    writer.default_flow_style = False
    writer.dump(plain(record), out)
    return out.getvalue()


def _csv(table: Table, columns: Sequence[str]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([cell_text(row.get(name)) for name in columns] for row in table.rows)
    return out.getvalue()


def _table(table: Table, columns: Sequence[str], width: int | None) -> str:
    lines = [*map(visible, table.above), *([""] if table.above and table.rows else [])]
    if table.rows:
        lines.append(_grid(table.rows, columns, width))
    elif table.empty:
        lines.append(table.empty)
    below = [*([""] if table.below and table.rows else []), *map(visible, table.below)]
    return "\n".join([*lines, *below])


def _grid(rows: Sequence[Mapping[str, object]], columns: Sequence[str], width: int | None) -> str:
    from rich import box
    from rich.console import Console
    from rich.table import Table as Grid
    from rich.text import Text

    grid = Grid(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    for name in columns:
        grid.add_column(name.replace("_", " "), justify=_side(rows, name), overflow="fold")
    for row in rows:
        grid.add_row(*(Text(visible(cell(row.get(name)))) for name in columns))
    colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    console = Console(
        file=io.StringIO(),
        width=_room(width),
        force_terminal=colour,
        no_color=not colour,
        highlight=False,
    )
    with console.capture() as caught:
        console.print(grid, soft_wrap=False)
    return "\n".join(line.rstrip() for line in caught.get().splitlines())


def _room(width: int | None) -> int:
    """Columns to print in: a narrow terminal narrows a table, never below what can be read."""
    if width is None:
        return 10_000
    if not sys.stdout.isatty():
        return width
    return max(40, min(width, shutil.get_terminal_size((width, 24)).columns))


def _side(rows: Sequence[Mapping[str, object]], name: str) -> Literal["left", "right"]:
    held = [row.get(name) for row in rows if row.get(name) is not None]
    numbers = (isinstance(v, int | float | Decimal) and not isinstance(v, bool) for v in held)
    return "right" if held and all(numbers) else "left"
