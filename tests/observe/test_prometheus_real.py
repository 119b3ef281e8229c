"""DCGM series planted in a real Prometheus give exactly the hours planted."""

import datetime as dt

import pytest

from tests.observe.rows import hours_of, plain, seen_by, source
from watermaster.model.errors import BadInputError
from watermaster.units.periods import Period

START = dt.datetime(2026, 9, 1, 22, tzinfo=dt.UTC)  # two hours before midnight
EPOCH = int(START.timestamp())
STEP = 60
GPU_A = {"Hostname": "n1", "UUID": "GPU-a", "gpu": "0", "modelName": "NVIDIA H100"}
GPU_B = {"Hostname": "n2", "UUID": "GPU-b", "gpu": "0", "modelName": "NVIDIA L40S"}
MIG_0 = {"Hostname": "n1", "UUID": "GPU-m", "modelName": "NVIDIA H100", "GPU_I_ID": "1"}
MIG_1 = MIG_0 | {"GPU_I_ID": "2", "GPU_I_PROFILE": "4g.40gb"}
MIG_0 = MIG_0 | {"GPU_I_PROFILE": "3g.40gb"}
SM, ENGINE = "DCGM_FI_PROF_SM_ACTIVE", "DCGM_FI_PROF_GR_ENGINE_ACTIVE"
UTIL, MEMORY = "DCGM_FI_DEV_GPU_UTIL", "DCGM_FI_DEV_FB_USED"
ENERGY, POWER = "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", "DCGM_FI_DEV_POWER_USAGE"
XID, CORDON = "DCGM_FI_DEV_XID_ERRORS", "kube_node_spec_unschedulable"


def pod(name, namespace="team-a", **more):
    return {"namespace": namespace, "pod": name, "container": "main"} | more


def minutes(first, last):
    """Minutes after START, the last one not included."""
    return range(first, last)


class Plan:
    """Series by name, as OpenMetrics text with times."""

    def __init__(self):
        self.series = {}

    def put(self, name, labels, when, value):
        told = ",".join(f'{key}="{text}"' for key, text in labels.items())
        lines = self.series.setdefault(name, [])
        for minute in when:
            number = value(minute) if callable(value) else value
            lines.append(f"{name}{{{told}}} {number} {EPOCH + minute * STEP}")

    def text(self):
        parts = [f"# TYPE {n} gauge\n" + "\n".join(lines) for n, lines in self.series.items()]
        return "\n".join(parts) + "\n# EOF\n"


def plan():
    p = Plan()
    # GPU a: pod x for 90 minutes, then pod y until 23:59; free from midnight on.
    for labels, when, busy in (
        (GPU_A | pod("x"), minutes(0, 90), 0.5),
        (GPU_A | pod("y"), minutes(90, 120), 0.25),
        (GPU_A, minutes(120, 180), 0),
    ):
        p.put(SM, labels, when, busy)
        p.put(UTIL, labels, when, busy * 180)  # reads higher, must not be used
        p.put(MEMORY, labels, when, 1024)
        p.put("DCGM_FI_PROF_PIPE_TENSOR_ACTIVE", labels, when, busy / 2)
        # 700 W, counted in mJ; the counter starts again at minute 100
        p.put(ENERGY, labels, when, lambda m: (m if m < 100 else m - 100) * 60 * 700_000)
    # GPU b: no SM_ACTIVE; GR_ENGINE_ACTIVE in the first hour, GPU_UTIL in both, dark 23:10-23:40.
    renamed = {"pod": "dcgm-exporter-7", "namespace": "monitoring"}
    renamed |= {"exported_pod": "z", "exported_namespace": "team-b", "exported_container": "main"}
    p.put(ENGINE, GPU_B | renamed, minutes(0, 60), 0.4)
    light = [*minutes(0, 70), *minutes(100, 120)]
    p.put(UTIL, GPU_B | renamed, light, 80)
    p.put(POWER, GPU_B | renamed, light, 300)
    p.put(XID, GPU_B | renamed, light, lambda m: 79 if 30 <= m < 45 else 31 if m >= 100 else 0)
    p.put(CORDON, {"node": "n2"}, minutes(0, 120), lambda m: int(20 <= m < 50))
    # a GPU cut in two: only its instances are supply
    p.put(SM, MIG_0 | pod("small"), minutes(0, 60), 0.7)
    p.put(SM, MIG_1, minutes(0, 60), 0)
    whole = {"Hostname": "n1", "UUID": "GPU-m", "modelName": "NVIDIA H100"}
    p.put(POWER, whole, minutes(0, 60), 100)
    # the exporter itself is on a free GPU: nobody holds it
    idle = {"Hostname": "n3", "UUID": "GPU-i", "modelName": "NVIDIA L40S"}
    p.put(SM, idle | {"pod": "dcgm-exporter-9", "namespace": "monitoring"}, minutes(0, 60), 0)
    p.put("kube_pod_labels", pod("x") | {"label_team": "ml"}, minutes(0, 90), 1)
    p.put("kube_pod_labels", pod("z", "team-b") | {"label_team": "ops"}, minutes(0, 120), 1)
    return p.text()


