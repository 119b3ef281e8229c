"""How the things of one workload behaved together in a month."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from watermaster.model.behaviour import Behaviour
from watermaster.model.things import Thing

HOUR_S: Final = 3600
MEASURED: Final = 0.5  # of the reserved time must have a utilisation
EDGE_H: Final = 6  # so near to the end of the data a thing may go on


def behaviour_of(
    things: Sequence[Thing], parents: Mapping[str, Thing], until: Mapping[str, dt.datetime]
) -> Behaviour | None:
    """Of all that held a GPU or answered requests; None: nothing did.

    parents: things by uid, for the kinds of what made these; until: source to its newest data.
    """
    held = [one for one in things if one.held_hours or one.reserved_s]
    asked = [one.requests for one in things if one.requests is not None]
    if not held and not asked:
        return None
    reserved = sum(one.reserved_s for one in held)
    measured = sum(one.measured_s for one in held)
    is_measured = bool(reserved) and measured >= MEASURED * reserved
    used = sum(one.used_s for one in held) / measured if is_measured and measured else None
    spans = [(one.span_hours, one.reserved_s) for one in held if one.span_hours]
    span_h = sum(one.span_hours or 0 for one in held)
    return Behaviour(
        things=len(things),
        gpus=max((one.gpus for one in things if one.gpus is not None), default=None),
        gpu_h=reserved / HOUR_S,
        run_h=_middle(spans),
        present_ratio=sum(one.held_hours or 0 for one in held) / span_h if span_h else None,
        open_ratio=_open(held, until),
        used_ratio=used,
        burst_ratio=_burst(held),
        requests=sum(asked) if asked else None,
        tensor_ratio=_mean((one.tensor_ratio, one.reserved_s) for one in held),
        dram_ratio=_mean((one.dram_ratio, one.reserved_s) for one in held),
        kinds=frozenset(_kinds(things, parents)),
    )


def _middle(spans: Iterable[tuple[int | None, int]]) -> float | None:
    """The run length that half of the GPU time lies at or over."""
    ordered = sorted((span or 0, weight) for span, weight in spans)
    half, so_far = sum(weight for _, weight in ordered) / 2, 0
    for span, weight in ordered:
        so_far += weight
        if so_far >= half:
            return float(span)
    return None


def _open(held: Sequence[Thing], until: Mapping[str, dt.datetime]) -> float | None:
    """The part of the GPU time in things that were still there when their source's data ends."""
    told = [one for one in held if one.last_held is not None and one.source in until]
    total = sum(one.reserved_s for one in told)
    if not total:
        return None
    edge = dt.timedelta(days=1, hours=-EDGE_H)  # `until` is the start of the newest day
    still = (one.reserved_s for one in told
             if one.last_held and one.last_held >= until[one.source] + edge)  # fmt: skip
    return sum(still) / total


def _mean(told: Iterable[tuple[float | None, int]]) -> float | None:
    """Of what is known, by GPU time."""
    known = [(value, weight) for value, weight in told if value is not None]
    total = sum(weight for _, weight in known)
    return sum(value * weight for value, weight in known) / total if total else None


def _burst(held: Sequence[Thing]) -> float | None:
    """Busiest hour by mean, of the things by their GPU time."""
    return _mean(
        (one.busiest * one.measured_s / one.used_s, one.reserved_s)
        for one in held
        if one.busiest is not None and one.used_s and one.measured_s
    )


def _kinds(things: Sequence[Thing], parents: Mapping[str, Thing]) -> Iterable[str]:
    """Their kinds, and those of the things that made them, three steps up."""
    for one in things:
        thing: Thing | None = one
        for _ in range(4):
            if thing is None:
                break
            yield thing.kind
            thing = parents.get(thing.parent_uid or "")
