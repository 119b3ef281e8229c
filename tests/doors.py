"""A door in front of a real HTTP server: it lets requests through, or fails those a test names."""

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Asked:
    """One request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """All that names what is asked: line, target header and form."""
        target = self.headers.get("x-amz-target", "")
        return f"{self.method} {self.path} {target} {self.body.decode(errors='replace')}"


@dataclass
class Answer:
    """What the door says itself; `cut` promises more bytes than it sends."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False


Rule = Callable[[Asked], Answer | None]  # None: let it through


@dataclass
class Door:
    """Where it stands, what was asked, and the rule in force."""

    address: str = ""
    rule: Rule | None = None
    asked: list[Asked] = field(default_factory=list)
    behind: str = ""  # host and port of the server

    def count(self, words: str) -> int:
        """How many requests named this."""
        return sum(words in one.text for one in self.asked)


@contextmanager
def door_to(address: str) -> Iterator[Door]:
    """A door in front of http://HOST:PORT, on a port of its own."""
    door = Door(behind=urlsplit(address).netloc)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            asked = Asked(self.command, self.path, {k.lower(): v for k, v in self.headers.items()},
                          body)  # fmt: skip
            door.asked.append(asked)
            answer = (door.rule(asked) if door.rule else None) or through(door.behind, asked)
            self._say(answer)

        def _say(self, answer: Answer) -> None:
            self.send_response(answer.status)
            told = {k.lower(): v for k, v in answer.headers.items()}
            length = len(answer.body) * (2 if answer.cut else 1)
            if self.command == "HEAD":  # it tells the length of what it does not send
                length = int(told.get("content-length", length))
            held = {k: v for k, v in answer.headers.items() if k.lower() != "content-length"}
            for name, value in {**held, "Content-Length": str(length)}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body)
            self.close_connection = self.close_connection or answer.cut

        def log_message(self, *_: object) -> None:
            """Quiet."""

    for method in ("GET", "POST", "PUT", "HEAD", "DELETE"):
        setattr(Handler, f"do_{method}", Handler._serve)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    door.address = f"http://127.0.0.1:{server.server_address[1]}"
    running = threading.Thread(target=server.serve_forever, daemon=True)
    running.start()
    try:
        yield door
    finally:
        server.shutdown()
        server.server_close()
        running.join(timeout=10)


def through(netloc: str, asked: Asked) -> Answer:
    """The server's own answer."""
    connection = http.client.HTTPConnection(netloc, timeout=60)
    try:
        connection.request(asked.method, asked.path, asked.body, asked.headers)
        answer = connection.getresponse()
        body = answer.read()
        own = {"transfer-encoding", "connection", "server", "date"}
        kept = {k: v for k, v in answer.getheaders() if k.lower() not in own}
        return Answer(answer.status, body, kept)
    finally:
        connection.close()
