"""GPUs held and not used: by the kind of work, against p95 of use, and against older classes."""

from dataclasses import replace
from decimal import Decimal

import pytest

from tests.decide.estate.test_findings import BORN, ESTATE, HOUR, POD, STILL, rules, seen, workload
from watermaster.decide.estate.accelerators import NEWEST, OLDER
from watermaster.decide.estate.findings import findings
from watermaster.model.estate import Estate

BUSY = replace(POD, uid="rag/reader-1")
GIB = 2**30
INACTIVE = [("inactive-gpu", "pod/fra/rag/reader-0")]


@pytest.mark.parametrize(
    ("change", "is_found"),
    [
        ({}, True),
        ({"still_day_s": 0, "still_hours": 0}, False),  # a service that pauses for hours only
        ({"still_hours": 20}, False),  # less than a day in all
        ({"still_day_s": 4 * 300 * HOUR}, False),  # it worked on most days
        ({"measured_s": HOUR}, False),  # mostly unmeasured
        ({"measured_s": 0, "still_s": 0, "still_day_s": 0}, False),  # unknown
        ({"state": "deleted"}, False),
    ],
)
def test_a_service_is_inactive_by_whole_days_without_a_request(change, is_found):
    assert rules(replace(POD, **STILL | change), BUSY) == (INACTIVE if is_found else [])


@pytest.mark.parametrize(
    ("change", "is_found"),
    [
        ({}, True),
        ({"still_day_s": 0}, True),  # hours are enough
        ({"still_s": 7 * HOUR}, False),  # too short
        ({"still_s": 4 * 200 * HOUR}, False),  # it worked for most of the time
        ({"requests": 12}, False),  # it answers
    ],
)
def test_batch_work_is_inactive_by_whole_hours(change, is_found):
    batch = {"workload": "nightly"}
    estate = Estate(
        (*ESTATE.versions, workload("nightly", "rag", purpose="batch-inference", **BORN))
    )
    held = [replace(POD, **batch | STILL | change), replace(BUSY, **batch)]
    assert rules(*held, estate=estate) == (INACTIVE if is_found else [])


def test_only_the_inactive_part_is_counted_as_its_cost():
    half = replace(POD, **STILL | {"still_day_s": 4 * 350 * HOUR})
    (found,) = findings(seen(half, BUSY), ESTATE)
    assert (found.rule, found.cost) == ("inactive-gpu", Decimal(450))
    assert "1,400 of 2,800 GPU hours" in found.why


@pytest.mark.parametrize(
    ("change", "step"),
    [
        ({"p95": 0.3}, "request 3 of the 8 GPUs"),
        ({"p95": 0.1, "busiest": 0.9}, "request 1 of the 8 GPUs"),  # one peak is no need
        ({"p95": 0.41}, None),  # five of eight: not worth it
        ({"p95": 0.3, "gpus": 1, "reserved_s": 700 * HOUR, "measured_s": 700 * HOUR}, None),
        ({"p95": 0.3, "reserved_s": 8 * 100 * HOUR, "measured_s": 8 * 100 * HOUR}, None),  # short
        ({"p95": 0.3, "measured_s": 8 * 400 * HOUR}, None),  # mostly unmeasured
    ],
)
def test_requests_are_judged_by_what_95_of_100_hours_need(change, step):
    large = replace(POD, gpus=8, busiest=0.5, p99=0.45, reserved_s=8 * 700 * HOUR,
                    measured_s=8 * 700 * HOUR, used_s=8 * 70 * HOUR)  # fmt: skip
    found = findings(seen(replace(large, **change), BUSY), ESTATE)
    assert [(one.rule, one.next_step) for one in found] == (
        [("oversized-request", step)] if step else []
    )
    if step:
        assert "burst ratio 4.5" in found[0].why


@pytest.mark.parametrize(
    ("change", "enough"),
    [
        ({}, "L40S"),  # 0.2 x 989 = 198 TFLOP/s: over 0.8 x 125, under 0.8 x 362
        ({"memory_bytes": 60 * GIB}, "A100-80GB"),
        ({"memory_bytes": 70 * GIB}, None),
        ({"memory_bytes": None}, None),  # not measured
        ({"p95": 0.5}, None),  # busy
        ({"accelerator": "A100"}, None),  # not of the newest class
        ({"reserved_s": 100 * HOUR, "measured_s": 100 * HOUR}, None),  # short
    ],
)
def test_work_that_fits_an_older_accelerator_is_told(change, enough):
    held = replace(POD, gpus=1, accelerator="H100", p95=0.2, memory_bytes=35 * GIB,
                   reserved_s=700 * HOUR, measured_s=700 * HOUR, used_s=140 * HOUR)  # fmt: skip
    told = findings(seen(replace(held, **change), BUSY), ESTATE)
    assert [one.rule for one in told] == (["newer-accelerator"] if enough else [])
    if enough:
        assert told[0].next_step.startswith(f"move it to {enough},")


def test_older_classes_are_smaller_than_every_newest_one():
    assert max(one.tflops for one in OLDER) < min(one.tflops for one in NEWEST.values())
