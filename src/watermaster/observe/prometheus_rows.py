"""What was measured in some hours, as rows of gpu_supply and gpu_hours."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from watermaster.model.seen import Seen
from watermaster.observe import dcgm
from watermaster.observe.batches import day_text, moment, seen_rows
from watermaster.observe.dcgm import Device, Holder, Index
from watermaster.observe.prometheus_hours import HOUR_MS, Chunk, Hours, Real
from watermaster.observe.subjects import Thing

MIB: Final = 1 << 20
PRESENCE: Final = [s for s, _ in dcgm.UTILISATION.values()] + [dcgm.MEMORY, dcgm.POWER]


@dataclass(frozen=True, slots=True)
class Measured:
    """Sums by hour of one chunk, per metric; rows are the numbers of the index."""

    chunk: Chunk
    index: Index
    by_device: Mapping[str, Hours]
    by_holding: Mapping[str, Hours]
    cordoned: Mapping[str, Real]

    def hour_s(self, place: int) -> int:
        """Start of an hour of the chunk, epoch seconds."""
        return (self.chunk.start_ms + place * HOUR_MS) // 1000

    def share(self, device: Device) -> float:
        """Part of a GPU that the device is."""
        profile = self.index.profiles.get(device, "")
        return dcgm.share_of(profile, self.index.models.get(device, "")) if device.mig else 1.0


def supply_rows(measured: Measured, platform: str) -> Iterator[Seen]:
    """One row per device and hour in which it was seen at all."""
    present, evidence = _longest(measured.by_device, len(measured.index.devices), measured.chunk)
    broken = measured.by_device.get(dcgm.XID)
    rows = []
    for device, number in measured.index.devices.items():
        if measured.index.is_partitioned(device):
            continue
        closed = measured.cordoned.get(device.node)
        for place in np.flatnonzero(present[number]).tolist():
            there = present[number, place]
            healthy = there - min(there, broken.value_ms[number, place] if broken else 0.0)
            free = there - min(there, closed[place] if closed is not None else 0.0)
            share = measured.share(device) / 1000
            hour_s = measured.hour_s(place)
            rows.append(
                _device_row(device, hour_s, platform, measured)
                | {
                    "present_s": round(there * share),
                    "healthy_s": round(healthy * share),
                    # a broken node is usually cordoned: the longer of both, not their sum
                    "schedulable_s": round(min(healthy, free) * share),
                    "evidence": evidence[number][place],
                }
            )
    yield from seen_rows("gpu_supply", rows)


def hour_rows(measured: Measured, platform: str) -> Iterator[Seen]:
    """One row per device, hour and holder; what an idle device drew has no holder."""
    index = measured.index
    devices = list(index.devices)
    held, _ = _longest(measured.by_holding, len(index.holdings), measured.chunk)
    energy = _energy(measured)
    told = {(d.node, d.gpu) for (n, _), h in index.holdings.items() if (d := devices[n]).mig
            and energy[h].any()}  # fmt: skip
    rows = []
    for (number, holder), holding in index.holdings.items():
        device = devices[number]
        is_whole = index.is_partitioned(device)
        for place in range(measured.chunk.hours):
            cell = holding, place
            joules = 0.0 if is_whole and device[:2] in told else energy[cell]
            is_held = holder is not None and held[cell] > 0 and not is_whole
            if not is_held and joules <= 0:
                continue
            row = _device_row(device, measured.hour_s(place), platform, measured)
            row |= _holder(holder if is_held else None)
            row |= _held(measured, cell, held[cell], device) if is_held else {"reserved_s": 0}
            rows.append(row | {"energy_j": _joules(measured, device, joules)})
    yield from seen_rows("gpu_hours", _once(rows))


def _joules(measured: Measured, device: Device, joules: float) -> int | None:
    """DCGM tells the draw of the whole card for each MIG instance: it gets its part."""
    return round(joules * measured.share(device)) if joules > 0 else None


def _once(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Energy without a holder may stem from several holdings of one device: one row."""
    kept: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in rows:
        key = row["node"], row["gpu"], row["mig"], row["hour"], row["subject_uid"]
        held = kept.setdefault(key, row)
        if held is not row:
            held["energy_j"] = (held["energy_j"] or 0) + (row["energy_j"] or 0)
    return list(kept.values())


def _device_row(device: Device, hour_s: int, platform: str, measured: Measured) -> dict[str, Any]:
    return {
        "day": day_text(hour_s),
        "platform": platform,
        "node": device.node,
        "gpu": device.gpu,
        "mig": device.mig,
        "hour": moment(hour_s),
        "model": measured.index.models.get(device) or None,
    }


def _holder(holder: Holder | None) -> dict[str, str | None]:
    if holder is None:
        return {"subject_kind": None, "subject_uid": None}
    return {"subject_kind": holder.kind, "subject_uid": holder.uid}


def _held(
    measured: Measured, cell: tuple[int, int], held_ms: float, device: Device
) -> dict[str, Any]:
    """Reserved, used by the best field there is, what with, and memory."""
    reserved = held_ms * measured.share(device) / 1000
    row: dict[str, Any] = {"reserved_s": round(reserved)}
    for name, (series, factor) in dcgm.UTILISATION.items():
        mean = _mean(measured.by_holding.get(series), cell)
        if mean is not None:
            row |= {"used_s": round(mean * factor * reserved), "utilisation_field": name}
            break
    for name, series in dcgm.ACTIVITY.items():
        mean = _mean(measured.by_holding.get(series), cell)
        row[name] = None if mean is None else round(mean * reserved)
    memory = _mean(measured.by_holding.get(dcgm.MEMORY), cell)
    return row | {"memory_bytes": None if memory is None else round(memory * MIB)}


def _mean(held: Hours | None, cell: tuple[int, int]) -> float | None:
    if held is None or not held.seen_ms[cell]:
        return None
    return float(held.value_ms[cell] / held.seen_ms[cell])


def _longest(
    tables: Mapping[str, Hours], groups: int, chunk: Chunk
) -> tuple[Real, list[list[str]]]:
    """The longest any field was seen, and the first field that was seen that long."""
    longest = np.zeros((groups, chunk.hours))
    by = np.full((groups, chunk.hours), "", dtype=object)
    for name in PRESENCE:
        if name in tables:
            longer = tables[name].seen_ms > longest
            longest = np.where(longer, tables[name].seen_ms, longest)
            by[longer] = name
    return longest, by.tolist()


def _energy(measured: Measured) -> Real:
    """Joules per holding and hour: from the counter, else power x time."""
    shape = len(measured.index.holdings), measured.chunk.hours
    power, counter = (measured.by_holding.get(name) for name in (dcgm.POWER, dcgm.ENERGY))
    joules = power.value_ms / 1000 if power else np.zeros(shape)
    if counter is None:
        return joules
    return np.where(counter.seen_ms > 0, counter.value_ms / 1000, joules)


def things(
    measured: Measured, platform: str
) -> Iterator[tuple[Thing, str, dict[str, Any], dict[str, Any]]]:
    """Each holder with its day, when it was seen (to the hour), and what it is called."""
    held, _ = _longest(measured.by_holding, len(measured.index.holdings), measured.chunk)
    for (_, holder), holding in measured.index.holdings.items():
        places = np.flatnonzero(held[holding]).tolist()
        if holder is None or not places:
            continue
        first, last = measured.hour_s(places[0]), measured.hour_s(places[-1] + 1)
        times = {"first_seen": moment(first), "last_seen": moment(last)}
        about = {"name": holder.name, "namespace": holder.namespace}
        yield (platform, holder.kind, holder.uid), day_text(first), times, about
