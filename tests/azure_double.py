"""A small double of Azure's control plane: Resource Graph, Resource Manager lists, sign-in.

It holds resources in the shapes of Azure's REST reference and answers over real HTTP. It is no
Azure: what it does not do, nobody has asked it yet.
"""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from tests.azure_changes import change

TOKEN = "a-token-of-the-double"
HEADER = "the-secret-of-the-machine"  # what a managed identity shows to ask for a token


@dataclass
class Azure:
    """Subscriptions our identity sees, and what is in them."""

    address: str = ""
    subscriptions: list[str] = field(default_factory=list)
    resources: list[dict] = field(default_factory=list)
    computes: dict[str, list[dict]] = field(default_factory=dict)  # by id of the workspace
    gpus: dict[str, int] = field(default_factory=dict)  # machine size to GPUs
    page: int = 1_000  # most rows it tells at once
    denied: str = ""  # method and end of a path that is refused, e.g. "PUT /snapshots"
    busy: int = 0  # requests that are throttled before one is answered
    slow: int = 0  # looks until what is made is ready


def answer(azure: Azure, method: str, path: str, body: dict) -> tuple[int, object]:
    """Status and document."""
    parts, asked = urlsplit(path), parse_qs(urlsplit(path).query)
    if parts.path == "/token":
        return 200, {"access_token": TOKEN, "expires_on": "4102444800", "token_type": "Bearer",
                     "resource": asked["resource"][0]}  # fmt: skip
    if parts.path == "/subscriptions":
        return 200, {"value": [{"subscriptionId": one} for one in azure.subscriptions]}
    if parts.path.lower() == "/providers/microsoft.resourcegraph/resources" and method == "POST":
        return graph(azure, body)
    if parts.path.lower().endswith("/microsoft.compute/skus"):
        return 200, {"value": [
            {"resourceType": "virtualMachines", "name": size,
             "capabilities": [{"name": "vCPUs", "value": "4"}, {"name": "GPUs", "value": str(n)}]}
            for size, n in azure.gpus.items()
        ]}  # fmt: skip
    if parts.path.endswith("/computes"):
        return computes(azure, parts.path, int(asked.get("skip", ["0"])[0]))
    return change(azure, method, parts.path, body)


def graph(azure: Azure, body: dict) -> tuple[int, object]:
    """The rows of `type in~ (...)`, ordered by id, from the place the token names."""
    types = {one.lower() for one in re.findall("'([^']+)'", body["query"])}
    wanted = {one.lower() for one in body["subscriptions"]} & set(azure.subscriptions)
    rows = sorted(
        (one for one in azure.resources
         if one["type"].lower() in types and one["id"].split("/")[2].lower() in wanted),
        key=lambda one: one["id"],
    )  # fmt: skip
    first = int(body["options"].get("$skipToken", "0"))
    end = first + min(azure.page, body["options"]["$top"])
    told = {"totalRecords": len(rows), "count": len(rows[first:end]), "data": rows[first:end],
            "resultTruncated": "false"}  # fmt: skip
    return 200, told | ({"$skipToken": str(end)} if end < len(rows) else {})


def computes(azure: Azure, path: str, first: int) -> tuple[int, object]:
    """Two computes a page."""
    held = azure.computes.get(path.removesuffix("/computes"), [])
    told: dict[str, object] = {"value": held[first : first + 2]}
    if first + 2 < len(held):
        told["nextLink"] = f"{azure.address}{path}?api-version=2024-04-01&skip={first + 2}"
    return 200, told


@contextmanager
def azure_double(azure: Azure) -> Iterator[Azure]:
    """It serves on a port of its own."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or "{}")
            if self.path.startswith("/token"):
                allowed = self.headers.get("X-IDENTITY-HEADER") == HEADER
            else:
                allowed = self.headers.get("Authorization") == f"Bearer {TOKEN}"
            status, told = (
                answer(azure, self.command, self.path, body) if allowed
                else (401, {"error": {"code": "InvalidAuthenticationToken"}})
            )  # fmt: skip
            text = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        setattr(Handler, f"do_{method}", Handler._serve)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    azure.address = f"http://127.0.0.1:{server.server_address[1]}"
    running = threading.Thread(target=server.serve_forever, daemon=True)
    running.start()
    try:
        yield azure
    finally:
        server.shutdown()
        server.server_close()
        running.join(timeout=10)
