"""Killed at a step boundary, then run again: the same ledger as if nothing had happened."""

import pytest

from watermaster.flows.audit import verify
from watermaster.flows.doctor import check_up, mend_all
from watermaster.flows.open import open_project
from watermaster.ledger.head import read_head
from watermaster.testing.crash import keep, prepare, put_back, work
from watermaster.testing.export import canonical
from watermaster.testing.kill import Boundary, boundaries, killed_at

# a dozen here; bench/faults.py kills at every one, and at random moments
DOZEN = [
    Boundary("ingest.begun", 1),
    Boundary("ingest.charges-written", 1),
    Boundary("ingest.charges-written", 2),
    Boundary("ingest.rejected-written", 1),
    Boundary("ingest.charges-committed", 1),
    Boundary("ingest.rejected-committed", 1),
    Boundary("ingest.head-ready", 1),
    Boundary("ingest.head-moved", 1),
    Boundary("allocate.allocations-written", 1),
    Boundary("allocate.allocations-committed", 1),
    Boundary("allocate.head-ready", 1),
    Boundary("allocate.head-moved", 1),
    Boundary("close.tagged", 4),
    Boundary("close.head-ready", 1),
    Boundary("close.head-moved", 1),
]
QUIET = {"ingest.done", "allocate.begun", "allocate.done", "close.begun", "close.done"}


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A prepared home, a copy of it, what a clean run makes of it, and the steps it announces."""
    home = tmp_path_factory.mktemp("crash") / "home"
    prepare(home)
    keep(home, home.parent / "kept")
    before = canonical(open_project(home))
    steps = boundaries(home, work)
    return home, home.parent / "kept", steps, (before, canonical(open_project(home)))


def test_the_dozen_holds_every_step_that_is_announced(kept):
    announced = {one.step for one in kept[2]} - QUIET
    assert announced == {one.step for one in DOZEN}


SHORT = {"ingest.charges-written", "ingest.charges-committed", "ingest.head-moved",
         "allocate.allocations-committed", "allocate.head-ready", "close.tagged",
         "close.head-moved"}  # fmt: skip


@pytest.mark.parametrize(
    "boundary",
    [
        pytest.param(one, id=f"{one.step}-{one.nth}",
                     marks=[] if one.step in SHORT and one.nth != 2 else [pytest.mark.deep])
        for one in DOZEN
    ],
)  # fmt: skip
def test_killed_and_run_again_the_ledger_is_that_of_a_clean_run(kept, boundary):
    home, copy, _, (before, clean) = kept
    put_back(copy, home)
    revision = read_head(open_project(home).ledger.records).revision
    assert killed_at(home, work, boundary)

    found = open_project(home)
    visible = read_head(found.ledger.records).revision
    if visible == revision:  # nothing half-done is visible
        assert canonical(found) == before
    assert check_up(found).is_healthy

    work(home)
    assert canonical(open_project(home)) == clean
    assert verify(open_project(home)).is_whole
    mended = mend_all(open_project(home))
    assert mended.is_healthy
    leftover = {one.check: one.what for one in mended.findings if one.check in {"orphans", "spill"}}
    assert leftover == {"orphans": "none", "spill": "none"}
    assert canonical(open_project(home)) == clean
