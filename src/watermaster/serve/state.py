"""What requests share: the project, one at a time at its engine, and what was found before."""

import functools
import threading
from collections.abc import Callable
from typing import Annotated, Any, Final

from fastapi import Depends, Request

from watermaster.flows.cost_moved import cost_flow
from watermaster.flows.open import Project
from watermaster.flows.overview import overview
from watermaster.flows.scope import Asked, Scoped, revision_now, scoped
from watermaster.model.overview import FlowReport, Overview

KEPT: Final = 32


class State:
    """Flows run in threads; the engine takes one query at a time.

    What a flow found is kept by revision, so that nothing shown is ever stale.
    """

    def __init__(self, project: Project) -> None:
        self.project = project
        self._engine = threading.RLock()
        self._scoped = functools.lru_cache(KEPT)(lambda _revision, asked: scoped(project, asked))
        self._overview = functools.lru_cache(KEPT)(
            lambda _revision, _hour, asked: overview(project, asked)
        )

        self._flow = functools.lru_cache(KEPT)(lambda _revision, asked: cost_flow(project, asked))

    def run(self, flow: Callable[..., Any], *arguments: Any) -> Any:
        """A flow with the engine to itself."""
        with self._engine:
            return flow(self.project, *arguments)

    @property
    def revision(self) -> int:
        """The ledger as it is now, whoever changed it."""
        return revision_now(self.project)

    @property
    def hour(self) -> str:
        """The hour of the ledger's clock: ages on pages are no older."""
        return f"{self.project.ledger.clock():%Y-%m-%dT%H}"

    def scope(self, asked: Asked) -> Scoped:
        """The allocations of a scope."""
        with self._engine:
            return self._scoped(self.revision, asked)

    def flow(self, asked: Asked) -> FlowReport:
        """Where the money of a scope flows."""
        with self._engine:
            return self._flow(self.revision, asked)

    def overview(self, asked: Asked) -> Overview:
        """The first page's record."""
        with self._engine:
            return self._overview(self.revision, self.hour, asked)


def the_state(request: Request) -> State:
    """The state of the app that answers."""
    state: State = request.app.state.watermaster
    return state


Shared = Annotated[State, Depends(the_state)]
