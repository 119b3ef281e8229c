"""What work is for, from how it behaves: clear cases, unclear ones, and how sure either may be."""

import datetime as dt
import math
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from watermaster.decide.estate.behaviour import behaviour_of
from watermaster.decide.estate.findings import findings
from watermaster.decide.estate.purpose import MOST, disagrees, infer
from watermaster.model.behaviour import Behaviour, Profile
from watermaster.model.estate import Estate
from watermaster.model.resources import Purpose, ResourceVersion, load_resource
from watermaster.model.things import Seen, Thing, WorkloadUse

SERVICE = Behaviour(
    gpus=2, gpu_h=1400, run_h=740, present_ratio=0.99, open_ratio=1.0, used_ratio=0.3,
    burst_ratio=2.8, requests=90_000, kinds=frozenset({"pod", "deployment"}),
)  # fmt: skip
PRETRAIN = Behaviour(
    gpus=32, gpu_h=3000, run_h=95, present_ratio=1.0, open_ratio=0.0, used_ratio=0.8,
    burst_ratio=1.1, kinds=frozenset({"slurm-job"}),
)  # fmt: skip
NIGHTLY = replace(
    PRETRAIN, gpus=4, gpu_h=2000, run_h=730, present_ratio=0.7, open_ratio=1.0,
    kinds=frozenset({"pod"}),
)  # fmt: skip
LAB = replace(
    SERVICE, requests=None, burst_ratio=4.0, used_ratio=0.1, run_h=200, present_ratio=0.4,
    kinds=frozenset({"notebook"}),
)  # fmt: skip


@pytest.mark.parametrize(
    ("seen", "activity", "purpose"),
    [(SERVICE, "inference", "online-inference"), (PRETRAIN, "training", "training"),
     (LAB, "development", "experiment"), (NIGHTLY, "batch", None)],
)  # fmt: skip
def test_clear_behaviour_is_called_with_its_reason(seen, activity, purpose):
    told = infer(seen)
    assert told.activity == activity
    assert purpose is None or told.purpose == purpose
    assert 0.6 <= told.activity_confidence <= MOST
    assert told.reason


def test_the_reason_tells_the_signs_the_strongest_first():
    assert infer(PRETRAIN).reason == (
        "32 GPUs at once; ran 95 hours and ended; 80% busy; runs as slurm-job"
    )
    assert infer(SERVICE).reason.startswith("90,000 requests counted; ")


@pytest.mark.parametrize("seen", [Behaviour(), Behaviour(gpus=32, gpu_h=0.2, used_ratio=0.9)])
def test_what_was_hardly_seen_is_not_guessed_at(seen):
    told = infer(seen)
    assert (told.purpose, told.activity) == (None, None)
    assert told.reason == "too little was seen of it"
    assert not any(disagrees(told, one) for one in Purpose)


def test_a_job_that_ran_for_days_and_ended_is_no_service():
    job = Behaviour(gpus=1, gpu_h=200, run_h=200, present_ratio=1.0, open_ratio=0.0)
    assert infer(job).activity != "inference"
    assert infer(replace(job, open_ratio=1.0)).activity == "inference"


@pytest.mark.parametrize(
    ("change", "profile"),
    [({"used_ratio": 0.01}, Profile.PARKED), ({"tensor_ratio": 0.4, "dram_ratio": 0.5},
     Profile.TENSOR_BOUND), ({"tensor_ratio": 0.05, "dram_ratio": 0.7}, Profile.MEMORY_BOUND),
     ({}, Profile.COMPUTE_BOUND), ({"used_ratio": 0.3}, Profile.LIGHT),
     ({"burst_ratio": 3.0}, Profile.BURSTY), ({"used_ratio": None}, None)],
)  # fmt: skip
def test_the_profile_is_told_from_what_was_measured(change, profile):
    assert infer(replace(PRETRAIN, **change)).profile == profile


@pytest.mark.parametrize(
    ("seen", "declared", "is_told"),
    [(SERVICE, "training", True), (PRETRAIN, "online-inference", True),
     (SERVICE, "experiment", True),
     (SERVICE, "online-inference", False), (PRETRAIN, "fine-tuning", False),
     (PRETRAIN, "experiment", False), (NIGHTLY, "evaluation", False)],
)  # fmt: skip
def test_only_another_kind_of_work_disagrees(seen, declared, is_told):
    assert disagrees(infer(seen), Purpose(declared)) == is_told


