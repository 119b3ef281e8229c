"""A web server that answers what a real one answered: recorded through it, then played again.

What a test says it should do instead (refuse, break off, lie) it does to every question whose
path holds a word.
"""

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


@dataclass
class Answers:
    """Questions with their answers; `behind` is the real server they come from, if there is one."""

    held: dict[str, Any] = field(default_factory=dict)
    behind: str = ""
    faults: dict[str, Any] = field(default_factory=dict)  # word of a path to what to do
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)  # path and headers
    address: str = ""
    inside: Callable[[Callable[[], Any]], Any] = lambda work: work()  # where it is asked from

    @classmethod
    def of(cls, path: Path) -> "Answers":
        return cls(json.loads(path.read_text()))

    def keep(self, path: Path) -> None:
        path.write_text(json.dumps(self.held, indent=1, sort_keys=True) + "\n")

    def answer(self, question: str, body: bytes | None) -> tuple[int, bytes]:
        told = question + (f" {body.decode()}" if body else "")
        if self.behind:
            self.held[told] = self.inside(
                lambda: _ask(self.behind + question.split(" ", 1)[1], body)
            )
        if told not in self.held:
            return 404, json.dumps({"message": f"not recorded: {told}"}).encode()
        status, text = self.held[told]
        return status, text.encode() if isinstance(text, str) else json.dumps(text).encode()


def _ask(address: str, body: bytes | None) -> tuple[int, Any]:
    request = urllib.request.Request(address, body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            status, text = answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        status, text = error.code, error.read().decode()
    try:
        return status, json.loads(text)
    except ValueError:
        return status, text


class _Handler(BaseHTTPRequestHandler):
    answers: Answers

    def do_GET(self) -> None:
        self._answer(None)

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def _answer(self, body: bytes | None) -> None:
        self.answers.asked.append((self.path, dict(self.headers)))
        fault = next((do for word, do in self.answers.faults.items() if word in self.path), None)
        if isinstance(fault, int):  # refuse with a status
            self._send(fault, b'{"message": "no"}')
        elif isinstance(fault, bytes):  # say something else
            self._send(200, fault)
        elif isinstance(fault, threading.Event):  # say nothing until the test is over
            fault.wait(30)
        else:
            status, text = self.answers.answer(f"{self.command} {self.path}", body)
            self._send(status, text, half=fault == "half")

    def _send(self, status: int, text: bytes, *, half: bool = False) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        if status == 302:
            self.send_header("Location", f"{self.answers.address}/elsewhere")
        self.end_headers()
        self.wfile.write(text[: len(text) // 2] if half else text)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def answering(answers: Answers) -> Iterator[Answers]:
    """Serve them on the loopback."""
    handler = type("Handler", (_Handler,), {"answers": answers})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    answers.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield answers
    finally:
        for fault in answers.faults.values():
            if isinstance(fault, threading.Event):
                fault.set()
        server.shutdown()
        server.server_close()
