"""What is free: by hand, by property, and never from silence."""

import datetime as dt

import ibis
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from watermaster.decide.capacity.free import HOUR_S, LATE_S, free_by_hour, gap_of, joined, waits
from watermaster.model.capacity import Ending, Free

ENGINE = ibis.duckdb.connect()
TEN = dt.datetime(2026, 10, 30, 10)
NINE = TEN - dt.timedelta(hours=1)
NOON = dt.datetime(2026, 10, 30, 12, tzinfo=dt.UTC)
LONG = int(NOON.timestamp())
SUPPLY = {"source": "string", "platform": "string", "node": "string", "hour": "timestamp",
          "model": "string", "schedulable_s": "int64"}  # fmt: skip
USE = {"source": "string", "platform": "string", "node": "string", "hour": "timestamp",
       "reserved_s": "int64"}  # fmt: skip
PLACES = {"platform": "string", "node": "string", "pool": "string", "is_held": "int8"}
RUNS = {"platform": "string", "subject_uid": "string", "gpus": "int64",
        **dict.fromkeys(("submitted_at", "started_at", "ended_at"), "timestamp")}  # fmt: skip
OWNERS = dict.fromkeys(("platform", "subject_uid", "team", "pool"), "string")


def table(schema, *rows):
    return ibis.memtable(list(rows), schema=ibis.schema(schema))


def found(supply, use, places, until=LONG):
    names = sorted({row[0] for row in supply})
    told = table({"source": "string", "until_s": "int64"}, *[(name, until) for name in names])
    asked = free_by_hour(table(SUPPLY, *supply), table(USE, *use), table(PLACES, *places), told)
    return {(row["pool"], row["hour"]): row for row in ENGINE.to_pyarrow(
        asked).to_pylist()}  # fmt: skip


