"""Which sources are silent: what they do not tell must never read as nothing there."""

import datetime as dt
from typing import Final

from watermaster.flows.estate import known_estate
from watermaster.flows.open import Project
from watermaster.ledger.pulls import pull_states
from watermaster.ledger.watched import watch_states
from watermaster.model.estate import Estate, live_estate
from watermaster.model.findings import Gap
from watermaster.units.schedule import period_s

GRACE: Final = 2  # periods of its schedule a source may be late


def source_gaps(project: Project, estate: Estate | None = None) -> list[Gap]:
    """One gap for each declared source whose newest pull failed, saw a part, or is overdue."""
    states = pull_states(project.ledger.records)
    watches = watch_states(project.ledger.records)
    now = project.ledger.clock()
    found = []
    declared = estate or live_estate(known_estate(project))
    for source in (version.resource for version in declared.of("Source")):
        name, spec = source.metadata.name, source.spec
        state = states.get(name)
        if state is None:
            continue  # files taken in by hand: their age is told, nothing was promised
        since = state.seen_until or state.last_started_at
        late = spec.schedule and now - since > dt.timedelta(
            seconds=GRACE * period_s(spec.schedule, now)
        )
        if state.fault or late:
            what = f"no data from {name} since {since:%Y-%m-%d %H:%M} UTC"
            cause = f" ({state.fault})" if state.fault else ""
            found.append(Gap(source=name, since=since, what=what + cause))
        elif (watch := watches.get(name)) and watch.fault_at and watch.fault_at > since:
            since = max(since, watch.heard_at)
            what = f"no data from {name} since {since:%Y-%m-%d %H:%M} UTC ({watch.fault})"
            found.append(Gap(source=name, since=since, what=what))
    return found