@pytest.fixture(scope="module")
def planted(prometheus):
    prometheus.load(plan())
    return source("prometheus", prometheus.address, platform="k8s", step_seconds=STEP)


@pytest.fixture(scope="module")
def seen(planted):
    return seen_by(planted, Period(START, START + dt.timedelta(hours=4)))


def of(rows, gpu):
    return [row for row in rows if row["gpu"] == gpu]


def test_a_change_of_pods_parts_the_hour(seen):
    names = ("hour", "subject_uid", "reserved_s", "used_s", "utilisation_field", "memory_bytes")
    rows = [row for row in of(seen["gpu_hours"], "GPU-a") if row["subject_uid"]]
    assert [(h[11:13], *rest) for h, *rest in hours_of(rows, *names)] == [
        ("22", "team-a/x", 3600, 1800, "SM_ACTIVE", 1 << 30),
        ("23", "team-a/x", 1800, 900, "SM_ACTIVE", 1 << 30),
        ("23", "team-a/y", 1800, 450, "SM_ACTIVE", 1 << 30),
    ]


def test_tensor_activity_is_told_where_it_is_measured_and_dram_is_unknown(seen):
    rows = [row for row in of(seen["gpu_hours"], "GPU-a") if row["subject_uid"]]
    told = sorted((row["subject_uid"], row["tensor_s"], row["dram_s"]) for row in rows)
    assert told == [
        ("team-a/x", 450, None), ("team-a/x", 900, None), ("team-a/y", 225, None)
    ]  # fmt: skip
    assert {row["tensor_s"] for row in of(seen["gpu_hours"], "GPU-b")} == {None}


def test_energy_counts_through_a_reset_and_idle_hours(seen):
    joules = {}
    for row in of(seen["gpu_hours"], "GPU-a"):
        key = row["hour"].hour, row["subject_uid"]
        joules[key] = row["energy_j"]
    minute = 60 * 700
    assert joules == {
        (22, "team-a/x"): 60 * minute,
        (23, "team-a/x"): 30 * minute,
        (23, "team-a/y"): 29 * minute,  # what grew between the last look and the reset is lost
        (0, None): 59 * minute,  # nothing is known after the last sample
    }


def test_the_field_is_the_best_there_is_in_each_hour_and_gaps_stay_gaps(seen):
    names = ("hour", "subject_uid", "reserved_s", "used_s", "utilisation_field", "energy_j")
    assert [(h[11:13], *rest) for h, *rest in hours_of(of(seen["gpu_hours"], "GPU-b"), *names)] == [
        ("22", "team-b/z", 3600, 1440, "GR_ENGINE_ACTIVE", 3600 * 300),
        ("23", "team-b/z", 1800, 1440, "GPU_UTIL", 1800 * 300),
    ]


