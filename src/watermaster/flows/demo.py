"""A whole company in one go: apply its estate, take in its bills and telemetry, allocate."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from watermaster.decide.cost.headlines import Headline, headlines
from watermaster.flows.allocate import allocate_months
from watermaster.flows.cost import CostQuestion, costs
from watermaster.flows.declare import apply, plan
from watermaster.flows.findings import find
from watermaster.flows.ingest import IngestOptions, ingest_bills
from watermaster.flows.open import Project
from watermaster.flows.sources import named_source
from watermaster.flows.telemetry import ingest_telemetry
from watermaster.model.events import Progress
from watermaster.model.ingested import Ingested
from watermaster.model.resources import SourceType


@dataclass(frozen=True, slots=True)
class Arrival:
    """One delivery of bills, a file or a folder."""

    source: str
    location: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """What a demo ends with."""

    revision: str
    months: list[str]
    charges: int
    currency: str | None
    total: Decimal | None
    headlines: list[Headline]
    bills: list[Ingested]


def fill(
    project: Project,
    estate: Path,
    arrivals: Sequence[Arrival],
    telemetry: Sequence[tuple[str, SourceType]],
) -> Demo:
    """Bring an empty ledger to where `wm cost` and the pages have everything to show."""
    apply(project, plan(project, [str(estate)]))
    steps = len(arrivals) + len(telemetry) + 1
    bills = []
    for number, one in enumerate(arrivals):
        project.tell(Progress(number, steps, "steps", f"bills of {one.source}"))
        name, spec = named_source(project, SourceType.FOCUS, one.source, one.location)
        bills.append(ingest_bills(project, name, spec, IngestOptions()))
    for number, (source, kind) in enumerate(telemetry, len(arrivals)):
        project.tell(Progress(number, steps, "steps", f"telemetry of {source}"))
        name, spec = named_source(project, kind, source, None)
        ingest_telemetry(project, name, spec, None)
    project.tell(Progress(steps - 1, steps, "steps", "allocating"))
    given = allocate_months(project)
    fits = find(project)
    found = costs(project, CostQuestion(by=("kind", "rule")))
    return Demo(
        revision=fits.snapshot,
        months=given.months,
        charges=given.charges,
        currency=found.currency,
        total=found.total,
        headlines=headlines(found.rows),
        bills=bills,
    )
