"""Counters of serving programs in a real Prometheus give the requests of each hour."""

import datetime as dt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.observe.rows import seen_by, source
from tests.observe.test_prometheus_real import START, STEP, Plan, pod
from watermaster.observe.prometheus_hours import HOUR_MS, Chunk
from watermaster.observe.prometheus_requests import growth
from watermaster.units.periods import Period

LATER = 10 * 24 * 60  # minutes after START, where no other test has planted anything
COUNTS = ("requests", "failed", "tokens_in", "tokens_out", "tokens_cached")


def steps(first, last, without=()):
    return [LATER + minute for minute in range(first, last) if minute not in without]


def per_minute(rate, since=0):
    """A counter that grows by `rate` a minute."""
    return lambda minute: (minute - LATER - since) * rate


def plan():
    p = Plan()
    at = {"job": "llm"}
    # vLLM for three hours: restarted at minute 90, not looked at from 130 to 170 (no reset)
    vllm = at | pod("v", "rag") | {"instance": "v:8000", "model_name": "llama-70b", "engine": "0"}
    when = steps(0, 180, range(130, 170))

    def since_start(rate):
        return lambda m: per_minute(rate)(m) if m < LATER + 90 else per_minute(rate, 90)(m)

    for reason, rate in (("stop", 3), ("length", 1), ("error", 1)):
        p.put("vllm:request_success_total", vllm | {"finished_reason": reason}, when,
              since_start(rate))  # fmt: skip
    for name, rate in (("prompt_tokens", 1000), ("generation_tokens", 200),
                       ("prompt_tokens_cached", 400), ("prefix_cache_hits", 390)):  # fmt: skip
        p.put(f"vllm:{name}_total", vllm, when, since_start(rate))
    # the queue proxy in the same pod counts the same requests
    proxy = at | pod("v", "rag") | {"instance": "v:9091", "configuration_name": "llm-predictor"}
    p.put("revision_app_request_count", proxy | {"response_code_class": "2xx"}, steps(0, 180),
          per_minute(5))  # fmt: skip
    # a second vLLM, older: only hits of its prefix cache; asked by nobody; dark in the third hour
    old = at | pod("w", "web") | {"instance": "w:8000", "model_name": "llama-70b"}
    p.put("vllm:request_success_total", old | {"finished_reason": "stop"}, steps(0, 125), 77)
    p.put("vllm:prefix_cache_hits_total", old, steps(0, 125), 5)
    tgi = at | {"namespace": "chat", "service": "tgi", "instance": "10.0.0.9:80"}
    p.put("tgi_request_count", tgi, steps(0, 61), per_minute(2))
    p.put("tgi_request_failure", tgi | {"err": "overloaded"}, steps(30, 61), 4)  # the first ones
    p.put("tgi_request_input_length_sum", tgi, steps(0, 61), per_minute(50))
    p.put("tgi_request_generated_tokens_sum", tgi, steps(0, 61), per_minute(30))
    triton = at | pod("t", "cv") | {"instance": "t:8002", "model": "resnet", "version": "2"}
    p.put("nv_inference_request_success", triton, steps(0, 61), per_minute(10))
    p.put("nv_inference_request_failure", triton, steps(0, 61), per_minute(1))
    p.put("nv_inference_request_success", triton | {"model": "yolo"}, steps(0, 61), per_minute(7))
    kserve = at | pod("k", "cv") | {"instance": "k:8080", "model_name": "iris"}
    p.put("request_predict_seconds_count", kserve, steps(0, 61), per_minute(6))
    knative = at | pod("q", "cv") | {"instance": "q:9091", "configuration_name": "bert-predictor"}
    for code, rate in (("2xx", 8), ("5xx", 2)):
        p.put("revision_app_request_count", knative | {"response_code_class": code},
              steps(0, 61), per_minute(rate))  # fmt: skip
    p.put("kube_pod_labels", pod("v", "rag") | {"label_team": "ml"}, steps(0, 180), 1)
    return p.text()


