"""The review as a file: HTML that stands alone, PDF of the same, CSV and XLSX of its rows."""

import csv
import io
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from watermaster.flows.review_sheets import sheets, workbook
from watermaster.model.errors import UsageError
from watermaster.model.overview import Better, Measure
from watermaster.model.review import Review
from watermaster.serve.charts.paint import SCREEN, Paint
from watermaster.serve.charts.waterfall import Waterfall, waterfall
from watermaster.serve.render import ENVIRONMENT
from watermaster.serve.tokens import LIGHT
from watermaster.units.cells import cell_text
from watermaster.units.money import compact, signed
from watermaster.units.text import change, month_name, points, share, short_month

FORMATS: Final = {
    "html": "text/html; charset=utf-8", "pdf": "application/pdf", "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}  # fmt: skip


def report(found: Review, kind: str, organisation: str) -> bytes:
    """The file of a kind in FORMATS; the same review gives the same bytes."""
    makers: Mapping[str, Callable[[], bytes]] = {
        "html": lambda: report_html(found, organisation).encode(),
        "pdf": lambda: _pdf(report_html(found, organisation)),
        "csv": lambda: _csv(found),
        "xlsx": lambda: workbook(found),
    }
    return makers[kind]()


def renders(organisation: str) -> Callable[[Review], Mapping[str, bytes]]:
    """The files of a review that go with a mail: HTML, and PDF where it can be drawn."""

    def render(found: Review) -> Mapping[str, bytes]:
        files = {"html": report(found, "html", organisation)}
        try:
            return files | {"pdf": report(found, "pdf", organisation)}
        except UsageError:
            return files

    return render


def report_html(found: Review, organisation: str) -> str:
    """One page A4 that loads nothing."""
    answers = {one.finding: one for one in found.answers}
    return ENVIRONMENT.get_template("report.html").render(
        found=found, costs=found.costs, currency=found.costs.currency, answers=answers,
        figures=figures_of(found), fall=waterfall_of(found, 165, Paint(LIGHT)), tokens=LIGHT,
        organisation=organisation, reasons=found.costs.moved.reasons[:6],
    )  # fmt: skip


def _pdf(html: str) -> bytes:
    try:
        import weasyprint
    except (ImportError, OSError) as error:  # the package, or the libraries it draws with
        raise UsageError("the PDF", f"needs WeasyPrint ({error})",
                         "pip install 'watermaster[report]', and apt-get install libpango-1.0-0"
                         ) from None  # fmt: skip
    made: bytes = weasyprint.HTML(string=html, url_fetcher=_nothing).write_pdf(
        pdf_variant="pdf/ua-1", pdf_tags=True
    )
    return made


def _nothing(address: str, *_: Any, **__: Any) -> Any:
    """A report loads nothing, from nowhere."""
    raise ValueError(address)


def _csv(found: Review) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    for name, rows in sheets(found).items():
        writer.writerow([name])
        if rows:
            writer.writerow(list(rows[0]))
        writer.writerows([cell_text(value) for value in row.values()] for row in rows)
        writer.writerow([])
    return out.getvalue().encode()


def figures_of(found: Review) -> list[dict[str, Any]]:
    """Key figures in words: value, change and whether it is for the better."""
    currency, told = found.costs.currency, []
    for one in found.costs.figures:
        is_money = one.measure is Measure.MONEY
        moved, tone = "", "plain"
        if one.value is not None and one.before is not None:
            moved = change(one.value, one.before) if is_money else points(one.value, one.before)
            tone = _tone(one.better, one.value - one.before)
        value = compact(one.value, currency) if is_money else share(one.value)
        told.append({"label": one.label, "value": value, "change": moved, "tone": tone,
                     "base": one.base, "note": one.note, "wanted": one.wanted,
                     "formula": one.formula})  # fmt: skip
    return told


def _tone(better: Better, moved: Decimal) -> str:
    if better is Better.NEITHER or not moved:
        return "plain"
    return "good" if (moved > 0) == (better is Better.MORE) else "bad"


def waterfall_of(found: Review, height: int = 230, paint: Paint = SCREEN) -> str:
    """From the month before to the month, by cause."""
    moved = found.costs.moved
    return waterfall(
        Waterfall(
            first=(short_month(moved.before_month), moved.before), last=short_month(moved.month),
            changes=[(cause.value.capitalize(), amount) for cause, amount in moved.steps.items()
                     if amount],
            name=f"What moved from {month_name(moved.before_month)} to {month_name(moved.month)}",
            money=lambda value: compact(value, moved.currency),
            signed=lambda value: signed(value, moved.currency),
        ),
        (800, height), paint,
    )  # fmt: skip
