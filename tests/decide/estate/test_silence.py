"""A source that falls silent may take findings away; it never adds one."""

import datetime as dt
from dataclasses import replace
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.decide.estate.test_findings import ESTATE, HOUR, NOW, day, seen
from watermaster.decide.estate.findings import findings
from watermaster.model.things import Seen, Thing, Unclaimed, WorkloadUse

KINDS = ("pod", "endpoint", "notebook", "volume", "snapshot", "checkpoint", "prefix", "api-key")
PLACES = {"k8s": ("fra", "lab"), "aws": ("aws",), "slurm": ("rjukan",)}  # each platform has one
NAMES = ("reader", "reader-b", "score", None)
GIB = 2**30


@st.composite
def things(draw):
    source = draw(st.sampled_from(sorted(PLACES)))
    gpus, still = draw(st.integers(1, 8)), draw(st.booleans())
    held_s = gpus * draw(st.sampled_from((0, 9, 700))) * HOUR
    p95 = 0.0 if still else draw(st.sampled_from((0.1, 0.3, 0.9)))
    ago = st.sampled_from((None, NOW - dt.timedelta(days=50), NOW - dt.timedelta(days=2)))
    return Thing(
        source=source, platform=draw(st.sampled_from(PLACES[source])),
        kind=draw(st.sampled_from(KINDS)), uid=f"x-{draw(st.integers(0, 5))}",
        parent_uid=draw(st.sampled_from((None, "x-1", "x-9"))),
        namespace=draw(st.sampled_from((None, "rag", "rag-dev"))),
        first_seen=day(1), last_seen=day(draw(st.sampled_from((12, 31)))),
        created_at=draw(ago), last_used=draw(ago), workload=(name := draw(st.sampled_from(NAMES))),
        team="rag" if name else None, gpus=gpus, accelerator="H100", memory_bytes=9 * GIB,
        reserved_s=held_s, measured_s=held_s, used_s=int(held_s * p95), busiest=p95, p95=p95,
        p99=p95, still_s=held_s if still else 0, still_day_s=held_s if still else 0,
        still_hours=held_s // gpus // HOUR if still else 0, cost=Decimal(40),
        requests=draw(st.sampled_from((None, 0, 7))),
        state=draw(st.sampled_from((None, "available", "in-use"))),
        artefact=draw(st.sampled_from((None, "sha256:1"))), resource_id="arn:1",
        uses=draw(st.sampled_from(((), ("s3://scans",)))),
    )  # fmt: skip


@st.composite
def worlds(draw):
    held = draw(st.lists(things(), max_size=9, unique_by=lambda one: (one.kind, one.uid)))
    spent = {dt.date(2026, 10, n): Decimal(cost) for n, cost in enumerate((5,) * 9 + (900,) * 6, 1)}
    use = [
        WorkloadUse(workload=name, cost=Decimal(4000), last_seen=day(31), runs=1, requests=None,
                    daily=spent, asked=draw(st.sampled_from((None, 0, 3))), asked_days=60)
        for name in NAMES if name and draw(st.booleans())
    ]  # fmt: skip
    loose = Unclaimed(resource_id="arn:1", service="EC2", account="1", region=None, first=day(1),
                      last=day(9), cost=Decimal(9))  # fmt: skip
    return seen(*held, workloads=use, unclaimed=[loose],
                told_until={name: day(31) for name in PLACES})  # fmt: skip


def told(world: Seen) -> set[tuple[str, str]]:
    return {(one.rule, one.subject) for one in findings(world, ESTATE)}


@given(worlds(), st.sampled_from(sorted(PLACES)))
@settings(max_examples=120)
def test_a_source_that_falls_silent_adds_no_finding(world, source):
    assert told(replace(world, silent=frozenset({source}))) <= told(world)


@given(worlds(), st.sampled_from(sorted(PLACES)))
@settings(max_examples=120)
def test_a_source_that_never_spoke_adds_no_finding(world, source):
    """What it would have told is missing; a bill may then be all that is known of a resource."""
    left = [one for one in world.things if one.source != source]
    until = {name: at for name, at in world.told_until.items() if name != source}
    without = replace(world, things=left, told_until=until, silent=frozenset({source}))
    new = told(without) - told(world)
    assert {rule for rule, _ in new} <= {"unowned-resource"}
