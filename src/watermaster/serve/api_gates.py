"""REST of gates: what they ask, say and said; evidence and waivers."""

import datetime as dt
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel
from starlette.responses import Response

from watermaster.flows.evidence import give_evidence, list_evidence
from watermaster.flows.gate_asked import ask_gates, list_gates, list_rulings, show_ruling
from watermaster.flows.waivers import ask_waiver, end_waiver, grant_waiver, list_waivers
from watermaster.model.evidence import Evidence
from watermaster.model.gates import Ruling, Waiver
from watermaster.serve.api import answer
from watermaster.serve.api_findings import CHANGES
from watermaster.serve.state import Shared

router = APIRouter(prefix="/api/v1", tags=["gates"])
Model = Annotated[str | None, Query(description="only of this registered model")]


class Shown(BaseModel):
    """Evidence as it is given."""

    kind: str
    model: str
    version: int
    told: dict[str, Any]


class WaiverAsked(BaseModel):
    """A waiver as it is asked for."""

    requirement: str
    model: str
    version: int | None = None
    why: str
    ends_at: dt.datetime


class Ended(BaseModel):
    """Why a waiver ends."""

    why: str


@router.get("/gates")
def get_gates(state: Shared) -> Response:
    """The gates there are: `wm gate list`."""
    return answer(list_gates(state.project))


@router.get("/gates/asked", response_model=Ruling | None)
def get_asked(
    state: Shared,
    model: str,
    version: int,
    to: Annotated[str, Query(description="alias/NAME or stage/NAME")] = "alias/prod",
) -> Response:
    """What they would say now; null where none guards it: `wm gate explain`."""
    return answer(ask_gates(state.project, model, version, to))


@router.get("/rulings", response_model=list[Ruling])
def get_rulings(state: Shared, model: Model = None) -> Response:
    """What they said, the newest first: `wm gate rulings`."""
    return answer(list_rulings(state.project, model))


@router.get("/rulings/{id_}", response_model=Ruling)
def get_ruling(state: Shared, id_: str) -> Response:
    """One ruling: `wm gate explain RULING`."""
    return answer(show_ruling(state.project, id_))


@router.get("/evidence", response_model=list[Evidence])
def get_evidence(state: Shared, model: str, version: int | None = None) -> Response:
    """What was shown of a model, or of a version of it: `wm evidence list`."""
    return answer(list_evidence(state.project, model, version))


@router.post("/evidence", response_model=Evidence, dependencies=CHANGES)
def post_evidence(state: Shared, shown: Shown) -> Response:
    """Say what was shown of a version: `wm evidence add`."""
    given = give_evidence(state.project, shown.kind, shown.model, shown.version, shown.told)
    return answer(given)


@router.get("/waivers", response_model=list[Waiver])
def get_waivers(state: Shared, model: Model = None) -> Response:
    """All waivers, the newest first: `wm waiver list`."""
    return answer(list_waivers(state.project, model))


@router.post("/waivers", response_model=Waiver, dependencies=CHANGES)
def post_waiver(state: Shared, asked: WaiverAsked) -> Response:
    """Ask for one: `wm waiver ask`."""
    end = asked.ends_at if asked.ends_at.tzinfo else asked.ends_at.replace(tzinfo=dt.UTC)
    version = asked.model, asked.version
    return answer(ask_waiver(state.project, asked.requirement, version, asked.why, end))


@router.post("/waivers/{id_}/grant", response_model=Waiver, dependencies=CHANGES)
def post_grant(state: Shared, id_: str) -> Response:
    """Let one hold: `wm waiver grant`."""
    return answer(grant_waiver(state.project, id_))


@router.post("/waivers/{id_}/end", response_model=Waiver, dependencies=CHANGES)
def post_end(state: Shared, id_: str, ended: Ended) -> Response:
    """Take one back: `wm waiver end`."""
    return answer(end_waiver(state.project, id_, ended.why))