RATIOS = st.none() | st.floats(0, 1)
SEEN = st.builds(
    Behaviour, gpus=st.none() | st.floats(0, 64), gpu_h=st.floats(0, 1e5),
    run_h=st.none() | st.floats(0, 744), present_ratio=RATIOS, open_ratio=RATIOS,
    used_ratio=RATIOS, burst_ratio=st.none() | st.floats(1, 700),
    requests=st.none() | st.integers(0, 10**9), tensor_ratio=RATIOS, dram_ratio=RATIOS,
    kinds=st.frozensets(st.sampled_from(["pod", "deployment", "notebook", "slurm-job", "job"])),
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(SEEN)
def test_shares_sum_to_one_and_nothing_is_surer_than_it_may_be(seen):
    told = infer(seen)
    assert math.isclose(sum(told.shares.values()), 1, abs_tol=0.01)
    assert 0 < told.confidence <= told.activity_confidence <= MOST
    assert told.reason
    assert not any(disagrees(told, one) for one in Purpose if str(one) == told.purpose)


def day(number, hour=0):
    return dt.datetime(2026, 10, number, hour, tzinfo=dt.UTC)


def pod(uid, **told):
    base = Thing(
        source="k8s", platform="fra", kind="pod", uid=uid, first_seen=day(1), last_seen=day(31),
        workload="w", gpus=2, reserved_s=2 * 700 * 3600, measured_s=2 * 700 * 3600,
        used_s=2 * 210 * 3600, busiest=0.9, held_hours=700, span_hours=720, last_held=day(31, 23),
    )  # fmt: skip
    return replace(base, **told)


def test_behaviour_is_of_all_things_by_their_gpu_time_and_of_what_made_them():
    short = pod("a", reserved_s=3600, held_hours=1, span_hours=1, last_held=day(3), measured_s=3600,
                used_s=0, busiest=0.0, requests=5)  # fmt: skip
    owner = pod("deployment/x", kind="deployment", reserved_s=0, held_hours=0, span_hours=0)
    long = pod("b", parent_uid="deployment/x")
    parents = {"deployment/x": owner}
    seen = behaviour_of([short, long], parents, {"k8s": day(31)})
    assert (seen.run_h, seen.gpus, seen.requests, seen.things) == (720, 2, 5, 2)
    assert seen.kinds == {"pod", "deployment"}
    assert seen.open_ratio > 0.99
    assert round(seen.present_ratio, 3) == round(701 / 721, 3)
    assert round(seen.burst_ratio, 1) == 3.0
    assert behaviour_of([owner], {}, {}) is None


def test_activity_is_the_mean_of_what_was_measured_by_gpu_time():
    known = [pod("a", tensor_ratio=0.4, reserved_s=300), pod("b", tensor_ratio=0.1, reserved_s=100)]
    seen = behaviour_of([*known, pod("c")], {}, {})
    assert round(seen.tensor_ratio, 6) == 0.325
    assert seen.dram_ratio is None


def test_what_was_mostly_not_measured_has_no_utilisation():
    seen = behaviour_of([pod("a", measured_s=3600)], {}, {})
    assert (seen.used_ratio, seen.open_ratio) == (None, None)


def seen_as(behaviour, *things, silent=()):
    use = WorkloadUse(workload="w", cost=Decimal(70), last_seen=day(31), runs=1, requests=None,
                      behaviour=behaviour)  # fmt: skip
    return Seen(month="2026-10", now=day(31), currency="USD", things=list(things),
                workloads=[use], silent=frozenset(silent))  # fmt: skip


@pytest.mark.parametrize(("declared", "count"), [("memory-bound", 1), ("bursty", 0), (None, 0)])
def test_a_declared_profile_that_is_not_how_it_behaves_is_a_finding(declared, count):
    spec = {"purpose": "online-inference"} | ({"profile": declared} if declared else {})
    document = {"apiVersion": "watermaster/v1", "kind": "Workload", "metadata": {"name": "w"},
                "spec": spec}  # fmt: skip
    estate = Estate((ResourceVersion(resource=load_resource(document), recorded_at=day(1)),))
    found = [one.rule for one in findings(seen_as(SERVICE, pod("a")), estate)]
    assert found.count("profile-disagrees") == count


@pytest.mark.parametrize(("silent", "count"), [((), 1), (("k8s",), 0), (("other",), 1)])
def test_a_purpose_that_disagrees_is_a_finding_unless_its_source_is_silent(silent, count):
    document = {"apiVersion": "watermaster/v1", "kind": "Workload", "metadata": {"name": "w"},
                "spec": {"purpose": "training"}}  # fmt: skip
    estate = Estate((ResourceVersion(resource=load_resource(document), recorded_at=day(1)),))
    seen = seen_as(SERVICE, pod("a"), silent=silent)
    found = [one for one in findings(seen, estate) if one.rule == "purpose-disagrees"]
    assert len(found) == count
    for one in found:
        assert (one.subject, one.cost) == ("workload/w", 70)
        assert "declared training (training), behaves like online-inference" in one.why
