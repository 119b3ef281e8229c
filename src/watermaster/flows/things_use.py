"""What native things used and what they cost in a month: sums by the engine, before rules look."""

from watermaster.model.tables import Table, ibis
from watermaster.model.things import INACTIVE_RATIO, MEASURED_RATIO

KEY = ("platform", "subject_kind", "subject_uid")
HOUR_S = 3600
ACTIVITY = ("tensor_s", "dram_s")


def use_of(hours: Table, requests: Table) -> Table:
    """GPU-seconds of each thing: reserved, measured, used, and held without being used.

    still_s: in whole hours never over 5%; still_day_s: in days never over 5% without a request.
    p95, p99, busiest: of its hourly utilisation. tensor_s, dram_s: of the GPU-seconds tensor_s_of,
    dram_s_of, for which they were measured. memory_bytes: the most that one row held.
    """
    known = hours.used_s.notnull().ifelse(hours.reserved_s, 0)
    by_hour = hours.group_by(*KEY, "day", "hour").agg(
        reserved_s=hours.reserved_s.sum(), measured_s=known.sum(), used_s=hours.used_s.sum(),
        memory_bytes=hours.memory_bytes.max(), accelerator=hours.model.max(),
        **{name: hours[name].sum() for name in ACTIVITY},
        **{f"{name}_of": hours[name].notnull().ifelse(hours.reserved_s, 0).sum()
           for name in ACTIVITY},
    )  # fmt: skip
    by_hour = by_hour.mutate(ratio=by_hour.used_s / by_hour.measured_s.nullif(0))
    is_still = (by_hour.ratio < INACTIVE_RATIO) & (
        by_hour.measured_s >= MEASURED_RATIO * by_hour.reserved_s
    )
    by_hour = by_hour.mutate(still_s=is_still.ifelse(by_hour.reserved_s, 0))
    whole = by_hour.group_by(*KEY).agg(
        reserved_s=by_hour.reserved_s.sum(), measured_s=by_hour.measured_s.sum(),
        used_s=by_hour.used_s.sum(), busiest=by_hour.ratio.max(),
        p95=by_hour.ratio.quantile(0.95), p99=by_hour.ratio.quantile(0.99),
        most_s=by_hour.reserved_s.max(), still_s=by_hour.still_s.sum(),
        held_hours=by_hour.count(), held_days=by_hour.hour.date().nunique(),
        **{name: by_hour[name].sum() for each in ACTIVITY for name in (each, f"{each}_of")},
        first_held=by_hour.hour.min(), last_held=by_hour.hour.max(),
        memory_bytes=by_hour.memory_bytes.max(), used_accelerator=by_hour.accelerator.max(),
    )  # fmt: skip
    days = _still_days(by_hour, requests)
    return whole.left_join(days, KEY).select(*whole.columns, "still_day_s", "still_hours")


def _still_days(by_hour: Table, requests: Table) -> Table:
    """GPU-seconds and hours of the days on which a thing did nothing that was measured."""
    by_day = by_hour.group_by(*KEY, "day").agg(
        reserved_s=by_hour.reserved_s.sum(), still_s=by_hour.still_s.sum(), hours=by_hour.count()
    )
    still = by_day.filter(by_day.still_s == by_day.reserved_s)
    asked = requests.filter(requests.requests > 0).select(*KEY, "day").distinct()
    quiet = still.anti_join(asked, (*KEY, "day"))
    return quiet.group_by(*KEY).agg(
        still_day_s=quiet.reserved_s.sum(), still_hours=quiet.hours.sum()
    )


def requests_of(requests: Table) -> Table:
    """Requests of each thing, and on how many days they were counted, 0 or more."""
    counted = requests.filter(requests.requests.notnull())
    return counted.group_by(*KEY).agg(
        requests=counted.requests.sum(), counted_days=counted.day.nunique(),
        first_day=counted.day.min(),
    )  # fmt: skip


def own_rows(given: Table) -> Table:
    """Charges of resources, each with the workload and team of most of its resource's rows.

    A row that missed its tag now and then is still its resource's: what is left is nobody's.
    """
    mine = given.filter(given.resource_id.notnull() & given.pool.isnull())
    known = mine.filter(mine.workload.notnull() | mine.team.notnull())
    counts = known.group_by("resource_id", "workload", "team").agg(rows=known.count())
    place = ibis.row_number().over(
        ibis.window(
            group_by="resource_id",
            order_by=[ibis.desc("rows"), ibis.asc("workload"), ibis.asc("team")],
        )
    )
    most = counts.mutate(place=place).filter(ibis._.place == 0)
    total = mine.group_by("resource_id").agg(all_rows=mine.count())
    held = most.join(total, "resource_id")
    sure = held.filter(held.rows * 2 > held.all_rows)
    return sure.select("resource_id", own_workload=sure.workload, own_team=sure.team)


def by_workload(given: Table, owners: Table) -> Table:
    """What each workload cost on each day, untagged rows of its resources included."""
    loose = (given.kind == "unallocated").ifelse(1, 0)
    rows = given.mutate(is_loose=loose).left_join(owners, "resource_id")
    workload = rows.workload.fill_null((rows.is_loose == 1).ifelse(rows.own_workload, None))
    mine = rows.mutate(of=workload, day=rows.charge_start.date())
    mine = mine.filter(mine.of.notnull())
    return mine.group_by(workload=mine.of, day=mine.day).agg(cost=mine.effective_cost.sum())
