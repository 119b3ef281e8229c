"""Intervals cut at the hours."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from watermaster.observe.spread import union, without, wm_hours

moments = st.integers(0, 10**6)
intervals = st.lists(st.tuples(moments, moments), min_size=2, max_size=20)


def cut(pairs):
    starts = np.array([a for a, _ in pairs], np.int64)
    ends = np.array([b for _, b in pairs], np.int64)
    return [column.tolist() for column in wm_hours(starts, ends)]


def test_by_hand():
    # half of the first hour, the whole second, 10 s of the third; and one inside a single hour
    assert cut([(1800, 7210), (3600, 3601)]) == [
        [0, 0, 0, 1],
        [0, 3600, 7200, 3600],
        [1800, 3600, 10, 1],
    ]


@given(intervals)
def test_no_second_is_lost_or_made(pairs):
    position, hour, seconds = cut(pairs)
    sums = dict.fromkeys(range(len(pairs)), 0)
    for place, start, lasted in zip(position, hour, seconds, strict=True):
        assert start % 3600 == 0
        assert 0 < lasted <= 3600
        sums[place] += lasted
    assert list(sums.values()) == [max(0, end - start) for start, end in pairs]


@given(intervals, intervals)
def test_what_is_left_and_what_is_cut_out_make_the_whole(holes, whole):
    for start, end in whole:
        left = without((start, end), holes)
        inside = [(max(start, a), min(end, b)) for a, b in union(holes)]
        lasted = sum(b - a for a, b in [*left, *union(inside)])
        assert lasted == max(0, end - start)


@given(intervals)
def test_a_union_counts_every_moment_once(pairs):
    covered = {second for a, b in pairs for second in range(a // 1000, b // 1000)}
    joined = union((a // 1000, b // 1000) for a, b in pairs)
    assert {s for a, b in joined for s in range(a, b)} == covered
    assert sum(b - a for a, b in joined) == len(covered)
