"""Hand events to a syslog server (RFC 5424 over UDP, TCP, TLS or a socket file) or a webhook."""

import datetime as dt
import json
import os
import socket
import ssl
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from watermaster.act.webhook import post
from watermaster.model.channels import ChannelSpec
from watermaster.model.config import EventSink
from watermaster.model.errors import WatermasterError

TIMEOUT_S: Final = 10.0
AUTHPRIV: Final = 10
WARNING, NOTICE, INFO = 4, 5, 6
PORTS: Final = {"udp": 514, "tcp": 514, "tls": 6514}
Event = Mapping[str, Any]


def hand_over(sink: EventSink, events: Sequence[Event], key: str) -> None:
    """Send events in their order; WatermasterError where they did not get there, all or some.

    key: the same for each try of the same events.
    """
    place = urlsplit(sink.to)
    if place.scheme in {"https", "http"}:
        spec = ChannelSpec(type="webhook", location=sink.to, secret=sink.secret)
        now_s = int(dt.datetime.now(dt.UTC).timestamp())
        post(spec, json.dumps(list(events), ensure_ascii=False).encode(), now_s, key)
        return
    try:
        with _connected(place) as connection:
            for event in events:
                line = as_syslog(event, socket.gethostname(), os.getpid())
                is_stream = connection.type == socket.SOCK_STREAM
                connection.sendall(f"{len(line)} ".encode() + line if is_stream else line)
    except OSError as error:
        raise WatermasterError(
            f"events to {place.scheme}://{place.hostname or place.path}",
            f"were not taken ({error.strerror or error})", "see that it runs",
        ) from None  # fmt: skip


def as_syslog(event: Event, host: str, pid: int) -> bytes:
    """One line of RFC 5424 with the event as JSON.

    >>> as_syslog({"time": 0, "class_uid": 3002, "severity_id": 1}, "h", 7)[:54]
    b'<86>1 1970-01-01T00:00:00.000Z h watermaster 7 3002 - '
    """
    level = {1: INFO, 2: NOTICE}.get(int(event["severity_id"]), WARNING)
    at = dt.datetime.fromtimestamp(event["time"] / 1000, dt.UTC)
    moment = f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"
    head = f"<{AUTHPRIV * 8 + level}>1 {moment} {host} watermaster {pid} {event['class_uid']} - "
    return head.encode() + json.dumps(event).encode()  # ASCII, so that no BOM is needed


def _connected(place: SplitResult) -> socket.socket:
    if place.scheme == "unix":
        made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            made.connect(place.path)
        except OSError:
            made.close()
            raise
        return made
    host, port = place.hostname or "", place.port or PORTS[place.scheme]
    if place.scheme == "udp":
        kind = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        made = socket.socket(kind[0], socket.SOCK_DGRAM)
        made.connect(kind[4])
        return made
    plain = socket.create_connection((host, port), TIMEOUT_S)
    if place.scheme == "tcp":
        return plain
    return ssl.create_default_context().wrap_socket(plain, server_hostname=host)
