"""The native things a finding is about: its evidence, or what its workload runs."""

from watermaster.flows.estate import known_estate
from watermaster.flows.heard import with_heard
from watermaster.flows.open import Project
from watermaster.flows.scope import estate_month
from watermaster.flows.things import things_seen
from watermaster.ledger.head import read_head
from watermaster.model.estate import live_estate
from watermaster.model.findings import Finding
from watermaster.model.things import Seen, Thing


def seen_now(project: Project) -> Seen:
    """The newest month, with what watches told since."""
    head = read_head(project.ledger.records)
    month, _ = estate_month(project, head, None)
    estate = live_estate(known_estate(project))
    return with_heard(project, things_seen(project, head, month, estate), estate)


def things_of(finding: Finding, seen: Seen) -> list[Thing]:
    """Those its evidence names; of a workload all that its source still shows."""
    named = {
        (row.get("platform"), row.get("kind"), row.get("value"))
        for row in finding.evidence
        if row.get("table") == "subjects"
    }
    works = works_of(finding)
    newest = {name: until.date() for name, until in seen.told_until.items()}
    today = seen.now.date()
    return [
        one
        for one in seen.things
        if (one.platform, one.kind, one.uid) in named
        or (one.workload in works and one.last_seen.date() >= newest.get(one.source, today))
    ]


def places_of(finding: Finding, seen: Seen) -> set[str]:
    """All that a finding is about: its things, its workloads, and what it names."""
    things = {one.place for one in things_of(finding, seen)}
    return things | {f"workload/{name}" for name in works_of(finding)} | {finding.subject}


def works_of(finding: Finding) -> set[str]:
    """The workloads a finding names: `workload/a+b` names two, `workload/a+dataset/d` one."""
    first, *more = finding.subject.split("+")
    named = first.removeprefix("workload/")
    return {named, *(name for name in more if "/" not in name)} if named != first else set()
