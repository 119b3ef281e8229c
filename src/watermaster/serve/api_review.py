"""REST of reviews, of alerts, and of why cost moved."""

from fastapi import APIRouter
from starlette.responses import Response

from watermaster.decide.cost.by import Cost
from watermaster.flows.alerts import list_alerts
from watermaster.flows.cost_explained import cost_explained
from watermaster.flows.review import close_review, list_reviews, open_review, show_review
from watermaster.flows.scope import Asked
from watermaster.model.channels import AlertState
from watermaster.model.moved import Explained
from watermaster.model.review import Review
from watermaster.serve.api import Currency, Month, Unit, Which, answer
from watermaster.serve.api_findings import CHANGES
from watermaster.serve.state import Shared

router = APIRouter(prefix="/api/v1")


@router.get("/cost/explained", response_model=Explained, tags=["cost"])
def get_cost_explained(
    state: Shared, month: Month = None, unit: Unit = None, currency: Currency = None,
    cost: Which = Cost.EFFECTIVE,
) -> Response:  # fmt: skip
    """Why cost moved since the month before: `wm cost moved --why`."""
    asked = Asked(month=month, unit=unit, currency=currency)
    return answer(state.run(cost_explained, asked, cost))


@router.get("/alerts", response_model=list[AlertState], tags=["review"])
def get_alerts(state: Shared) -> Response:
    """Alerts that hold, the dearest first: `wm alert list`."""
    return answer(state.run(list_alerts))


@router.get("/reviews", response_model=list[Review], tags=["review"])
def get_reviews(state: Shared) -> Response:
    """All reviews, the newest month first: `wm review list`."""
    return answer(state.run(list_reviews))


@router.get("/reviews/{month}", response_model=Review, tags=["review"])
def get_review(state: Shared, month: str) -> Response:
    """One review: `wm review show`. Its decisions are taken at /findings/ID/decisions."""
    return answer(state.run(show_review, month))


@router.post("/reviews/{month}", response_model=Review, tags=["review"], dependencies=CHANGES)
def post_review(state: Shared, month: str) -> Response:
    """Open the review of a month: `wm review open`."""
    return answer(state.run(open_review, month))


@router.post("/reviews/{month}/close", response_model=Review, tags=["review"], dependencies=CHANGES)
def post_close(state: Shared, month: str) -> Response:
    """End it with the answers given: `wm review close`."""
    return answer(state.run(close_review, month))
