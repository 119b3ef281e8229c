"""What stands beside the clusters as plain files: things, their GPU use, and their requests."""

import csv
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from watermaster.testing.simulate.calendar import DAY_S, HOUR_S
from watermaster.testing.simulate.plan import Plan, slip
from watermaster.testing.simulate.things import Item

PULLS: Final = 4  # days of the last month on which the inventory was read
LABEL_NOISE: Final = 0.05  # of things and days: labels missing or misspelt
GIB: Final = 2**30
_THINGS: Final = (
    "day", "platform", "subject_kind", "subject_uid", "name", "namespace", "parent_uid", "labels",
    "first_seen", "last_seen", "resource_id", "state", "created_at", "last_used", "gpus",
    "accelerator", "bytes", "artefact", "model", "uses",
)  # fmt: skip
_ASKED: Final = ("platform", "subject_kind", "subject_uid", "hour", "requests")
_MOMENT: Final = pa.timestamp("us", "UTC")
Cells = tuple[object, ...]


def write_things(plan: Plan, folder: Path) -> None:
    """`things.csv`, `requests.csv` and `use.parquet`."""
    folder.mkdir(parents=True, exist_ok=True)
    dice = np.random.default_rng([plan.order.seed, 31])
    held = plan.beside.items
    for name, columns, rows in (
        ("things", _THINGS, _things(plan, dice, held)),
        ("requests", _ASKED, _asked(plan, dice, held)),
    ):
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as out:
            write = csv.writer(out, lineterminator="\n")
            write.writerow(columns)
            write.writerows(rows)
    pq.write_table(_use(plan, dice, held), folder / "use.parquet", compression="zstd")


def _things(plan: Plan, dice: np.random.Generator, held: Iterable[Item]) -> Iterator[Cells]:
    days = plan.when.days
    for one in held:
        for day in range(days - PULLS, days - one.last_days):
            yield (
                plan.when.text(day), one.platform, one.kind, one.uid, one.name or one.uid,
                one.namespace, one.parent_uid, json.dumps(_labels(dice, one)),
                _text(plan, day * DAY_S), _text(plan, day * DAY_S + 6 * HOUR_S), one.resource_id,
                one.state, _ago(plan, one.made_days), _ago(plan, one.used_days), one.gpus or "",
                one.accelerator, one.size_bytes or "", one.artefact, one.model,
                json.dumps(one.uses) if one.uses else "",
            )  # fmt: skip


def _labels(dice: np.random.Generator, one: Item) -> dict[str, str]:
    """As they are, missing, or misspelt."""
    right = dict(one.labels)
    if one.workload:
        right["workload"] = one.workload
    drawn = float(dice.random())
    if drawn >= LABEL_NOISE:
        return right
    kept = {key: value for key, value in right.items() if key == "env"}
    return kept if drawn < LABEL_NOISE / 2 else kept | {
        key: slip(value) for key, value in right.items() if key not in kept
    }  # fmt: skip


def _use(plan: Plan, dice: np.random.Generator, held: Iterable[Item]) -> pa.Table:
    """Every hour of the last month of every thing whose use is told."""
    first = plan.when.days_of(plan.when.months[-1])[0]
    hours = np.arange((plan.when.days - first) * 24)
    parts = [_hours(dice, one, hours) for one in held if one.busy is not None]
    start = plan.when.at(first)
    return pa.concat_tables(
        part.append_column("hour", pa.array((start + hours * HOUR_S) * 1_000_000).cast(_MOMENT))
        for part in parts
    )


def _hours(dice: np.random.Generator, one: Item, hours: np.ndarray) -> pa.Table:
    assert one.busy is not None
    count = len(hours)
    busy = np.array([one.busy(int(hour)) for hour in hours]) * dice.uniform(0.95, 1.05, count)
    unknown = dice.random(count) < one.unmeasured
    texts = {
        "platform": one.platform, "node": f"{one.uid}-host", "subject_kind": one.kind,
        "subject_uid": one.uid, "model": one.accelerator or None,
    }  # fmt: skip
    held = None if one.memory_gib is None else one.memory_gib * GIB
    return pa.table(
        {name: pa.array([text] * count, pa.string()) for name, text in texts.items()}
        | {
            "reserved_s": np.full(count, one.gpus * HOUR_S),
            "used_s": pa.array(np.rint(busy * one.gpus * HOUR_S).astype(np.int64), mask=unknown),
            "utilisation_field": pa.array(["SM_ACTIVE"] * count, mask=unknown),
            "memory_bytes": pa.array([held] * count, pa.int64()),
        }
    )


def _asked(plan: Plan, dice: np.random.Generator, held: Iterable[Item]) -> Iterator[Cells]:
    """Requests of the last days, some of them before the first month; out of order."""
    rows: list[Cells] = []
    for one in held:
        for day, count in enumerate(one.asked_daily):
            moment = _text(plan, day * DAY_S + 12 * HOUR_S)
            rows.append((one.platform, one.kind, one.uid, moment, count))
        if one.asked is None:
            continue
        a_day, days = one.asked
        for day in range(plan.when.days - days, plan.when.days):
            hour = int(dice.integers(24))
            count = int(dice.poisson(a_day)) if a_day else 0
            rows.append(
                (one.platform, one.kind, one.uid, _text(plan, day * DAY_S + hour * HOUR_S), count)
            )
    for number in dice.permutation(len(rows)):
        yield rows[int(number)]


def _ago(plan: Plan, days: int | None) -> str:
    return "" if days is None else _text(plan, (plan.when.days - days) * DAY_S)


def _text(plan: Plan, seconds: int) -> str:
    moment: Any = np.datetime64(plan.when.start_s + seconds, "s")
    return f"{moment}Z"
