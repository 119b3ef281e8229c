"""Data transfer goes to the dataset and to the workloads that moved its bytes."""

from collections.abc import Mapping
from typing import Final

import ibis

from watermaster.decide.cost.measure import GROUP, beside, hour_of
from watermaster.decide.cost.targets import Movement
from watermaster.model.tables import Column, Table

DAY_HOURS: Final = 24
WORDS: Final = ("transfer", "egress", "bandwidth")


def is_transfer(charges: Table) -> Column:
    """Whether a charge is for moving data, by what its meter or description says."""
    text = ibis.coalesce(charges.sku_meter, charges.charge_description, "").lower()
    says = [text.contains(word) for word in WORDS]
    return says[0] | says[1] | says[2]


def transfer_weights(
    groups: Table, movements: Mapping[int, Movement], transfers: Table, owners: Table
) -> Table:
    """The weight table of transfer charges, by bytes: target, start_s, end_s, owner, weight.

    groups: target, start_s, end_s; transfers: as in model/shapes.py; owners: day, platform,
    subject_kind, subject_uid, owner. Bytes nobody's workload moved go to the dataset's owner, as
    does a charge in whose period no movement was seen.
    """
    places = [
        (number, place)
        for number, movement in movements.items()
        for place in movement.dataset.spec.locations
    ]
    place_table = ibis.memtable(places, schema=ibis.schema({"target": "int32", "place": "string"}))
    named = beside(transfers, owners, "day", "platform", "subject_kind", "subject_uid")
    at = named.mutate(
        place=ibis.coalesce(named.resource_id, named.location),
        day_no=(hour_of(named.day.cast("timestamp").epoch_seconds()) // DAY_HOURS).cast("int64"),
    )
    moved = at.inner_join(place_table, "place")
    by_day = moved.group_by("target", "day_no", "owner").agg(bytes=moved.bytes.sum().cast("int64"))
    days = _explode_days(groups).inner_join(_fallbacks(movements), "target")
    joined = days.inner_join(by_day, ["target", "day_no"])
    found = joined.group_by(*GROUP, owner=ibis.coalesce(joined.owner, joined.fallback)).agg(
        weight=joined.bytes.sum().cast("int64")
    )
    seen = found.filter(found.weight > 0)
    silent = groups.anti_join(seen, GROUP).inner_join(_fallbacks(movements), "target")
    rest = silent.select(*GROUP, owner=silent.fallback, weight=ibis.literal(1, "int64"))
    none = ibis.null("int64")
    return seen.union(rest).mutate(used_s=none, known_s=none)


def _explode_days(groups: Table) -> Table:
    first = (hour_of(groups.start_s) // DAY_HOURS).cast("int64")
    last = (hour_of(groups.end_s - 1) // DAY_HOURS).cast("int64")
    return groups.mutate(day_no=ibis.range(first, ibis.greatest(last, first) + 1).unnest())


def _fallbacks(movements: Mapping[int, Movement]) -> Table:
    rows = [(number, movement.fallback) for number, movement in movements.items()]
    return ibis.memtable(rows, schema=ibis.schema({"target": "int32", "fallback": "int32"}))
