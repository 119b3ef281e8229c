"""From GPU hours to what a workload seems to be for, through a real ledger."""

import datetime as dt

import pytest

from tests.flows.small import Clock, declare, project_at, resource, store, used
from watermaster.decide.estate.purpose import infer
from watermaster.flows.estate import known_estate
from watermaster.flows.things import things_seen
from watermaster.ledger.head import read_head
from watermaster.model.behaviour import Profile
from watermaster.model.estate import live_estate

DAYS = [f"2026-10-{day:02}" for day in range(1, 13)]
BUSY = {"used_s": 1080, "utilisation_field": "SM_ACTIVE"}


@pytest.fixture(scope="module")
def uses(tmp_path_factory):
    """A chat that is always on and bound by memory, and a training that ran for a day and ended."""
    project = project_at(tmp_path_factory.mktemp("purpose") / "home", Clock("2026-10-13"))
    declare(
        project,
        resource("Team", "ml", {"unit": "Care"}),
        *(
            resource("Workload", name, {"purpose": "training", "selectors": [{"name": name}]}, "ml")
            for name in ("chat", "train")
        ),
    )
    chat = [used(day, "n1", hour, "ml/chat", 3600, tensor_s=180, dram_s=2520, **BUSY)
            for day in DAYS for hour in range(24)]  # fmt: skip
    train = [used(day, "n2", hour, "ml/train", 16 * 3600, used_s=14 * 3600)
             for day in DAYS[2:4] for hour in range(24)]  # fmt: skip
    store(project, "gpu_hours", [*chat, *train])
    store(
        project,
        "subjects",
        [
            {
                "source": "dcgm", "day": day, "platform": "fra", "subject_kind": "pod",
                "subject_uid": f"ml/{name}", "name": name, "namespace": "ml",
                "first_seen": dt.datetime.fromisoformat(day),
                "last_seen": dt.datetime.fromisoformat(day) + dt.timedelta(hours=23),
            }
            for name, days in (("chat", DAYS), ("train", DAYS[2:4])) for day in days
        ],
    )  # fmt: skip
    estate = live_estate(known_estate(project))
    seen = things_seen(project, read_head(project.ledger.records), "2026-10", estate)
    return {one.workload: one.behaviour for one in seen.workloads}


def test_a_service_is_known_by_being_there_and_bound_by_what_it_is_busy_with(uses):
    chat = uses["chat"]
    assert (chat.run_h, chat.present_ratio, chat.used_ratio) == (288, 1.0, 0.3)
    assert (round(chat.tensor_ratio, 3), round(chat.dram_ratio, 3)) == (0.05, 0.7)
    told = infer(chat)
    assert (told.activity, told.profile) == ("inference", Profile.MEMORY_BOUND)
    assert told.profile_reason == "device memory active 70% of the time"


def test_a_training_is_known_by_its_size_and_its_end(uses):
    train = uses["train"]
    assert (train.run_h, train.gpus, train.tensor_ratio) == (48, 16, None)
    told = infer(train)
    assert (told.purpose, told.profile) == ("training", Profile.COMPUTE_BOUND)
