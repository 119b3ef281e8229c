"""Receive OTLP: a request is answered once its bytes are on disk; the next pull reads them.

One thread writes for all requests that wait, so that one fsync serves many of them.
"""

import datetime as dt
import errno
import queue
import threading
import time
import zlib
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Final

from google.protobuf import json_format
from google.protobuf.message import DecodeError, Message
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from watermaster.flows.open import Project
from watermaster.flows.sources import declared_sources
from watermaster.ledger.pulls import pull_states
from watermaster.ledger.spool import Spool, spool_folder, trim
from watermaster.model.errors import BadInputError, NotFoundError
from watermaster.model.frames import Frame, digest_of, framed
from watermaster.model.resources import SourceType

LONGEST_BYTES: Final = 16 << 20  # of a request as sent
LONGEST_PLAIN_BYTES: Final = 64 << 20  # unpacked
KNOWN_S: Final = 2.0  # a Source that was just declared is known after so long
MOST_WAITING: Final = 2000  # requests; more are asked to come again
MOST_TOGETHER: Final = 256  # requests that one fsync may serve
REQUESTS: Final[dict[str, type[Message]]] = {
    "metrics": ExportMetricsServiceRequest, "traces": ExportTraceServiceRequest,
}  # fmt: skip


class TooLargeError(BadInputError):
    """A request longer than is taken."""

    http_status = 413


@dataclass(frozen=True, slots=True)
class Request:
    """One OTLP request as it came."""

    signal: str
    is_json: bool
    is_packed: bool
    body: bytes


Waiting = tuple[str, bytes, "Future[None]"]  # source, frame, and what waits for it


class Receiver:
    """Takes requests for the declared sources of type otlp."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._waiting: queue.SimpleQueue[Waiting] = queue.SimpleQueue()
        self._spools: dict[str, Spool] = {}
        self._trimmed: dict[str, dt.date] = {}
        self._known: tuple[float, list[str]] = (0.0, [])
        # a daemon: what it has not written was not acknowledged, and is sent again
        threading.Thread(target=self._write, name="receive", daemon=True).start()

    def source(self, named: str | None) -> str:
        """The Source requests are for: as named, or the only one declared."""
        until, known = self._known
        if time.monotonic() > until:
            known = _declared(self._project)
            self._known = time.monotonic() + KNOWN_S, known
        if named in known:
            return str(named)
        if named is None and len(known) == 1:
            return known[0]
        have = f"declared are {', '.join(known)}" if known else "none of type otlp is declared"
        what = f"no Source {named} receives OTLP" if named else "it is not told for which Source"
        fix = f"declare one, or send the header x-watermaster-source; {have}"
        raise NotFoundError("OTLP", what, fix)

    def take(self, source: str, request: Request, digest: bytes) -> "Future[None]":
        """Done once the request is on disk; OSError where it cannot be, or too many wait.

        digest: as `check` gives it.
        """
        if self._waiting.qsize() > MOST_WAITING:
            raise OSError(errno.ENOBUFS, "too many requests wait for the disk")
        form = ("json" if request.is_json else "protobuf") + ("+gzip" if request.is_packed else "")
        frame = Frame(request.signal, form, time.time_ns(), digest, request.body)
        done: Future[None] = Future()
        self._waiting.put((source, framed(frame), done))
        return done

    def _write(self) -> None:
        while True:
            together = [self._waiting.get()]
            while len(together) < MOST_TOGETHER and not self._waiting.empty():
                together.append(self._waiting.get())
            self._store(together)

    def _store(self, together: Sequence[Waiting]) -> None:
        now = dt.datetime.now(dt.UTC)
        # a client that hung up while it waited is not stored, and nobody waits for it
        waiting = [one for one in together if one[2].set_running_or_notify_cancel()]
        for name in {source for source, _, _ in waiting}:
            mine = [(frame, done) for source, frame, done in waiting if source == name]
            try:
                self._spool(name, now).append([frame for frame, _ in mine], now)
            except OSError as error:
                for _, done in mine:
                    done.set_exception(error)
            else:
                for _, done in mine:
                    done.set_result(None)

    def _spool(self, source: str, now: dt.datetime) -> Spool:
        folder = spool_folder(self._project.home, source)
        if source not in self._spools:
            folder.mkdir(parents=True, exist_ok=True)
            self._spools[source] = Spool(folder)
        if self._trimmed.get(source) != now.date():
            self._trimmed[source] = now.date()
            state = pull_states(self._project.ledger.records).get(source)
            trim(folder, now, state.seen_until if state else None)
        return self._spools[source]


def _declared(project: Project) -> list[str]:
    sources = declared_sources(project)
    return [one.metadata.name for one in sources if one.spec.type is SourceType.OTLP]


def check(request: Request) -> bytes:
    """The digest of a request that can be read; BadInputError that says why it cannot."""
    if len(request.body) > LONGEST_BYTES:
        raise TooLargeError(
            "OTLP", f"is longer than {LONGEST_BYTES >> 20} MiB", "send less at once"
        )
    plain = unpacked(request.body) if request.is_packed else request.body
    message = REQUESTS[request.signal]()
    try:
        if request.is_json:
            json_format.Parse(plain, message, ignore_unknown_fields=True)
        else:
            message.ParseFromString(plain)
    except (DecodeError, json_format.ParseError, UnicodeDecodeError, RecursionError) as error:
        what = f"is no Export{request.signal.capitalize()}ServiceRequest ({str(error)[:120]})"
        raise BadInputError("OTLP", what, "mend the exporter") from None
    return digest_of(request.signal, plain)


def unpacked(body: bytes) -> bytes:
    """The bytes of all members of a gzip body; refused where there are more than are taken."""
    parts, room = [], LONGEST_PLAIN_BYTES
    while body:
        reader = zlib.decompressobj(wbits=31)
        try:
            parts.append(reader.decompress(body, room))
        except zlib.error as error:
            raise BadInputError("OTLP", f"is no gzip ({error})", "mend the exporter") from None
        room -= len(parts[-1])
        if reader.unconsumed_tail or room <= 0:
            what = f"unpacks to more than {LONGEST_PLAIN_BYTES >> 20} MiB"
            raise TooLargeError("OTLP", what, "send less at once")
        if not reader.eof:
            raise BadInputError("OTLP", "is half a gzip", "send it again")
        body = reader.unused_data
    return b"".join(parts)
