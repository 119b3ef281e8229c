"""Requests to models as OpenTelemetry tells them: metrics or spans of the GenAI conventions.

The location is a folder of frames (model/frames.py) as the receiver wrote them; each day is made
anew from all that was received since. The same bytes sent twice count once. Metrics and spans tell
of the same calls: `options.signal` says which of them counts, metrics unless told. Source of names:
OpenTelemetry semantic conventions for generative AI, 1.38.
"""

import datetime as dt
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from google.protobuf import json_format
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from watermaster.model.events import Notice, Progress, Tell
from watermaster.model.frames import Frame, frames_of
from watermaster.model.resources import LATE_DAYS, SourceSpec
from watermaster.model.seen import Seen
from watermaster.observe.batches import seen_rows
from watermaster.observe.gzips import plain_of
from watermaster.observe.otlp_counts import Counts, Subject
from watermaster.units.periods import Period

HOUR_NS: Final = 3600 * 10**9
AHEAD_NS: Final = 600 * 10**9  # how far a clock may be ahead
SILENT_MINUTES: Final = 60
MOST: Final = 2**53
WITHIN: Final = ("invoke_agent", "create_agent", "execute_tool")  # hold calls of their own
USAGE, DURATION = "gen_ai.client.token.usage", "gen_ai.client.operation.duration"
SERVED: Final = "gen_ai.server.request.duration"
CUMULATIVE: Final = 2  # AggregationTemporality
FAILED: Final = 2  # Status.StatusCode
_CACHED: Final = ("gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_read_input_tokens")


def observe(source: SourceSpec, window: Period, tell: Tell) -> Iterator[Seen]:
    """Rows of `requests` and `subjects` of the window's days, of which everything is there."""
    folder = Path(source.location)
    counts = Counts(window, _complete_from(folder))
    signal = source.options.get("signal", "metrics")
    reading = _Reading(source, counts)
    told: set[bytes] = set()
    repeated = 0
    first_day = f"{window.start - dt.timedelta(days=1):%Y-%m-%d}"
    files = sorted(file for file in folder.glob("*/*.frames") if file.parent.name >= first_day)
    for number, file in enumerate(files):
        tell(Progress(number, len(files), "files", file.name))
        for frame in frames_of(memoryview(file.read_bytes())):
            if frame.digest in told:
                repeated += 1
            elif frame.signal == signal:
                reading.take(frame)
            told.add(frame.digest)
    if repeated:
        tell(Notice(f"{repeated} requests were sent again, byte for byte; each counts once"))
    yield from counts.rows()
    faults = [*reading.faults(), *_silence(source, _newest_ns(folder))]
    where = source.platform or "otlp"
    yield from seen_rows("rejected", [
        {"delivery": "", "file": where, "row": row, "column": column, "reason": reason}
        for row, column, reason in faults
    ])  # fmt: skip


def _complete_from(folder: Path) -> str:
    """The first day of which nothing was removed yet."""
    trimmed = folder / "trimmed"
    if not trimmed.exists():
        return ""
    last = dt.date.fromisoformat(trimmed.read_text(encoding="ascii").strip())
    return f"{last + dt.timedelta(days=1)}"


def _newest_ns(folder: Path) -> int:
    """When something was received last; 0 where nothing ever was."""
    held = [file.stat().st_mtime_ns for file in folder.glob("*/*.frames")]
    if not held and (first := _complete_from(folder)):
        last = dt.datetime.fromisoformat(first).replace(tzinfo=dt.UTC)
        return int(last.timestamp()) * 10**9
    return max(held, default=0)


def _silence(source: SourceSpec, newest_ns: int) -> list[tuple[int, str, str]]:
    """A sender that used to send and does not any more is a gap."""
    minutes = float(source.options.get("silent_after_minutes", SILENT_MINUTES))
    if not newest_ns or time.time_ns() - newest_ns < minutes * 60 * 10**9:
        return []
    last = dt.datetime.fromtimestamp(newest_ns / 10**9, dt.UTC)
    return [(0, "received", f"nothing was received since {last:%Y-%m-%d %H:%M} UTC")]


