"""Statement and journal as a workbook: lines, totals, and what to know about them."""

import dataclasses
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from watermaster.model.errors import UsageError
from watermaster.model.statement import Journal, Statement
from watermaster.units.cells import cell_text
from watermaster.units.periods import parse_month

MONEY_FORMAT: Final = "#,##0.00;[Red]-#,##0.00"
LEAST_WIDTH: Final = 8
MOST_WIDTH: Final = 48
Row = Mapping[str, Any]


def write_xlsx(found: Statement | Journal, path: Path) -> None:
    """Write the workbook; cells that a spreadsheet would run as a formula are defused.

    Amounts are numbers, of which a spreadsheet keeps 15 digits; CSV and JSON carry all of them.
    """
    import xlsxwriter
    from xlsxwriter.exceptions import FileCreateError

    book = xlsxwriter.Workbook(str(path), {"strings_to_formulas": False, "strings_to_urls": False})
    # the same statement gives the same file
    created = parse_month(found.month).end.replace(tzinfo=None)
    book.set_properties({"title": _title(found), "created": created})
    for name, rows in _sheets(found).items():
        write_sheet(book, name, rows)
    try:
        book.close()
    except FileCreateError as error:
        raise UsageError(str(path), str(error), "name a file that can be written") from None


def _title(found: Statement | Journal) -> str:
    what = "Journal" if isinstance(found, Journal) else "Statement"
    return f"{what} {found.month}"


def _sheets(found: Statement | Journal) -> dict[str, Sequence[Row]]:
    about: list[Row] = [
        {"what": "month", "text": found.month},
        {"what": "close", "text": found.close_id or "open: figures may change"},
        {"what": "revision", "text": found.snapshot},
        {"what": "rule", "text": f"{found.rule}: {found.why}"},
        *({"what": "gap", "text": gap} for gap in found.gaps),
    ]
    if isinstance(found, Journal):
        rows = [dataclasses.asdict(entry) for entry in found.entries]
        return {"Entries": rows, "Totals": found.totals, "About": about}
    about += [{"what": "note", "text": note} for note in found.notes]
    return {
        "Lines": [dataclasses.asdict(line) for line in found.lines],
        "Totals": [dataclasses.asdict(row) for row in found.totals],
        "Check": [dataclasses.asdict(row) for row in found.check],
        "About": about,
    }


def write_sheet(book: Any, name: str, rows: Sequence[Row]) -> None:
    """One sheet: a head, the rows under it, widths that fit, a filter."""
    sheet = book.add_worksheet(name)
    bold, money = book.add_format({"bold": True}), book.add_format({"num_format": MONEY_FORMAT})
    columns = list(rows[0]) if rows else []
    for at, column in enumerate(columns):
        sheet.write_string(0, at, column.replace("_", " "), bold)
        texts = (cell_text(row[column]) for row in rows)
        width = max(len(column), *(len(text) for text in texts))
        sheet.set_column(at, at, min(max(width, LEAST_WIDTH), MOST_WIDTH))
    for number, row in enumerate(rows, start=1):
        for at, column in enumerate(columns):
            _write_cell(sheet, (number, at), row[column], money)
    sheet.freeze_panes(1, 0)
    if rows:
        sheet.autofilter(0, 0, len(rows), len(columns) - 1)


def _write_cell(sheet: Any, at: tuple[int, int], value: object, money: Any) -> None:
    if isinstance(value, Decimal):
        sheet.write_number(*at, float(value), money)
    elif isinstance(value, int):
        sheet.write_number(*at, value)
    elif value is None:
        sheet.write_blank(*at, None)
    else:
        sheet.write_string(*at, cell_text(value))