def test_free_is_supplied_less_reserved_node_by_node_in_whole_gpus():
    rows = found(
        [("s", "fra", "n1", TEN, "H100", 8 * HOUR_S), ("s", "fra", "n2", TEN, "H100", 8 * HOUR_S),
         ("s", "fra", "n1", NINE, "H100", 8 * HOUR_S), ("s", "osl", "n1", TEN, "L4", 4 * HOUR_S)],
        # n1: 2.5 GPUs spare are two; n2: over-used, which takes nothing from n1
        [("s", "fra", "n1", TEN, 3 * HOUR_S), ("s", "fra", "n1", TEN, 5 * HOUR_S // 2),
         ("s", "fra", "n2", TEN, 9 * HOUR_S), ("s", "osl", "n1", NINE, HOUR_S)],
        [("fra", "n1", "big", 0), ("fra", "n2", "big", 0), ("osl", "n1", "small", 0)],
    )  # fmt: skip
    now, before, other = rows["big", TEN], rows["big", NINE], rows["small", TEN]
    assert (now["supplied"], now["free"], now["on_one_node"]) == (16, 2, 2)
    assert (before["supplied"], before["free"]) == (8, 8)
    assert (other["free"], other["model"]) == (4, "L4")


def test_what_a_reservation_holds_is_told_apart():
    rows = found(
        [("s", "fra", name, TEN, "H100", 8 * HOUR_S) for name in ("n1", "n2")],
        [("s", "fra", "n1", TEN, HOUR_S), ("s", "fra", "n2", TEN, 2 * HOUR_S)],
        [("fra", "n1", "big", 1), ("fra", "n2", "big", 0)],
    )  # fmt: skip
    row = rows["big", TEN]
    assert (row["free"], row["held"], row["on_one_node"]) == (6, 7, 6)


def test_sources_that_disagree_leave_the_least_free():
    rows = found(
        [("s", "fra", "n1", TEN, "H100", 8 * HOUR_S), ("t", "fra", "n1", TEN, "A100", 6 * HOUR_S)],
        [("s", "fra", "n1", TEN, HOUR_S), ("t", "fra", "n1", TEN, 4 * HOUR_S)],
        [("fra", "n1", "big", 0)],
    )  # fmt: skip
    assert (rows["big", TEN]["supplied"], rows["big", TEN]["free"]) == (6, 2)


def test_an_hour_that_was_not_over_when_it_was_told_does_not_count():
    half_past = int(TEN.replace(tzinfo=dt.UTC).timestamp()) + HOUR_S // 2
    supply = [("s", "fra", "n1", hour, "H100", 8 * HOUR_S) for hour in (NINE, TEN)]
    assert set(found(supply, [], [("fra", "n1", "big", 0)], half_past)) == {("big", NINE)}


NODES = st.sampled_from(["n1", "n2", "n3"])
SECONDS = st.integers(0, 20 * HOUR_S)
SOURCES = st.sampled_from(["s", "t"])
FACTS = st.lists(st.tuples(SOURCES, NODES, SECONDS), max_size=8)


@settings(max_examples=25, deadline=None)
@given(FACTS, FACTS, st.sets(NODES), st.randoms())
def test_free_is_never_negative_never_above_supply_and_of_no_order(supply, use, held, dice):
    given_rows = [(s, "fra", node, TEN, "H100", amount) for s, node, amount in supply]
    used = [(s, "fra", node, TEN, amount) for s, node, amount in use]
    places = [("fra", node, "big" if node < "n3" else None, int(node in held))
              for node in ("n1", "n2", "n3")]  # fmt: skip
    if not supply:
        return
    rows = found(given_rows, used, places)
    for row in rows.values():
        assert 0 <= row["on_one_node"] <= row["free"]
        assert row["free"] + row["held"] <= row["supplied"]
    dice.shuffle(given_rows)
    dice.shuffle(used)
    assert found(given_rows, used, places) == rows


def test_time_to_gpu_counts_a_requeued_job_once_and_those_who_still_wait():
    def at(minute):
        return TEN + dt.timedelta(minutes=minute)

    runs = table(
        RUNS,
        ("c", "1", 8, at(0), at(10), at(20)),
        ("c", "1", 8, at(0), at(40), at(50)),  # requeued
        ("c", "2", 1, at(0), at(30), None),
        ("c", "3", 1, at(0), None, None),  # waits
        ("c", "4", 1, at(0), None, at(5)),  # cancelled
        ("c", "5", 0, at(0), at(90), at(95)),  # no GPU
        ("c", "6", 4, at(0), at(2), at(3)),
    )
    owners = table(OWNERS, *[("c", str(n), "vision" if n < 6 else "text", "big")
                             for n in range(1, 7)])  # fmt: skip
    rows = ENGINE.to_pyarrow(waits(runs, owners, ("team",))).to_pylist()
    told = {row["team"]: row for row in rows}
    assert (told["vision"]["n"], told["vision"]["waiting"]) == (2, 1)
    assert told["vision"]["p50_s"] == 20 * 60
    assert told["text"]["p95_s"] == 2 * 60
    (both,) = ENGINE.to_pyarrow(waits(runs, owners, ())).to_pylist()
    assert both["n"] == 3


def test_a_silent_or_late_source_is_a_gap():
    told = {"a": NOON, "b": NOON - dt.timedelta(seconds=LATE_S)}
    assert gap_of(["a", "b"], told, {}, NOON) is None
    assert gap_of(["a"], told, {"a": "no data from a"}, NOON) == "no data from a"
    late = gap_of(["a", "b"], told, {}, NOON + dt.timedelta(minutes=1))
    assert late == "no data from b since 2026-10-30 09:00 UTC"
    assert "told nothing" in gap_of(["c"], told, {}, NOON)


def free(pool, team, count, gap=None, **more):
    supplied = None if count is None else 10
    return Free(
        pool=pool, team=team, platform="fra", accelerator="H100", as_of=NOON, free=count,
        supplied=supplied, reserved=None if count is None else 10 - count, gap=gap, **more,
    )  # fmt: skip


def test_a_lender_is_the_sum_of_pools_that_tell_and_names_those_that_do_not():
    ending = Ending(at=NOON, gpus=2, name="train", team="x")
    rows = [free("a", "ml", 3, endings=[ending]), free("b", "ml", None, "no data from b"),
            free("c", "bio", 5), free("d", None, None, "no data from d")]  # fmt: skip
    told = {one.team: one for one in joined(rows, ("team",))}
    assert {(name, one.free, one.supplied) for name, one in told.items()} == {
        ("ml", 3, 10), ("bio", 5, 10), (None, None, None)
    }  # fmt: skip
    assert (told["ml"].gap, told[None].gap) == ("no data from b", "no data from d")
    assert [one.pool for one in joined(rows, ("pool",))] == ["c", "a", "b", "d"]
    (every,) = joined(rows, ())
    assert (every.free, every.gap) == (8, "no data from b; no data from d")


@pytest.mark.parametrize("by", [("pool",), ("team",), ("pool", "team"), ()])
def test_no_free_accelerator_is_lost_or_made_by_the_question(by):
    rows = [free("a", "ml", 3), free("b", "bio", 4), free(None, None, 1)]
    assert sum(one.free for one in joined(rows, by)) == 8
