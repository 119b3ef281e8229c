"""Slurm's nodes and their GPUs, and when they were down or drained."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa

from watermaster.model.seen import Seen
from watermaster.observe.batches import day_text, seen
from watermaster.observe.hostlist import expand
from watermaster.observe.slurm_jobs import gpus_of, tres
from watermaster.observe.spread import Interval, union, without, wm_hours
from watermaster.observe.times import epoch_of

_GRES = re.compile(r"gpu(?::([^:(,]+))?:(\d+)")
BROKEN: Final = ("DOWN", "FAIL", "NOT_RESPONDING", "NO_RESPOND", "POWERED_DOWN", "UNKNOWN")
CLOSED: Final = ("DRAIN", "MAINT", "REBOOT", "POWERING", "BLOCKED")
EVER: Final = (0, 1 << 40)


@dataclass(frozen=True, slots=True)
class Node:
    """GPUs of one node by model ("" where Slurm does not say), and while it belonged."""

    name: str
    partition: str | None
    gpus: Mapping[str, int]
    belonged: Interval = EVER


@dataclass(frozen=True, slots=True)
class Outage:
    """A node was in a state that closes it; both times in epoch seconds."""

    node: str
    during: Interval
    is_broken: bool  # else only drained


def nodes_of_scontrol(lines: Iterable[str]) -> Iterator[Node]:
    """`scontrol show node`, with or without -o."""
    found: dict[str, str] = {}
    for line in lines:
        if line.startswith("NodeName=") and found:
            yield _node_of(found)
            found = {}
        for word in line.split():
            key, equals, value = word.partition("=")
            if equals and key not in found:
                found[key] = value
    if found:
        yield _node_of(found)


def _node_of(found: Mapping[str, str]) -> Node:
    gpus = gpus_of(tres(found.get("CfgTRES", ""))) or gpus_of_gres(found.get("Gres", ""))
    partitions = found.get("Partitions", "").split(",")
    return Node(found["NodeName"], partitions[0] or None, _typed(gpus, found.get("Gres", "")))


def _typed(gpus: Mapping[str, int], gres: str) -> dict[str, int]:
    """Accounting may count GPUs without their type; Gres knows it."""
    known = gpus_of_gres(gres)
    return known if set(gpus) == {""} and sum(known.values()) == gpus[""] else dict(gpus)


def gpus_of_gres(text: str) -> dict[str, int]:
    """GPUs by model in `gpu:h100:4(S:0-1),gpu:a100:2`."""
    found: dict[str, int] = {}
    for model, count in _GRES.findall(text):
        found[model] = found.get(model, 0) + int(count)
    return {model: count for model, count in found.items() if count}


def nodes_of_sinfo(records: Iterable[list[str]]) -> Iterator[Node]:
    """`sinfo -N -o '%N|%P|%G'`; of a node in several partitions the first one stands."""
    records = iter(records)
    names = [name.upper() for name in next(records)]
    for cells in records:
        row = dict(zip(names, cells, strict=False))
        for name in expand(row.get("NODELIST", "")):
            partition = row.get("PARTITION", "").rstrip("*") or None
            yield Node(name, partition, gpus_of_gres(row.get("GRES", "")))


def nodes_of_table(records: Iterable[list[str]], zone: str) -> Iterator[Node]:
    """A declared list: node (short form too), gpus, and if known model, partition, from, until."""
    records = iter(records)
    names = [name.strip() for name in next(records)]
    for cells in records:
        row = dict(zip(names, cells, strict=False))
        start = epoch_of(row.get("from") or "", zone) or EVER[0]
        end = epoch_of(row.get("until") or "", zone) or EVER[1]
        for name in expand(row["node"]):
            gpus = {row.get("model") or "": int(row["gpus"])}
            yield Node(name, row.get("partition") or None, gpus, (start, end))


def outages_of(records: Iterable[list[str]], zone: str) -> Iterator[Outage]:
    """`sacctmgr -P show event`; rows of the whole cluster name no node and are left out."""
    records = iter(records)
    names = next(records)
    for cells in records:
        row = dict(zip(names, cells, strict=False))
        state = row.get("State", "").upper()
        is_broken = any(word in state for word in BROKEN)
        start = epoch_of(row.get("TimeStart", ""), zone)
        if start is None or not (is_broken or any(word in state for word in CLOSED)):
            continue
        end = epoch_of(row.get("TimeEnd", ""), zone) or EVER[1]
        for name in expand(row.get("NodeName", "")):
            yield Outage(name, (start, end), is_broken)


def supply(
    nodes: Iterable[Node], outages: Sequence[Outage], during: Interval, platform: str
) -> Iterator[Seen]:
    """gpu_supply: node x model x hour of `during`; `gpu` is null since Slurm counts by node."""
    by_node: dict[str, list[Outage]] = {}
    for outage in outages:
        by_node.setdefault(outage.node, []).append(outage)
    for node in nodes:
        start, end = max(node.belonged[0], during[0]), min(node.belonged[1], during[1])
        if end > start and node.gpus:
            yield _supply_of(node, by_node.get(node.name, []), (start, end), platform)


def _supply_of(node: Node, outages: Sequence[Outage], during: Interval, platform: str) -> Seen:
    broken = [outage.during for outage in outages if outage.is_broken]
    closed = [outage.during for outage in outages]
    present = _by_hour([during])
    healthy, open_ = _by_hour(without(during, broken)), _by_hour(without(during, closed))
    hours = [hour for hour in sorted(present) for _ in node.gpus]
    models = list(node.gpus) * len(present)
    columns: dict[str, object] = {
        "day": [day_text(hour) for hour in hours],
        "platform": [platform] * len(hours),
        "node": [node.name] * len(hours),
        "hour": times(np.array(hours, np.int64)),
        "partition": [node.partition] * len(hours),
        "model": [model or None for model in models],
        "evidence": ["sacctmgr event" if outages else "node list"] * len(hours),
    }
    for name, held in (("present_s", present), ("healthy_s", healthy), ("schedulable_s", open_)):
        pairs = zip(hours, models, strict=True)
        columns[name] = [held.get(hour, 0) * node.gpus[model] for hour, model in pairs]
    return seen("gpu_supply", columns, len(hours))


def _by_hour(intervals: Sequence[Interval]) -> dict[int, int]:
    whole = np.array(union(intervals), np.int64).reshape(-1, 2)
    _, hours, seconds = wm_hours(whole[:, 0], whole[:, 1])
    found: dict[int, int] = {}
    for hour, lasted in zip(hours.tolist(), seconds.tolist(), strict=True):
        found[hour] = found.get(hour, 0) + lasted
    return found


def times(epochs: np.ndarray) -> pa.Array:
    """Epoch seconds as Arrow moments in UTC."""
    return pa.array(epochs * 1_000_000).cast(pa.timestamp("us", "UTC"))
