"""Templates to answers: what every page shows besides its own record."""

import datetime as dt
import hashlib
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from fastapi import Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response

from watermaster.model.overview import SourceState
from watermaster.serve import assets
from watermaster.serve.questions import place
from watermaster.serve.state import the_state
from watermaster.serve.subjects import linked
from watermaster.units import money, text

PAGES: Final = (
    ("/", "Overview"), ("/costs", "Costs"), ("/estate", "Estate"), ("/models", "Registry"),
    ("/findings", "Findings"),
    ("/review", "Review"),
    ("/capacity", "Free"), ("/tags", "Tags"),
)  # fmt: skip
ICONS: Final = {  # 16 x 16, one stroke
    "Overview": "M3 3h5v5H3zM10 3h3v5h-3zM3 10h5v3H3zM10 10h3v3h-3z",
    "Estate": "M2.5 13.5h11M4 13.5v-7l4-3 4 3v7M6.5 13.5v-4h3v4",
    "Registry": "M8 2l5 2v4c0 3-2 5-5 6-3-1-5-3-5-6V4zM5.500 8l2 2 3-4",
    "Findings": "M8 2.5l6 10.500H2zM8 6.500v3M8 11.200h.01",
    "Review": "M4 2.5h8v11H4zM6 5.500h4M6 8h4M6 10.500h2",
    "Free": "M3 3h10v10H3zM6 1v2M10 1v2M6 13v2M10 13v2M1 6h2M1 10h2M13 6h2M13 10h2M6.5 8h3",
    "Tags": "M2.5 2.5h5l6 6-5 5-6-6zM5 5h.01",
    "Costs": "M3 12l3-4 3 2 4-6M3 3v10h10",
}
STALE_S: Final = 3 * 86_400  # a source this old is told beside the figures


def _iso_day(day: str | None) -> str:
    return text.day_name(dt.date.fromisoformat(day)) if day else money.MISSING


def _ratio(value: float | None) -> Decimal | None:
    return None if value is None else Decimal(str(value))


def _sentence(words: str) -> str:
    """With a capital; a command stays as it is typed."""
    return words if words.startswith("wm ") else words[:1].upper() + words[1:]


def rule_name(rule: str) -> str:
    """A rule as people read it.

    >>> rule_name("inactive-gpu"), rule_name("unowned-resource")
    ('Inactive GPU', 'Unowned resource')
    """
    words = rule.replace("-", " ")
    return (words[:1].upper() + words[1:]).replace("gpu", "GPU")


def _exact(value: object) -> object:
    """A decimal with all its digits, and no zeros after the last."""
    if not isinstance(value, Decimal):
        return value
    digits = f"{value:f}"
    return digits.rstrip("0").rstrip(".") if "." in digits else digits


def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "linked": linked,
        "money": money.compact, "cents": money.cents, "signed": money.signed,
        "grouped": money.grouped, "share": text.share, "change": text.change,
        "age": text.age, "wait": text.wait,
        "month": text.month_name, "short_month": text.short_month,
        "moment": text.moment, "ratio": _ratio,
        "iso_day": _iso_day, "day": text.day_name, "sentence": _sentence, "exact": _exact,
        "rule": rule_name,
    }  # fmt: skip
    made.globals |= {
        "asset": assets.address,
        "missing": money.MISSING,
        "nav": PAGES,
        "icons": ICONS,
    }
    return made


ENVIRONMENT: Final = _environment()


def page(
    request: Request, template: str, context: Mapping[str, Any], status: int = 200
) -> Response:
    """A page, or nothing new where the reader has it already."""
    state, where = the_state(request), place(request)
    html = ENVIRONMENT.get_template(template).render(
        place=where,
        path=request.url.path,
        request_query=request.url.query,
        organisation=state.project.config.organisation if state.asker else "Watermaster",
        broken=state.broken(),
        **{"asker": state.asker}
        | {"ages": [] if context.get("error") or not state.asker else state.ages()}
        | {"scope": None, "command": None, "above": None, "refresh": None}
        | {"missing_age": STALE_S}
        | dict(context),
    )
    tag = f'W/"{hashlib.sha256(html.encode()).hexdigest()[:16]}"'
    headers = {"etag": tag, "cache-control": "private, no-cache", "vary": "hx-request, hx-target"}
    if status == 200 and request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return HTMLResponse(html, status, headers)


def is_fragment(request: Request) -> bool:
    """Whether htmx asks for the table alone; Back asks for the full page again."""
    target = request.headers.get("hx-target", "")
    return "hx-request" in request.headers and target.endswith("rows")


def oldest(sources: list[SourceState]) -> SourceState | None:
    """The source whose data is the oldest."""
    return max(sources, key=lambda source: source.age_s, default=None)
