"""What a month shows around declared things, brought together once and looked up after."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from watermaster.flows.heard import with_heard
from watermaster.flows.inventory import Looked, names_of
from watermaster.flows.open import Project
from watermaster.model.entities import Noun
from watermaster.model.estate import Estate
from watermaster.model.findings import Finding
from watermaster.model.places import lies_in
from watermaster.model.resources import Resource
from watermaster.model.things import Seen, Thing

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)  # known by being the same, not by comparing
class Around:
    """Things, workloads and findings by what they belong to."""

    looked: Looked
    seen: Seen  # with what watches told since
    workloads: Mapping[str, Resource]
    units: Mapping[str, str]
    users: Mapping[tuple[Noun, str], Sequence[str]]  # workloads that declare a model or dataset
    by_work: Mapping[str, Sequence[Thing]]
    by_platform: Mapping[str, Sequence[Thing]]
    by_model: Mapping[str, Sequence[Thing]]
    by_data: Mapping[str, Sequence[Thing]]
    about: Mapping[str, Sequence[Finding]]  # by workload, and by subject

    def things(self, noun: Noun, resource: Resource) -> list[Thing]:
        """What was seen of it, each thing once."""
        name = resource.metadata.name
        if noun is Noun.WORKLOAD:
            return list(self.by_work.get(name, ()))
        if noun is Noun.DATASET:
            return list(self.by_data.get(name, ()))
        by_name = self.by_platform if noun is Noun.PLATFORM else self.by_model
        names = sorted({name, *resource.spec.seen_as})
        found = [one for held in names for one in by_name.get(held, ())]
        if noun is Noun.MODEL:
            works = self.users.get((noun, name), ())
            found += [one for work in works for one in self.by_work.get(work, ())]
            return list({one.place: one for one in found}.values())
        return found

    def works(self, noun: Noun, name: str, things: Iterable[Thing]) -> list[str]:
        """The workloads that name it, or were seen on it or at it."""
        if noun is Noun.WORKLOAD:
            return [name]
        seen = {one.workload for one in things if one.workload}
        return sorted({*self.users.get((noun, name), ()), *seen} & self.workloads.keys())

    def findings(self, noun: Noun, name: str, works: Iterable[str]) -> list[Finding]:
        """Those about it; of a model or dataset also those about the workloads that use it."""
        names = [f"{noun.lower()}/{name}"]
        if noun is not Noun.PLATFORM:
            names += works
        return list({one.id: one for held in names for one in self.about.get(held, ())}.values())


def around(project: Project, looked: Looked) -> Around:
    """The indexes of a month, with what watches told since."""
    seen = with_heard(project, looked.seen, looked.estate)
    workloads = {v.resource.metadata.name: v.resource for v in looked.estate.of("Workload")}
    of_place = {one.place: one.workload for one in seen.things if one.workload}
    told = [
        (name, one)
        for one in looked.found
        for name in names_of(one, of_place) | set(one.subject.split("+"))
    ]
    return Around(
        looked=looked,
        seen=seen,
        workloads=workloads,
        units={v.resource.metadata.name: v.resource.spec.unit for v in looked.estate.of("Team")},
        users=_grouped(_declared_use(workloads)),
        by_work=_grouped((one.workload, one) for one in seen.things),
        by_platform=_grouped((one.platform, one) for one in seen.things),
        by_model=_grouped((one.model, one) for one in seen.things),
        by_data=_grouped(_data(seen, looked.estate)),
        about=_grouped(told),
    )


def _grouped(pairs: Iterable[tuple[object, T]]) -> dict[Any, list[T]]:
    found: dict[Any, list[T]] = {}
    for key, value in pairs:
        if key:
            found.setdefault(key, []).append(value)
    return found


def _declared_use(workloads: Mapping[str, Resource]) -> Iterable[tuple[tuple[Noun, str], str]]:
    for work, declared in workloads.items():
        if declared.spec.model:
            yield (Noun.MODEL, declared.spec.model), work
        for name in dict.fromkeys(declared.spec.datasets):
            yield (Noun.DATASET, name), work


def _data(seen: Seen, estate: Estate) -> Iterable[tuple[str, Thing]]:
    """Each declared dataset with the things that lie in a location of it, or use one."""
    places = {
        place.rstrip("/"): v.resource.metadata.name
        for v in estate.of("Dataset")
        for place in v.resource.spec.locations
    }
    if not places:
        return
    for one in seen.things:
        for name in sorted({held for text in (*one.uses, one.uid, one.resource_id)
                            if text and (held := lies_in(text, places))}):  # fmt: skip
            yield name, one
