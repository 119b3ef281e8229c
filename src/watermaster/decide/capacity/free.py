"""What is free: accelerators supplied, schedulable and not reserved, in whole ones.

Per node and hour: supplied = schedulable GPU-seconds, the least that any source told; reserved =
the most that any source told; free = max(0, supplied - reserved). Seconds become accelerators per
node, rounded down: half a GPU here and half a GPU there start nothing. An hour counts once it is
over. Silence is never free: without the hour of every source there is a gap and no figure.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from watermaster.model.capacity import Free
from watermaster.model.tables import Table, ibis

RULE: Final = "free/1"
HOUR_S: Final = 3600
SLACK_S: Final = 180  # a sample or two missed in an hour doesn't hide a whole GPU
LATE_S: Final = 3 * HOUR_S  # a newest hour that ended longer ago says nothing about now
BY: Final = ("pool", "team")
NODE: Final = ("platform", "node")


def free_by_hour(supply: Table, use: Table, places: Table, until: Table) -> Table:
    """Accelerators of each pool and hour.

    supply, use: gpu_supply and gpu_hours of model/shapes.py; places: platform, node, pool (null:
    in none), is_held (0 or 1: a reservation holds it); until: source, until_s, the end of what
    it told.
    returns: platform, pool, hour, supplied, free, held, on_one_node (accelerators), model.
    """
    given = _told(supply, until).group_by(*NODE, "hour", "source").agg(
        supplied_s=ibis.coalesce(supply.schedulable_s.sum(), 0), model=supply.model.max()
    )  # fmt: skip
    given = given.group_by(*NODE, "hour").agg(
        supplied_s=given.supplied_s.min(), model=given.model.max()
    )
    taken = use.group_by(*NODE, "hour", "source").agg(reserved_s=use.reserved_s.sum())
    taken = taken.group_by(*NODE, "hour").agg(reserved_s=taken.reserved_s.max())
    keys = (*NODE, "hour")
    both = given.left_join(taken, keys).select(*given.columns, "reserved_s")
    spare_s = both.supplied_s - ibis.coalesce(both.reserved_s, 0)
    both = both.mutate(
        supplied=_whole(both.supplied_s), spare=_whole(ibis.greatest(spare_s, 0))
    ).inner_join(places, NODE)  # fmt: skip
    both = both.mutate(
        free=(both.is_held == 1).ifelse(0, both.spare),
        held=(both.is_held == 1).ifelse(both.spare, 0),
    )
    return both.group_by("platform", "pool", "hour").agg(
        supplied=both.supplied.sum(), free=both.free.sum(), held=both.held.sum(),
        on_one_node=both.free.max(), model=both.model.max(),
    )  # fmt: skip


def waits(runs: Table, owners: Table, by: Sequence[str]) -> Table:
    """Time to GPU by pool and team.

    runs: of model/shapes.py; owners: platform, subject_uid, team, pool.
    returns: the asked columns, n, p50_s, p95_s, waiting. A requeued job counts once.
    """
    asked = runs.filter((runs.gpus > 0) & runs.submitted_at.notnull())
    jobs = asked.group_by("platform", "subject_uid").agg(
        submitted_s=asked.submitted_at.min().epoch_seconds(),
        started_s=asked.started_at.min().epoch_seconds(),
        is_over=asked.ended_at.notnull().ifelse(1, 0).max(),
    )
    jobs = jobs.left_join(owners, ("platform", "subject_uid")).select(*jobs.columns, *BY)
    wait_s = jobs.started_s - jobs.submitted_s  # null where it did not start: never a wait of 0
    jobs = jobs.mutate(wait_s=(wait_s < 0).ifelse(0, wait_s).cast("float64"))
    waiting = jobs.started_s.isnull() & (jobs.is_over == 0)
    figures = {
        "n": jobs.started_s.count(),
        "p50_s": jobs.wait_s.quantile(0.5),
        "p95_s": jobs.wait_s.quantile(0.95),
        "waiting": waiting.ifelse(1, 0).sum(),
    }
    return jobs.group_by(list(by)).agg(**figures) if by else jobs.agg(**figures)


def gap_of(
    sources: Iterable[str],
    told: Mapping[str, dt.datetime],
    silent: Mapping[str, str],
    at: dt.datetime,
) -> str | None:
    """Why nothing follows for a pool about now: the first of its sources that is silent or late.

    told: source to the end of its newest hour; silent: source to what is known of its gap.
    """
    for source in sorted(sources):
        if source in silent:
            return silent[source]
        until = told.get(source)
        if until is None:
            return f"{source} told nothing in the last days"
        if (at - until).total_seconds() > LATE_S:
            return f"no data from {source} since {until:%Y-%m-%d %H:%M} UTC"
    return None


def joined(rows: Iterable[Free], by: Sequence[str]) -> list[Free]:
    """Rows of one pool each as rows of what was asked: a lender's pools of one accelerator.

    A pool with a gap adds nothing to the sum, and its gap is told beside it.
    """
    if "pool" in by:
        return sorted(rows, key=_freest)
    groups: dict[tuple[str | None, ...], list[Free]] = {}
    for one in rows:
        key = (one.team if "team" in by else None, one.accelerator)
        groups.setdefault(key, []).append(one)
    return sorted((_sum(held, team) for (team, _), held in groups.items()), key=_freest)


def _sum(held: Sequence[Free], team: str | None) -> Free:
    known = [one for one in held if one.free is not None]
    gaps = sorted({one.gap for one in held if one.gap})
    platforms = {one.platform for one in held}
    endings = sorted((end for one in known for end in one.endings), key=lambda end: end.at)
    return Free(
        pool=None, team=team, accelerator=held[0].accelerator,
        platform=held[0].platform if len(platforms) == 1 else None,
        as_of=min((one.as_of for one in known if one.as_of), default=None),
        supplied=sum(one.supplied or 0 for one in known) if known else None,
        reserved=sum(one.reserved or 0 for one in known) if known else None,
        free=sum(one.free or 0 for one in known) if known else None,
        held=sum(one.held for one in known),
        on_one_node=max((one.on_one_node or 0 for one in known), default=None),
        gap="; ".join(gaps) or None, endings=endings,
    )  # fmt: skip


def _freest(one: Free) -> tuple[int, str, str, str]:
    free = -1 if one.free is None else one.free
    return -free, one.pool or "~", one.team or "~", one.platform or ""


def _told(supply: Table, until: Table) -> Table:
    """Rows of hours that were over when their source told them."""
    known = supply.inner_join(until, "source")
    known = known.filter(known.hour.epoch_seconds() + HOUR_S <= known.until_s)
    return known.select(*supply.columns)


def _whole(seconds: ibis.Value) -> ibis.Value:
    return ((seconds + SLACK_S) // HOUR_S).cast("int64")
