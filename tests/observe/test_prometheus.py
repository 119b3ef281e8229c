"""Samples to hours, labels to devices and holders, and servers that do not answer."""

import socket

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.observe.rows import seen_by, source
from watermaster.model.errors import BadInputError, BadResourceError
from watermaster.observe.dcgm import Device, Holder, Index, device_of, holder_of, share_of
from watermaster.observe.prometheus_hours import HOUR_MS, Chunk, Samples, hours, samples_of

CHUNK = Chunk(0, 4, 60_000)


def taken(*moments_s, device=0, value=1.0):
    at = np.array([moment * 1000 for moment in moments_s], np.int64)
    same = np.full(len(at), device, np.int64)
    return Samples(same, same, at, np.full(len(at), value))


@pytest.mark.parametrize(
    ("moments_s", "seen_s"),
    [
        ((0,), 60),
        ((0, 60), 120),
        ((0, 120), 180),  # one sample is missing: it holds
        ((0, 180), 120),  # two are missing: a gap
        ((0, 0, 60, 60), 120),  # the same sample twice
        ((0, 59, 61, 120), 180),  # jitter
        ((-30,), 30),  # begun before the chunk
        ((4 * 3600 - 10,), 10),  # goes on after it
    ],
)
def test_a_sample_holds_for_a_step_or_to_the_next(moments_s, seen_s):
    found = hours(taken(*moments_s).device, taken(*moments_s), CHUNK, 1)
    assert found.seen_ms.sum() == seen_s * 1000


@given(
    st.lists(
        st.tuples(st.integers(0, 1), st.integers(0, 4 * 3600 - 1), st.floats(0, 1)),
        min_size=2,
        max_size=40,
    )
)
def test_no_hour_is_longer_than_an_hour_and_no_mean_leaves_its_bounds(rows):
    device = np.array([row[0] for row in rows], np.int64)
    at_ms = np.array([row[1] for row in rows], np.int64) * 1000
    value = np.array([row[2] for row in rows])
    found = hours(device, Samples(device, device, at_ms, value), CHUNK, 2)
    assert (found.seen_ms <= HOUR_MS).all()
    assert (found.value_ms <= found.seen_ms * (1 + 1e-9)).all()
    moments = len(set(zip(device.tolist(), at_ms.tolist(), strict=True)))
    assert found.seen_ms.sum() <= moments * 2 * CHUNK.step_ms


def test_blanks_and_what_is_no_number_are_no_samples():
    labels = {"Hostname": "n1", "UUID": "GPU-a"}
    values = [[0, "0.5"], [60, "NaN"], [120, "140737488355328"], [180, "-1"], [240, "1"]]
    series = [{"metric": labels, "values": values}, {"metric": labels, "values": []}]
    found = samples_of("DCGM_FI_PROF_SM_ACTIVE", series, Index())
    assert found.value.tolist() == [0.5, 1.0]


@pytest.mark.parametrize(
    ("labels", "holder"),
    [
        ({}, None),
        ({"pod": "", "namespace": ""}, None),
        ({"pod": "a", "namespace": "n"}, Holder("pod", "n/a", "a", "n")),
        ({"pod": "a", "namespace": "n", "pod_uid": "u-1"}, Holder("pod", "u-1", "a", "n")),
        ({"pod": "x-dcgm-exporter-1", "namespace": "gpu"}, None),
        ({"pod": "e", "container": "nvidia-dcgm-exporter", "namespace": "gpu"}, None),
        (
            {"pod": "e", "namespace": "g", "exported_pod": "a", "exported_namespace": "n"},
            Holder("pod", "n/a", "a", "n"),
        ),
        ({"hpc_job": "17"}, Holder("job", "17", "17", None)),
        ({"hpc_job": "0"}, None),
    ],
)
def test_who_holds_a_gpu_is_told_by_the_labels(labels, holder):
    assert holder_of(labels) == holder


def test_a_device_is_told_by_its_labels():
    mig = {"node": "k1", "Hostname": "h1", "UUID": "GPU-a", "gpu": "0", "GPU_I_ID": "3"}
    assert device_of(mig) == Device("k1", "GPU-a", "3")
    assert device_of({"Hostname": "h1", "gpu": "1", "GPU_I_ID": ""}) == Device("h1", "1", None)


@pytest.mark.parametrize(
    ("profile", "model", "share"),
    [
        ("3g.40gb", "NVIDIA H100", 3 / 7),
        ("1g.5gb+me", "A100", 1 / 7),
        ("2g.12gb", "NVIDIA A30", 0.5),
        ("", "H100", 1.0),
    ],
)
def test_a_mig_profile_is_a_part_of_the_gpu(profile, model, share):
    assert share_of(profile, model) == share


def test_a_server_that_is_not_there_is_named(monkeypatch):
    monkeypatch.setattr("watermaster.observe.prometheus_http.WAIT_S", 0.001)
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # nobody listens
        address = f"http://127.0.0.1:{held.getsockname()[1]}"
        with pytest.raises(BadInputError, match="cannot be reached") as caught:
            seen_by(source("prometheus", address))
    assert address in str(caught.value)


@pytest.mark.parametrize(
    ("location", "options", "words"),
    [
        ("ftp://prometheus", {}, "no web address"),
        ("http://127.0.0.1:1", {"tokenFile": "/nowhere/token"}, "No such file"),
    ],
)
def test_a_source_that_cannot_work_is_told_before_anything_is_asked(location, options, words):
    with pytest.raises(BadResourceError, match=words):
        seen_by(source("prometheus", location, options=options))