@pytest.fixture(scope="module")
def planted(prometheus):
    prometheus.load(plan())
    return source("prometheus", prometheus.address, platform="k8s", step_seconds=STEP)


def asked(planted, first, hours, **options):
    start = START + dt.timedelta(minutes=LATER, hours=first)
    spec = planted.model_copy(update={"options": options}) if options else planted
    return seen_by(spec, Period(start, start + dt.timedelta(hours=hours)))


@pytest.fixture(scope="module")
def seen(planted):
    return asked(planted, 0, 4)


def told(rows):
    return {
        (row["subject_kind"], row["subject_uid"], row["model"], row["version"], row["hour"].hour):
        tuple(row[name] for name in COUNTS) for row in rows
    }  # fmt: skip


def test_each_program_is_counted_once_through_resets_and_gaps(seen):
    assert told(seen["requests"]) == {
        ("pod", "rag/v", "llama-70b", None, 22): (300, 60, 60_000, 12_000, 24_000),
        # what grew between the last look and the restart is lost: one minute of it
        ("pod", "rag/v", "llama-70b", None, 23): (295, 59, 59_000, 11_800, 23_600),
        # the counters went on while nobody looked, all of it in this hour, until the last look
        ("pod", "rag/v", "llama-70b", None, 0): (295, 59, 59_000, 11_800, 23_600),
        ("pod", "web/w", "llama-70b", None, 22): (0, 0, None, None, 0),
        ("pod", "web/w", "llama-70b", None, 23): (0, 0, None, None, 0),
        ("endpoint", "chat/tgi", "tgi", None, 22): (120, 4, 3000, 1800, None),
        ("pod", "cv/t", "resnet", "2", 22): (660, 60, None, None, None),
        ("pod", "cv/t", "yolo", "2", 22): (420, None, None, None, None),
        ("pod", "cv/k", "iris", None, 22): (360, None, None, None, None),
        ("pod", "cv/q", "bert-predictor", None, 22): (600, 120, None, None, None),
    }


def test_an_hour_nobody_looked_at_is_no_hour_without_requests(seen):
    dark = [row for row in seen["requests"] if row["subject_uid"] == "web/w"]
    assert {row["hour"].hour for row in dark} == {22, 23}, "five minutes of the third tell nothing"


def test_servers_are_subjects_with_their_labels_and_model(seen):
    about = {row["subject_uid"]: row for row in seen["subjects"] if f"{row['day']}"[-2:] == "11"}
    assert about["rag/v"]["labels"] == '{"team":"ml"}'
    assert about["chat/tgi"]["subject_kind"] == "endpoint"
    assert (about["web/w"]["name"], about["web/w"]["model"]) == ("w", "llama-70b")
    assert len(seen["subjects"]) == len({(r["day"], r["subject_uid"]) for r in seen["subjects"]})


def test_any_cut_of_the_window_gives_the_same_requests(planted, seen):
    parts = {}
    for hour in range(4):
        parts |= told(asked(planted, hour, 1).get("requests", []))
    assert parts == told(seen["requests"])


def test_serving_can_be_left_out(planted):
    assert asked(planted, 0, 1, serving="no") == {}


@given(st.lists(st.tuples(st.integers(1, 200), st.integers(0, 9), st.booleans()),
                min_size=2, max_size=30))  # fmt: skip
def test_no_more_is_counted_than_the_counter_told(steps):
    """A counter looked at every so many minutes; sometimes it starts again."""
    at, value, total = [0], [0.0], 0.0
    for minutes, more, resets in steps:
        at.append(at[-1] + minutes * 60_000)
        value.append(float(more) if resets else value[-1] + more)
        total += more
    chunk = Chunk(0, 24 * 5, 60_000)
    grown, seen_ms = growth((np.array(at), np.array(value)), chunk)
    assert grown.sum() <= total
    assert (seen_ms <= HOUR_MS + 2 * chunk.step_ms).all()
