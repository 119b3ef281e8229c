"""REST: the records of flows as JSON; decimals are text, so that no digit is lost."""

import json
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response

from watermaster.decide.cost.by import Cost
from watermaster.flows.capacity_free import capacity_free
from watermaster.flows.charges import charges
from watermaster.flows.cost import CostQuestion, costs, why
from watermaster.flows.cost_moved import cost_flow, cost_moved
from watermaster.flows.experiments import experiments, show_experiment
from watermaster.flows.savings import savings
from watermaster.flows.scope import Asked
from watermaster.flows.source_ages import source_states
from watermaster.flows.tag_coverage import coverage
from watermaster.flows.tag_fix import propose_fixes
from watermaster.model.capacity import FreeReport
from watermaster.model.errors import UsageError
from watermaster.model.inventory import Entity, Inventory
from watermaster.model.outcomes import ExperimentsReport, Judgement
from watermaster.model.overview import (
    ChargesReport,
    FlowReport,
    MovedReport,
    Overview,
    SourceState,
)
from watermaster.model.plain import plain
from watermaster.model.reports import CostReport, CoverageReport
from watermaster.model.savings import SavingsReport
from watermaster.model.tag_fixes import FixReport
from watermaster.model.why import Why
from watermaster.serve.capacity import At, free_asked
from watermaster.serve.questions import EVERY, TheCharges
from watermaster.serve.state import Shared

router = APIRouter(prefix="/api/v1")

Month = Annotated[str | None, Query(description="billing month YYYY-MM; none: the newest")]
Unit = Annotated[str | None, Query(description="business unit; none: all")]
Currency = Annotated[str | None, Query(description="currency; none: the organisation's")]
Which = Annotated[Cost, Query(description="which of the four costs")]


@router.get("/overview", response_model=Overview, tags=["cost"])
def get_overview(
    state: Shared, month: Month = None, unit: Unit = None, currency: Currency = None
) -> Response:
    """A month at a glance: what the page Overview shows."""
    return answer(state.overview(Asked(month=month, unit=unit, currency=currency)))


@router.get("/cost/by", response_model=CostReport, tags=["cost"])
def get_cost_by(
    state: Shared,
    by: Annotated[str, Query(description="dimensions, comma separated, e.g. service,month")] = "",
    month: Annotated[list[str] | None, Query(description="billing months; none: all")] = None,
    cost: Which = Cost.EFFECTIVE,
    filter: Annotated[list[str] | None, Query(description="KEY=VALUE; - asks for none")] = None,
) -> Response:
    """Costs by any dimensions, the largest first: `wm cost by`."""
    wanted: dict[str, list[str]] = {}
    for text in filter or []:
        key, sign, value = text.partition("=")
        if not sign:
            raise UsageError("filter", f"{text!r} has no =", "write KEY=VALUE")
        wanted.setdefault(key, []).append(value)
    names = tuple(name.strip() for name in by.split(",") if name.strip())
    question = CostQuestion(by=names, cost=cost, months=tuple(month or ()), wanted=wanted)
    return answer(state.run(costs, question))


@router.get("/cost/moved", response_model=MovedReport, tags=["cost"])
def get_cost_moved(
    state: Shared,
    month: Month = None,
    unit: Unit = None,
    currency: Currency = None,
    cost: Which = Cost.EFFECTIVE,
) -> Response:
    """What moved since the month before: `wm cost moved`."""
    return answer(state.run(cost_moved, Asked(month=month, unit=unit, currency=currency), cost))


@router.get("/cost/flow", response_model=FlowReport, tags=["cost"])
def get_cost_flow(
    state: Shared,
    month: Month = None,
    unit: Unit = None,
    currency: Currency = None,
    cost: Which = Cost.EFFECTIVE,
) -> Response:
    """Cost from provider through platform and unit to what it went into: `wm cost flow`."""
    asked = Asked(
        month=None if month == EVERY else month,
        every_month=month == EVERY,
        unit=unit,
        currency=currency,
    )
    return answer(state.run(cost_flow, asked, cost))