@dataclass(frozen=True, slots=True)
class _Call:
    """What the attributes of a point or span say of a call."""

    model: str
    version: str | None
    consumer: str | None
    provider: str | None
    is_failed: bool


class _Reading:
    """Reads frames into counts; what cannot be used is counted by reason."""

    def __init__(self, source: SourceSpec, counts: Counts) -> None:
        self.source, self.counts = source, counts
        side = source.options.get("side", "client")
        self.durations = (SERVED,) if side == "server" else (DURATION,)
        self._subjects: dict[bytes, Subject] = {}
        self._faults: dict[str, int] = {}
        self._late_days = float(source.options.get("late_days", LATE_DAYS))
        self._from_ns, self._until_ns = 0, 0

    def take(self, frame: Frame) -> None:
        """One request."""
        self._until_ns = frame.received_ns + AHEAD_NS
        self._from_ns = frame.received_ns - int(self._late_days * 86400) * 10**9
        body = plain_of(frame.body) if frame.form.endswith("+gzip") else frame.body
        is_metrics = frame.signal == "metrics"
        message = ExportMetricsServiceRequest() if is_metrics else ExportTraceServiceRequest()
        try:
            if frame.form.startswith("json"):
                json_format.Parse(body, message, ignore_unknown_fields=True)
            else:
                message.ParseFromString(body)
        except (DecodeError, json_format.ParseError):
            self._fault("a request is no OTLP")
            return
        if isinstance(message, ExportMetricsServiceRequest):
            self._metrics(message)
        else:
            self._traces(message)

    def faults(self) -> list[tuple[int, str, str]]:
        """Number, column and reason of what was left out."""
        return [
            (number, "point", f"{count} times: {reason}")
            for number, (reason, count) in enumerate(sorted(self._faults.items()), start=1)
        ]

    def _fault(self, reason: str) -> None:
        self._faults[reason] = self._faults.get(reason, 0) + 1

    def _metrics(self, message: ExportMetricsServiceRequest) -> None:
        for held in message.resource_metrics:
            subject = None
            for scope in held.scope_metrics:
                for metric in scope.metrics:
                    if metric.name == USAGE or metric.name in self.durations:
                        subject = subject or self._subject(held.resource)
                        self._points(metric, subject)

    def _points(self, metric: Any, subject: Subject) -> None:
        kind = metric.WhichOneof("data")
        if kind not in ("histogram", "exponential_histogram", "sum"):
            self._fault(f"{metric.name} is a {kind}, not a histogram or sum")
            return
        held = getattr(metric, kind)
        is_total = held.aggregation_temporality == CUMULATIVE
        for point in held.data_points:
            at_ns = point.time_unix_nano
            if not self._is_in_time(at_ns):
                continue
            about = {one.key: one.value for one in point.attributes}
            call = _call(about)
            if metric.name == USAGE:
                figure = _figure_of(about)
                value = point.sum if kind != "sum" else point.as_int or point.as_double
            else:
                figure = "failed" if call.is_failed else "requests"
                value = point.count if kind != "sum" else point.as_int or point.as_double
            if figure is None:
                self._fault("gen_ai.token.type is neither input nor output")
                continue
            if not 0 <= value < MOST:
                self._fault("its value is no count")
                continue
            key = (call.model, call.version, call.consumer, call.provider)
            if is_total:
                # every other attribute makes it another total
                own = frozenset(one.SerializeToString() for one in point.attributes)
                told = (at_ns, point.start_time_unix_nano, value)
                self.counts.total((subject, key, figure, own), told)
            else:
                self.counts.add(subject, key, figure, (at_ns, value))

    def _traces(self, message: ExportTraceServiceRequest) -> None:
        for held in message.resource_spans:
            subject = None
            for scope in held.scope_spans:
                for span in scope.spans:
                    about = {one.key: one.value for one in span.attributes}
                    if "gen_ai.operation.name" not in about:
                        continue
                    if not self._is_in_time(span.end_time_unix_nano):
                        continue
                    subject = subject or self._subject(held.resource)
                    self._span(subject, span, about)

    def _span(self, subject: Subject, span: Any, about: Mapping[str, Any]) -> None:
        call, at_ns = _call(about), span.end_time_unix_nano
        key = (call.model, call.version, call.consumer, call.provider)
        is_failed = call.is_failed or span.status.code == FAILED
        self.counts.add(subject, key, "failed" if is_failed else "requests", (at_ns, 1))
        if about["gen_ai.operation.name"].string_value in WITHIN:
            return  # the calls within it tell their own tokens
        for figure, names in (
            ("tokens_in", ("gen_ai.usage.input_tokens",)),
            ("tokens_out", ("gen_ai.usage.output_tokens",)), ("tokens_cached", _CACHED),
        ):  # fmt: skip
            held = next((about[name] for name in names if name in about), None)
            if held is not None:
                count = held.int_value or held.double_value
                if 0 <= count < MOST:
                    self.counts.add(subject, key, figure, (at_ns, count))

    def _is_in_time(self, at_ns: int) -> bool:
        if at_ns > self._until_ns:
            self._fault("its time is after it was received; mend the sender's clock")
        elif at_ns < self._from_ns:
            self._fault(f"it came more than {self._late_days:g} days late: options.late_days")
        return self._from_ns <= at_ns <= self._until_ns

    def _subject(self, resource: Any) -> Subject:
        key: bytes = resource.SerializeToString(deterministic=True)
        found = self._subjects.get(key)
        if found is None:
            about = {one.key: _text(one.value) for one in resource.attributes}
            found = self._subjects[key] = _subject_of(about, self.source.platform)
        return found


