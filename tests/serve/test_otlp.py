"""OTLP is taken from the real SDK, in every form, once, and kept before it is acknowledged."""

import gzip
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
import uvicorn

from tests.components import free_port, until
from tests.flows.small import declare, project_at, resource, rows_of
from watermaster.flows.source_gaps import source_gaps
from watermaster.flows.sync import sync
from watermaster.ledger.open import utc_clock
from watermaster.ledger.spool import spool_folder
from watermaster.model.frames import frames_of
from watermaster.serve.app import create_app

TOKENS, DURATION = "gen_ai.client.token.usage", "gen_ai.client.operation.duration"


@pytest.fixture
def project(tmp_path):
    made = project_at(tmp_path / "home", utc_clock)
    declare(
        made, resource("Team", "rag", {"unit": "ml"}),
        resource("Source", "calls", {"type": "otlp", "location": "otlp:", "platform": "genai"}),
    )  # fmt: skip
    return made


@pytest.fixture
def address(project):
    """Where the server listens."""
    port = free_port()
    config = uvicorn.Config(create_app(project), port=port, log_level="warning")
    server = uvicorn.Server(config)
    running = threading.Thread(target=server.run)
    running.start()
    until(lambda: server.started, 20, "the server")
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    running.join()


def post(address, signal_name, body, kind="application/json", **headers):
    """Status and body of the answer."""
    request = urllib.request.Request(
        f"{address}/v1/{signal_name}", body, {"content-type": kind, **headers}, method="POST"
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def attributes(**told):
    return [{"key": key, "value": {"stringValue": value}} for key, value in told.items()]


def metrics(service, tokens, *, total=False, start=0, at=None, model="gpt-5"):
    """One batch of a service: input tokens, and one call of which half of the time failed."""
    at_ns = at or time.time_ns()

    def points(name, value, **more):
        about = attributes(**{"gen_ai.request.model": model, **more})
        point = {"attributes": about, "timeUnixNano": str(at_ns), "startTimeUnixNano": str(start),
                 "count": "1", "sum": value}  # fmt: skip
        kind = {"aggregationTemporality": 2 if total else 1, "dataPoints": [point]}
        return {"name": name, "histogram": kind}

    held = [points(TOKENS, tokens, **{"gen_ai.token.type": "input"}), points(DURATION, 1),
            points(DURATION, 1, **{"error.type": "timeout"})]  # fmt: skip
    about = attributes(**{"service.name": service, "team": service})
    scopes = [{"metrics": held}]
    told = {"resourceMetrics": [{"resource": {"attributes": about}, "scopeMetrics": scopes}]}
    return json.dumps(told).encode()


def counted(project):
    """Requests, failed and tokens read by service, after a pull."""
    sync(project, ["calls"])
    found = {}
    for row in rows_of(project, "requests"):
        held = found.setdefault(row["subject_uid"], [0, 0, 0])
        for place, name in enumerate(("requests", "failed", "tokens_in")):
            held[place] += row[name] or 0
    return {name: tuple(held) for name, held in found.items()}


def test_the_real_sdk_is_understood(project, address):
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor

    for name, tokens in (("rag", 700), ("web", 30)):
        about = Resource.create({"service.name": name, "service.namespace": "shop"})
        exporter = OTLPMetricExporter(f"{address}/v1/metrics")
        reader = PeriodicExportingMetricReader(exporter, export_interval_millis=3_600_000)
        provider = MeterProvider([reader], about)
        meter = provider.get_meter("calls")
        told = {"gen_ai.request.model": "gpt-5", "gen_ai.token.type": "input"}
        usage, lasted = meter.create_histogram(TOKENS), meter.create_histogram(DURATION)
        for _ in range(2):
            usage.record(tokens, told)
            lasted.record(1.5, {"gen_ai.request.model": "gpt-5"})
            provider.force_flush()  # running totals, the second of which holds the first
        provider.shutdown()
        tracer = TracerProvider(resource=about)
        sender = SimpleSpanProcessor(OTLPSpanExporter(f"{address}/v1/traces"))
        tracer.add_span_processor(sender)
        with tracer.get_tracer("calls").start_as_current_span("chat gpt-5") as span:
            span.set_attribute("gen_ai.operation.name", "chat")
        tracer.shutdown()
    assert counted(project) == {"shop/rag": (2, 0, 1400), "shop/web": (2, 0, 60)}


def test_spans_count_where_the_source_says_so(project, address):
    declare(project, resource("Source", "calls", {
        "type": "otlp", "location": "otlp:", "options": {"signal": "traces"}}))  # fmt: skip
    now = str(time.time_ns())

    def span(operation, status=0, **told):
        about = attributes(**{"gen_ai.operation.name": operation, **told})
        about += [{"key": f"gen_ai.usage.{way}_tokens", "value": {"intValue": count}}
                  for way, count in (("input", "50"), ("output", "7"))]  # fmt: skip
        return {"name": operation, "endTimeUnixNano": now, "attributes": about,
                "status": {"code": status}}  # fmt: skip

    spans = [span("chat", **{"gen_ai.request.model": "gpt-5"}),
             span("chat", 2, **{"gen_ai.response.model": "gpt-5"}),
             span("execute_tool", **{"gen_ai.tool.name": "search"}),
             {"name": "GET /", "endTimeUnixNano": now}]  # fmt: skip
    pod = attributes(**{"k8s.pod.name": "p-1", "k8s.namespace.name": "rag",
                        "k8s.cluster.name": "eks", "service.name": "bot"})  # fmt: skip
    body = json.dumps({"resourceSpans": [{"resource": {"attributes": pod},
                                          "scopeSpans": [{"spans": spans}]}]}).encode()  # fmt: skip
    assert post(address, "traces", body)[0] == 200
    assert post(address, "metrics", metrics("web", 9))[0] == 200  # the same calls, told again
    assert counted(project) == {"rag/p-1": (3, 1, 100)}, "a tool's tokens are its calls'"
    assert {row["model"] for row in rows_of(project, "requests")} == {"gpt-5", "search"}
    assert {row["platform"] for row in rows_of(project, "subjects")} == {"eks"}


def test_the_same_bytes_count_once_and_running_totals_by_what_they_grew(project, address):
    began = time.time_ns() - 10**9
    bodies = [
        metrics("rag", 100), metrics("rag", 100), metrics("web", 5),
        metrics("sum", 10, total=True, start=began), metrics("sum", 25, total=True, start=began),
        metrics("old", 1000, total=True, start=1), metrics("old", 1010, total=True, start=1),
    ]  # fmt: skip
    for body in (*bodies, bodies[0], bodies[2]):
        assert post(address, "metrics", gzip.compress(body, mtime=0),
                    **{"content-encoding": "gzip"})[0] == 200  # fmt: skip
    assert counted(project)["rag"] == (4, 2, 200)
    assert counted(project)["web"] == (2, 1, 5)
    assert counted(project)["sum"][2] == 25
    assert "old" not in counted(project), "what it counted before anybody listened is not new"


PACKED, PROTOBUF = {"content-encoding": "gzip"}, "application/x-protobuf"
REFUSED = {
    "half a JSON": (b"{half", "application/json", {}, 400, b"is no ExportMetricsServiceReq"),
    "no protobuf": (b"\xff\xff\xff", PROTOBUF, {}, 400, b"is no ExportMetrics"),
    "nothing": (b"", PROTOBUF, {}, 400, b"is empty"),
    "no gzip": (b"no gzip", "application/json", PACKED, 400, b"is no gzip"),
    "bomb": (gzip.compress(bytes(65 << 20), mtime=0), PROTOBUF, PACKED, 413, b"unpacks to more"),
    "long": (bytes(17 << 20), PROTOBUF, {}, 413, b"is longer than 16 MiB"),
    "text": (b"{}", "text/plain", {}, 415, b"send application/x-protobuf"),
    "brotli": (b"{}", "application/json", {"content-encoding": "br"}, 415, b"plain or gzip"),
    "no source": (b"{}", "application/json", {"x-watermaster-source": "no"}, 404,
                  b"declared are calls"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_read_is_refused_in_the_form_of_otlp(project, address, what):
    body, kind, headers, status, said = REFUSED[what]
    told = post(address, "metrics", body, kind, **headers)
    assert told[0] == status
    assert said in told[1]
    assert not list(spool_folder(project.home, "calls").glob("*/*"))


def test_a_clock_that_is_ahead_is_told_and_a_sender_that_fell_silent_is_a_gap(project, address):
    post(address, "metrics", metrics("rag", 5, at=time.time_ns() + 7200 * 10**9))
    post(address, "metrics", metrics("web", 5))
    assert counted(project) == {"web": (2, 1, 5)}
    (told,) = {row["reason"] for row in rows_of(project, "rejected")}
    assert "3 times: its time is after it was received" in told
    assert source_gaps(project) == []
    declare(project, resource("Source", "calls", {
        "type": "otlp", "location": "otlp:", "platform": "genai",
        "options": {"silent_after_minutes": "0"}}))  # fmt: skip
    sync(project, ["calls"])
    (gap,) = source_gaps(project)
    assert "nothing was received since" in gap.what


def test_what_was_acknowledged_outlives_a_kill(project, tmp_path):
    """Killed in the middle of many requests: every acknowledged one is there, none twice."""
    port = free_port()
    command = [sys.executable, "-m", "watermaster", "--home", str(project.home), "serve",
               "--port", str(port), "--no-sync"]  # fmt: skip
    address, acknowledged = f"http://127.0.0.1:{port}", []
    for round_ in range(2):
        with (tmp_path / f"server-{round_}.log").open("wb") as log:
            server = subprocess.Popen(command, stdout=log, stderr=log, env=dict(os.environ))
        until(lambda: _answers(address), 60, "the server")
        senders = [threading.Thread(target=_send, args=(address, f"{round_}-{n}", acknowledged))
                   for n in range(4)]  # fmt: skip
        for sender in senders:
            sender.start()
        before = len(acknowledged)
        until(lambda before=before: len(acknowledged) > before + 15, 60, "acknowledgements")
        server.send_signal(signal.SIGKILL)
        server.wait()
        for sender in senders:
            sender.join()
    held = [
        frame.body
        for file in spool_folder(project.home, "calls").glob("*/*.frames")
        for frame in frames_of(file.read_bytes())
    ]
    assert set(acknowledged) <= set(held)
    assert len(set(acknowledged)) == len(acknowledged)
    assert sum(one[2] for one in counted(project).values()) == len(set(held))


def _answers(address):
    try:
        urllib.request.urlopen(f"{address}/metrics", timeout=5).close()
    except OSError:
        return False
    return True


def _send(address, name, acknowledged):
    for number in range(10_000):
        body = metrics(f"{name}-{number}", 1)
        try:
            status, _ = post(address, "metrics", body)
        except (OSError, ValueError, http.client.HTTPException):
            return
        if status == 200:
            acknowledged.append(body)


def test_totals_that_differ_in_any_attribute_are_summed_and_odd_values_left_out(project, address):
    began = time.time_ns() - 10**9

    def usage(value, **more):
        told = json.loads(metrics("rag", value, total=True, start=began))
        (held,) = told["resourceMetrics"]
        (scope,) = held["scopeMetrics"]
        scope["metrics"] = scope["metrics"][:1]
        scope["metrics"][0]["histogram"]["dataPoints"][0]["attributes"] += attributes(**more)
        return json.dumps(told).encode()

    for name, value in (("a", 10), ("b", 4), ("a", 12), ("c", -5), ("d", "NaN"), ("e", 1e300)):
        body = usage(value, **{"server.address": name})
        assert post(address, "metrics", body)[0] == 200
    assert counted(project)["rag"][2] == 12 + 4
    (told,) = {row["reason"] for row in rows_of(project, "rejected")}
    assert "3 times: its value is no count" in told


def test_a_point_that_comes_late_finds_its_day_after_other_pulls(project, address):
    day_ns = 86400 * 10**9
    post(address, "metrics", metrics("rag", 5))
    assert counted(project)["rag"][2] == 5
    post(address, "metrics", metrics("web", 7, at=time.time_ns() - day_ns * 3 // 2))
    post(address, "metrics", metrics("old", 7, at=time.time_ns() - 3 * day_ns))
    assert {name: one[2] for name, one in counted(project).items()} == {"rag": 5, "web": 7}
    (told,) = {row["reason"] for row in rows_of(project, "rejected")}
    assert "it came more than 2 days late" in told


def test_the_same_request_packed_anew_counts_once(project, address):
    body = metrics("rag", 5)
    for moment in (1, 2):
        packed = gzip.compress(body, mtime=moment)
        assert post(address, "metrics", packed, **PACKED)[0] == 200
    members = gzip.compress(body[:9], mtime=3) + gzip.compress(body[9:], mtime=3)
    assert post(address, "metrics", members, **PACKED)[0] == 200
    assert counted(project) == {"rag": (2, 1, 5)}


def test_half_a_frame_at_the_end_of_a_file_is_left_out(project, address):
    for name in ("rag", "web"):
        post(address, "metrics", metrics(name, 5))
    (file,) = Path(spool_folder(project.home, "calls")).glob("*/*.frames")
    whole = file.read_bytes()
    file.write_bytes(whole[:-9])
    assert list(counted(project)) == ["rag"]
    file.write_bytes(whole)
    assert set(counted(project)) == {"rag", "web"}
