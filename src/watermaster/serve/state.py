"""What requests share: the project, one at a time at its engine, and what was found before."""

import dataclasses
import functools
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Annotated, Any, Final

from fastapi import Depends, Request

from watermaster.flows.around import Around, around
from watermaster.flows.cost_moved import cost_flow
from watermaster.flows.entities import list_entities, passport
from watermaster.flows.glass import broken_glass, in_words
from watermaster.flows.heard import heard_now
from watermaster.flows.inventory import Looked, entity, inventory, look
from watermaster.flows.native_things import (
    Things,
    ThingsAsked,
    all_things,
    list_things,
    told_of_thing,
)
from watermaster.flows.open import Project
from watermaster.flows.overview import overview
from watermaster.flows.receive import Receiver
from watermaster.flows.scope import Asked, Scoped, revision_now, scoped
from watermaster.flows.source_ages import source_ages
from watermaster.model.entities import EntityList, Noun, Passport, ThingList, ThingTold
from watermaster.model.errors import NotAllowedError
from watermaster.model.identity import onlooker
from watermaster.model.inventory import Entity, Inventory
from watermaster.model.overview import FlowReport, Overview, SourceAge
from watermaster.model.things import Seen
from watermaster.serve.asking import ASKED, Asking

KEPT: Final = 32
LOOKED: Final = 3  # months of the estate, each with all its things
Teams = frozenset[str] | None


class State(Asking):
    """Flows run in one thread, because what the engine keeps between requests is that thread's.

    What a flow found is kept by revision, so that nothing shown is ever stale, and by the teams
    whose costs who asks may see, so that nobody is shown what was found for somebody else. A
    request has a State of its own, made by `asked_by`: flows run as who sent it.
    """

    def __init__(self, project: Project) -> None:
        super().__init__(project)
        self._worker = ThreadPoolExecutor(1, "flows")
        self._fixer = ThreadPoolExecutor(1, "fixes")

        def of(teams: Teams) -> Project:
            subject = project.subject if teams is None else onlooker(teams)
            return dataclasses.replace(project, subject=subject)

        cache, few = functools.lru_cache(KEPT), functools.lru_cache(LOOKED)
        self._scoped = cache(lambda teams, _revision, asked: scoped(of(teams), asked))
        self._overview = cache(lambda teams, _revision, _hour, asked: overview(of(teams), asked))
        self._flow = cache(lambda teams, _revision, asked: cost_flow(of(teams), asked))
        self._ages = cache(lambda *_key: source_ages(project))
        self._looked = few(lambda teams, _revision, _hour, month: look(of(teams), month))
        self._around = few(lambda teams, looked, _heard: around(of(teams), looked))
        self._known = few(_known)
        self._things = few(all_things)
        self._entities = functools.lru_cache(LOOKED * len(Noun))(
            lambda teams, noun, near: list_entities(of(teams), noun, held=near)
        )
        self._inventory = few(lambda teams, looked, _heard: inventory(of(teams), looked=looked))
        self._receiver = functools.cache(lambda: Receiver(project))

    @property
    def _teams(self) -> "Teams":
        return self.project.asker.teams

    @property
    def receiver(self) -> Receiver:
        """What takes OTLP requests; it begins with the first of them."""
        return self._receiver()

    def run(self, flow: Callable[..., Any], *arguments: Any) -> Any:
        """A flow with the engine to itself."""
        return self._worker.submit(flow, self.project, *arguments).result()

    def begin(self, flow: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """A flow that waits for a platform, apart from those that answer; it needs no engine."""
        return self._fixer.submit(flow, self.project, *arguments)

    def seen(self) -> Seen:
        """The things of the newest month, as rules look at them."""
        return self._look(None).seen

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
        return self._worker.submit(self._scoped, self._teams, self.revision, asked).result()

    def flow(self, asked: Asked) -> FlowReport:
        """Where the money of a scope flows."""
        return self._worker.submit(self._flow, self._teams, self.revision, asked).result()

    def overview(self, asked: Asked) -> Overview:
        """The first page's record."""
        return self._worker.submit(
            self._overview, self._teams, self.revision, self.hour, asked
        ).result()

    def inventory(self, month: str | None) -> Inventory:
        """The estate of a month, and what watches told since."""
        looked = self._look(month)
        return self._worker.submit(self._inventory, self._teams, looked, self._heard()).result()

    def entity(self, name: str, month: str | None) -> Entity:
        """One workload in a month, and what watches told since."""
        return self._worker.submit(entity, self.project, name, self._look(month)).result()

    def entities(self, noun: Noun, month: str | None) -> EntityList:
        """All declared things of a kind in a month."""
        return self._worker.submit(self._entities, self._teams, noun, self._near(month)).result()

    def passport(self, noun: Noun, name: str, month: str | None) -> Passport:
        """One declared thing whole."""
        return self._worker.submit(passport, self.project, noun, name, self._near(month)).result()

    def things(self, asked: ThingsAsked, month: str | None) -> ThingList:
        """The native things of a month that fit."""
        return self._worker.submit(
            list_things, self.project, asked, None, self._every(month)
        ).result()

    def thing(self, place: str, month: str | None) -> ThingTold:
        """One native thing whole."""
        return self._worker.submit(
            told_of_thing, self.project, place, None, self._every(month)
        ).result()

    def broken(self) -> list[str]:
        """What everybody must know: roles that somebody took in an emergency and still holds."""
        return [in_words(one) for one in broken_glass(self.project)] if self.asker else []

    def scope_months(self) -> list[str]:
        """The billing months there are, the newest first."""
        return self.scope(Asked()).scope.months

    def known(self, month: str | None) -> frozenset[str]:
        """What has a page of its own: kind/name as declared, findings, places of things."""
        return self._worker.submit(self._known, self._look(month)).result()

    def ages(self) -> list[SourceAge]:
        """How old each source is, at most a minute ago."""
        minute = f"{self.project.ledger.clock():%Y-%m-%dT%H:%M}"
        return self._worker.submit(self._ages, self.revision, minute, self._heard()).result()

    def _look(self, month: str | None) -> Looked:
        month = month or self.scope(Asked()).scope.month
        return self._worker.submit(
            self._looked, self._teams, self.revision, self.hour, month
        ).result()

    def _near(self, month: str | None) -> Around:
        looked = self._look(month)
        return self._worker.submit(self._around, self._teams, looked, self._heard()).result()

    def _every(self, month: str | None) -> Things:
        return self._worker.submit(self._things, self._near(month)).result()

    def _heard(self) -> str:
        return heard_now(self.project)


def the_state(request: Request) -> State:
    """The state as who asks may see it; NotAllowedError where nobody established who that is."""
    state: State | None = request.scope.get("state", {}).get(ASKED)
    if state is None:
        raise NotAllowedError(request.url.path, "nobody asked who asks", "report this as a defect")
    return state


Shared = Annotated[State, Depends(the_state)]


def _known(looked: Looked) -> frozenset[str]:
    declared = (
        f"{noun.lower()}/{version.resource.metadata.name}"
        for noun in Noun
        for version in looked.estate.of(noun)
    )
    kept = (f"finding/{one.id}" for one in looked.found if looked.is_kept)
    return frozenset((*declared, *kept, *(one.place for one in looked.seen.things)))
