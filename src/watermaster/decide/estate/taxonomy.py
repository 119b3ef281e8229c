"""Where what work was declared to be is not what it behaves like."""

from collections import defaultdict
from collections.abc import Iterator

from watermaster.decide.cost.activity import OF_PURPOSE
from watermaster.decide.estate.finding import evidence_of, found
from watermaster.decide.estate.purpose import disagrees, infer
from watermaster.model.estate import Estate
from watermaster.model.findings import Finding
from watermaster.model.things import Seen, Thing


def purposes_that_disagree(seen: Seen, estate: Estate) -> Iterator[Finding]:
    """A Workload that behaves like another activity than its purpose, or has another profile.

    A gap in a source looks like a pause: workloads of a silent source are left out.
    """
    uses = {one.workload: one for one in seen.workloads}
    things: defaultdict[str | None, list[Thing]] = defaultdict(list)
    for thing in seen.things:
        things[thing.workload].append(thing)
    deaf = {one.workload for one in seen.things if one.source in seen.silent}
    for version in estate.of("Workload"):
        one, spec = version.resource.metadata, version.resource.spec
        use = uses.get(one.name)
        if use is None or use.behaviour is None or one.name in deaf:
            continue
        told = infer(use.behaviour)
        held = things[one.name]
        if spec.profile and told.profile and told.profile != spec.profile:
            yield found(
                seen, "profile-disagrees", f"workload/{one.name}", use.cost,
                why=f"declared {spec.profile}, behaves {told.profile}: {told.profile_reason}",
                next_step=f"correct the profile of {one.name}, or give it accelerators that fit",
                team=one.owner, evidence=evidence_of(held),
            )  # fmt: skip
        if disagrees(told, spec.purpose):
            likely = told.purpose or told.activity
            yield found(
                seen, "purpose-disagrees", f"workload/{one.name}", use.cost,
                why=f"declared {spec.purpose} ({OF_PURPOSE[spec.purpose]}), behaves like {likely} "
                f"with {told.activity_confidence:.0%}: {told.reason}",
                next_step=f"correct the purpose of {one.name}, or say why it runs like that",
                team=one.owner, evidence=evidence_of(held),
            )  # fmt: skip