@router.get("/charges", response_model=ChargesReport, tags=["charges"])
def get_charges(state: Shared, question: TheCharges) -> Response:
    """One page of parts of charges, or of groups of them; parameters as on the page Costs."""
    return answer(state.run(charges, question))


@router.get("/charges/{charge_file}/{charge_row}", response_model=Why, tags=["charges"])
def get_charge(state: Shared, charge_file: str, charge_row: int) -> Response:
    """A charge walked back to its bill row, and every part with its rule: `wm cost why`."""
    return answer(state.run(why, charge_file, charge_row))


@router.get("/estate", response_model=Inventory, tags=["estate"])
def get_estate(state: Shared, month: Month = None) -> Response:
    """Workloads declared and seen, and what does not fit: `wm estate show`."""
    return answer(state.inventory(month))


@router.get("/estate/workload/{name}", response_model=Entity, tags=["estate"])
def get_workload(state: Shared, name: str, month: Month = None) -> Response:
    """One workload: passport, cost, what runs of it, data, findings."""
    return answer(state.entity(name, month))


@router.get("/experiments", response_model=ExperimentsReport, tags=["estate"])
def get_experiments(state: Shared) -> Response:
    """Every experiment with its verdict and figures: `wm experiment list`."""
    return answer(state.run(experiments))


@router.get("/experiments/{name}", response_model=Judgement, tags=["estate"])
def get_experiment(state: Shared, name: str) -> Response:
    """One experiment: `wm experiment show`."""
    return answer(state.run(show_experiment, name))


@router.get("/savings", response_model=SavingsReport, tags=["estate"])
def get_savings(
    state: Shared,
    rule: Annotated[list[str] | None, Query(description="only of these rules")] = None,
    team: Annotated[list[str] | None, Query(description="only of these teams")] = None,
) -> Response:
    """What mended findings really saved, beside what was expected: `wm savings show`."""
    return answer(state.run(savings, rule or (), team or ()))


@router.get("/tags/coverage", response_model=CoverageReport, tags=["tags"])
def get_tag_coverage(
    state: Shared,
    by: Annotated[str, Query(description="dimensions, comma separated")] = "unit,month",
    month: Annotated[list[str] | None, Query(description="billing months; none: all")] = None,
    cost: Which = Cost.EFFECTIVE,
) -> Response:
    """How much cost carries each required tag, delivered and as meant: `wm tag coverage`."""
    names = tuple(name.strip() for name in by.split(",") if name.strip())
    return answer(state.run(coverage, CostQuestion(by=names, cost=cost, months=month or ())))


@router.get("/tags/fix", response_model=FixReport, tags=["tags"])
def get_tag_fix(
    state: Shared,
    month: Annotated[list[str] | None, Query(description="billing months; none: all")] = None,
    key: Annotated[list[str] | None, Query(description="only these tag keys")] = None,
) -> Response:
    """What wrong tag keys and values should be; nothing is changed: `wm tag fix`."""
    return answer(state.run(propose_fixes, month or (), key or ()))


@router.get("/capacity/free", response_model=FreeReport, tags=["capacity"])
def get_capacity_free(
    state: Shared,
    by: Annotated[str, Query(description="pool, team (who lends it), or both")] = "pool,team",
    at: At = None,
) -> Response:
    """What could start now or when, who lends it, time to GPU: `wm capacity free`."""
    return answer(state.run(capacity_free, free_asked(by, at)))


@router.get("/sources", response_model=list[SourceState], tags=["ledger"])
def get_sources(state: Shared) -> Response:
    """What is held of each source, and how old it is."""
    return answer(state.run(source_states))


@router.get("/status", tags=["ledger"])
def get_status(state: Shared) -> dict[str, int]:
    """The ledger's revision."""
    return {"revision": state.revision}


def answer(record: Any) -> Response:
    """A record as JSON."""
    text = json.dumps(plain(record), ensure_ascii=False)
    return Response(text, media_type="application/json", headers={"cache-control": "no-cache"})
