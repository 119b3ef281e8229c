"""Slurm's short form for nodes."""

import pytest

from watermaster.observe.hostlist import expand


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", []),
        ("gpu1", ["gpu1"]),
        ("gpu[1-2,05-07]", ["gpu1", "gpu2", "gpu05", "gpu06", "gpu07"]),
        ("a[08-10]-ib,b", ["a08-ib", "a09-ib", "a10-ib", "b"]),
        ("r[1-2]n[1,3]", ["r1n1", "r1n3", "r2n1", "r2n3"]),
    ],
)
def test_names_are_expanded_in_order(text, names):
    assert expand(text) == names