def _figure_of(about: Mapping[str, Any]) -> str | None:
    word = about["gen_ai.token.type"].string_value if "gen_ai.token.type" in about else ""
    return {"input": "tokens_in", "output": "tokens_out", "completion": "tokens_out",
            "cache_read": "tokens_cached"}.get(word)  # fmt: skip


def _call(about: Mapping[str, Any]) -> _Call:
    """Of a tool or an agent its name stands for the model: both are Models too."""

    def told(*names: str) -> str | None:
        return next((about[n].string_value for n in names if n in about), None) or None

    operation = told("gen_ai.operation.name")
    model = told("gen_ai.response.model", "gen_ai.request.model")
    if operation == "execute_tool":
        model = told("gen_ai.tool.name") or model
    if operation in ("invoke_agent", "create_agent"):
        model = told("gen_ai.agent.name") or model
    return _Call(
        model=model or "unknown",
        version=None,
        consumer=told("enduser.id", "user.id"),
        provider=told("gen_ai.provider.name", "gen_ai.system"),
        is_failed="error.type" in about,
    )


_LEFT_OUT: Final = ("telemetry.", "process.", "host.", "os.", "container.", "service.instance")


def _subject_of(about: Mapping[str, str], platform: str | None) -> Subject:
    """The pod that sent it, else the service; its own attributes are labels."""
    pod, namespace = about.get("k8s.pod.name"), about.get("k8s.namespace.name")
    service = about.get("service.name") or "unknown"
    labels = {
        name: value
        for name, value in sorted(about.items())
        if not name.startswith(_LEFT_OUT) and not name.endswith(".uid")
    }
    where = platform or about.get("k8s.cluster.name") or "otlp"
    if pod and namespace:
        return Subject(where, "pod", f"{namespace}/{pod}", pod, namespace, labels)
    within = about.get("service.namespace")
    uid = f"{within}/{service}" if within else service
    return Subject(where, "service", uid, service, namespace, labels)


def _text(value: Any) -> str:
    kind = value.WhichOneof("value")
    return str(getattr(value, kind)) if kind else ""
