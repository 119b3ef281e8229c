"""The list of charges as CSV and XLSX; cells that spreadsheets would run are defused."""

import csv
import io
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pyarrow as pa
from fastapi import APIRouter
from starlette.responses import Response, StreamingResponse

from watermaster.flows.charges import all_charges
from watermaster.flows.export_focus import export_focus
from watermaster.serve.questions import TheCharges
from watermaster.serve.state import Shared
from watermaster.units.cells import cell_text, defuse

ROWS_A_CHUNK: Final = 5_000
PARQUET: Final = "application/vnd.apache.parquet"
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
router = APIRouter(include_in_schema=False)


@router.get("/costs.csv")
def costs_csv(state: Shared, question: TheCharges) -> Response:
    """Every row of the filter, all digits."""
    rows = state.run(all_charges, question)
    headers = {"content-disposition": f'attachment; filename="{_name(question)}.csv"'}
    return StreamingResponse(_lines(rows), media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/costs.xlsx")
def costs_xlsx(state: Shared, question: TheCharges) -> Response:
    """Every row of the filter; money as numbers, which a spreadsheet keeps to 15 digits."""
    rows = state.run(all_charges, question)
    headers = {"content-disposition": f'attachment; filename="{_name(question)}.xlsx"'}
    return Response(_workbook(rows), media_type=XLSX, headers=headers)


@router.get("/costs.parquet")
def costs_focus(state: Shared, question: TheCharges) -> Response:
    """The month's allocated costs as FOCUS 1.4; filters do not apply."""
    month = [question.asked.month] if question.asked.month else []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "focus.parquet"
        state.run(export_focus, month, path)
        name = f"focus-{question.asked.month or 'all'}.parquet"
        headers = {"content-disposition": f'attachment; filename="{name}"'}
        return Response(path.read_bytes(), media_type=PARQUET, headers=headers)


def _name(question: TheCharges) -> str:
    return f"costs-{question.asked.month or 'watermaster'}"


def _lines(rows: pa.Table) -> Iterator[str]:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(rows.column_names)
    for batch in rows.to_batches(max_chunksize=ROWS_A_CHUNK):
        for row in batch.to_pylist():
            writer.writerow(cell_text(value) for value in row.values())
        yield out.getvalue()
        out.seek(0)
        out.truncate()
    yield out.getvalue()


def _workbook(rows: pa.Table) -> bytes:
    import xlsxwriter

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "costs.xlsx"
        options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
        with xlsxwriter.Workbook(path, options) as book:
            sheet = book.add_worksheet("Costs")
            money = book.add_format({"num_format": "#,##0.00"})
            sheet.write_row(0, 0, rows.column_names, book.add_format({"bold": True}))
            number = 0
            for batch in rows.to_batches(max_chunksize=ROWS_A_CHUNK):
                for row in batch.to_pylist():
                    number += 1
                    for column, (name, value) in enumerate(row.items()):
                        if name == "cost" and value is not None:
                            sheet.write_number(number, column, value, money)
                        elif value is not None:
                            text = isinstance(value, str)
                            sheet.write(number, column, defuse(value) if text else value)
        return path.read_bytes()