def test_supply_is_what_was_seen_healthy_and_open(seen):
    names = ("hour", "present_s", "healthy_s", "schedulable_s", "model")
    assert [
        (h[11:13], *rest) for h, *rest in hours_of(of(seen["gpu_supply"], "GPU-b"), *names)
    ] == [
        ("22", 3600, 2700, 1800, "NVIDIA L40S"),  # 15 minutes of XID 79, 30 minutes cordoned
        ("23", 1800, 1800, 1800, "NVIDIA L40S"),  # XID 31 is the program's own
    ]
    idle = of(seen["gpu_supply"], "GPU-a")
    assert [row["present_s"] for row in idle] == [3600, 3600, 3600]
    assert {row["evidence"] for row in idle} == {SM}


def test_the_exporter_holds_no_gpu(seen):
    assert [row["present_s"] for row in of(seen["gpu_supply"], "GPU-i")] == [3600]
    assert of(seen["gpu_hours"], "GPU-i") == []


def test_mig_instances_count_as_their_part_of_the_gpu(seen):
    names = ("mig", "present_s")
    assert hours_of(of(seen["gpu_supply"], "GPU-m"), *names) == [("1", 1543), ("2", 2057)]
    held = hours_of(of(seen["gpu_hours"], "GPU-m"), "mig", "subject_uid", "reserved_s", "used_s")
    assert held == [("1", "team-a/small", 1543, 1080), (None, None, 0, None)]
    assert sum(row["energy_j"] or 0 for row in of(seen["gpu_hours"], "GPU-m")) == 3600 * 100


def test_pods_have_their_labels_and_days(seen):
    names = ("day", "subject_kind", "subject_uid", "namespace", "name", "labels")
    assert hours_of(seen["subjects"], *names) == [
        ("2026-09-01", "pod", "team-a/small", "team-a", "small", None),
        ("2026-09-01", "pod", "team-a/x", "team-a", "x", '{"team":"ml"}'),
        ("2026-09-01", "pod", "team-a/y", "team-a", "y", None),
        ("2026-09-01", "pod", "team-b/z", "team-b", "z", '{"team":"ops"}'),
    ]


def test_any_cut_of_the_window_gives_the_same_rows(planted, seen):
    parts = {}
    for hour in range(4):
        start = START + dt.timedelta(hours=hour)
        for table, rows in seen_by(planted, Period(start, start + dt.timedelta(hours=1))).items():
            parts.setdefault(table, []).extend(rows)
    for table in ("gpu_hours", "gpu_supply"):
        names = [name for name in seen[table][0] if name != "model"]
        assert hours_of(parts[table], *names) == hours_of(seen[table], *names)


def test_only_the_series_asked_for_are_read(planted):
    only = planted.model_copy(update={"options": {"match": '{Hostname="n2"}'}})
    rows = seen_by(only, Period(START, START + dt.timedelta(hours=2)))
    assert {row["gpu"] for row in rows["gpu_supply"]} == {"GPU-b"}


def test_a_time_without_samples_is_empty_and_said_to_be(planted):
    told = []
    before = START - dt.timedelta(days=3)
    assert seen_by(planted, Period(before, before + dt.timedelta(days=1)), told) == {}
    assert any("nothing was seen" in getattr(event, "text", "") for event in told)


def test_a_step_that_is_too_short_is_told(planted):
    told = []
    hasty = planted.model_copy(update={"step_seconds": 15})
    rows = seen_by(hasty, Period(START, START + dt.timedelta(hours=1)), told)
    assert max(plain(row["present_s"]) for row in rows["gpu_supply"]) == 900
    assert any("set stepSeconds" in getattr(event, "text", "") for event in told)


def test_a_refused_query_says_why(planted):
    bad = planted.model_copy(update={"options": {"match": "{what"}})
    with pytest.raises(BadInputError, match="answered 400 to count"):
        seen_by(bad, Period(START, START + dt.timedelta(hours=1)))
