"""One byte flipped anywhere is found and named: some here, ten thousand in the deep run."""

import argparse

import pytest

from tamper import KINDS, measure


@pytest.mark.parametrize("trials", [25, pytest.param(10_000, marks=pytest.mark.deep)])
def test_every_flipped_byte_is_found_and_named(trials):
    found = {one.figure: one.value for one in measure(argparse.Namespace(trials=trials, seed=7))}
    assert sum(found[f"{kind}_flips"] for kind in KINDS) == trials
    assert all(found[f"{kind}_flips"] for kind in KINDS)
    assert {name: value for name, value in found.items() if name.endswith("ed") and value} == {}
    assert found["whole_after"] == 1
