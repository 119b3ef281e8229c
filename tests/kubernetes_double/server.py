"""The double over HTTP."""

import base64
import email.utils
import json
import re
import ssl
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ruamel.yaml import YAML

from tests.kubernetes_double.admission import Admission
from tests.kubernetes_double.certificate import certified
from tests.kubernetes_double.faults import Faults
from tests.kubernetes_double.kinds import BUILT_IN, RESOURCES, Resource
from tests.kubernetes_double.objects import Event, Json, Objects, RefusedError
from tests.kubernetes_double.selectors import matches, merged, patched

TOKEN = "double-token"
_PATH = re.compile(
    r"/(?:api/(?P<core>v1)|apis/(?P<group>[^/]+)/(?P<version>[^/]+))"
    r"(?:/namespaces/(?P<namespace>[^/]+)(?=/))?/(?P<plural>[^/]+)"
    r"(?:/(?P<name>[^/]+)(?:/(?P<sub>status|scale))?)?"
)
CREATED, OK = 201, 200


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that leaves in the middle is no fault of ours; anything else is told."""
        if not isinstance(sys.exception(), (ConnectionError, ssl.SSLError)):
            super().handle_error(request, client_address)


class Double:
    """A cluster's API server at an address of this machine; end it with `stop`."""

    def __init__(self, *, settles: bool = False) -> None:
        self.objects, self.faults = Objects(settles=settles), Faults()
        self.requests: list[str] = []  # paths asked for, in order
        self.asked_for: set[tuple[str, str, str]] = set()  # verb, group and plural, as roles say
        self.ending = threading.Event()
        handler = type("Handler", (_Handler,), {"double": self})
        self._server = _Server(("127.0.0.1", 0), handler)
        context, self.certificate = certified()
        # the handshake is done by the thread of the connection, not by the one that accepts
        self._server.socket = context.wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        for name in ("default", "kube-system"):
            self.make("Namespace", name)

    @property
    def address(self) -> str:
        host, port = self._server.server_address[:2]
        return f"https://{host}:{port}"

    def stop(self) -> None:
        self.ending.set()
        with self.objects.changed:
            self.objects.changed.notify_all()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def make(self, kind: str, name: str, namespace: str = "", **parts: Any) -> Json:
        """Create an object; `metadata` may be among its parts."""
        found = next(one for one in RESOURCES if one.kind == kind)
        about = {"name": name} | parts.pop("metadata", {})
        return self.objects.create(found, {"metadata": about, **parts}, namespace)

    def change(self, kind: str, name: str, namespace: str = "", **parts: Any) -> Json:
        """Merge parts into an object."""
        found = next(one for one in RESOURCES if one.kind == kind)
        was = self.objects.get(found, (namespace, name))
        return self.objects.replace(found, (namespace, name),
                                    merged(was, parts, is_strategic=False))  # fmt: skip

    def remove(self, kind: str, name: str, namespace: str = "") -> None:
        found = next(one for one in RESOURCES if one.kind == kind)
        self.objects.delete(found, (namespace, name))

    def kubeconfig(self, path: Path, context: str = "double", token: str = TOKEN) -> Path:
        """A file that leads kubectl and clients here."""
        document = {
            "apiVersion": "v1", "kind": "Config", "current-context": context,
            "clusters": [{"name": context, "cluster": {
                "server": self.address,
                "certificate-authority-data": base64.b64encode(self.certificate).decode()}}],
            "users": [{"name": "reader", "user": {"token": token}}],
            "contexts": [{"name": context, "context": {"cluster": context, "user": "reader",
                                                       "namespace": "default"}}],
        }  # fmt: skip
        path.write_text(json.dumps(document))
        return path


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # an answer is two writes: head and body
    double: Double
    admission: Admission

    def log_message(self, *_: object) -> None:
        """Nothing is written."""

    def date_time_string(self, timestamp: float | None = None) -> str:
        now = time.time() if timestamp is None else timestamp
        return email.utils.formatdate(now + self.double.faults.skew_s, usegmt=True)

    def do_GET(self) -> None:
        self._do()

    def do_POST(self) -> None:
        self._do()

    def do_PUT(self) -> None:
        self._do()

    def do_PATCH(self) -> None:
        self._do()

    def do_DELETE(self) -> None:
        self._do()

    def _do(self) -> None:
        parts = urlsplit(self.path)
        self.double.requests.append(self.path)
        length = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(length) if length else b""
        asked = {key: values[0] for key, values in parse_qs(parts.query).items()}
        self.admission = Admission(self.double.objects)
        try:
            self._answer(parts.path, asked, body)
        except RefusedError as error:
            status = {
                "kind": "Status",
                "apiVersion": "v1",
                "metadata": {},
                "status": "Failure",
                "message": error.message,
                "reason": error.reason,
                "code": error.code,
            }
            self._send(error.code, status)
        except (ConnectionError, ssl.SSLError):
            self.close_connection = True

    def _answer(self, path: str, asked: dict[str, str], body: bytes) -> None:
        faults = self.double.faults
        token = self.headers.get("authorization", "")
        if faults.is_locked or token != f"Bearer {TOKEN}":
            raise RefusedError(401, "Unauthorized", "Unauthorized")
        if path == "/openapi/v2":  # asked for as protobuf: the empty document
            self._send_bytes(b"", "application/com.github.proto-openapi.spec.v2.v1.0+protobuf")
            return
        if path.endswith("/selfsubjectaccessreviews"):
            self._send(CREATED, self._review(self._read(body)))
            return
        told = _discovered(path.rstrip("/") or "/")
        if told is not None:
            self._send(OK, told)
            return
        place = _PATH.fullmatch(path)
        kind = place and _kind(place)
        if not place or kind is None:
            raise RefusedError(404, "NotFound", "the server could not find the requested resource")
        reads = "get" if place["name"] else "watch" if asked.get("watch") else "list"
        verb = {"GET": reads, "POST": "create", "PUT": "update"}.get(
            self.command, self.command.lower()
        )
        self.double.asked_for.add((verb, kind.group, kind.plural))
        if kind.plural in faults.forbidden:
            what = f'{kind.plural} is forbidden: User "reader" cannot {verb} resource'
            raise RefusedError(403, "Forbidden", what)
        if kind.plural in faults.silent:
            self.double.ending.wait(60)
            self.close_connection = True
            return
        version = f"{kind.group}/{place['version']}".lstrip("/") if kind.group else "v1"
        if place["name"]:
            self._one(kind, place, version, (asked, body))
        elif self.command == "POST":
            sent = _stripped(self._read(body))
            told = self._create(kind, (place["namespace"] or "", ""), sent, asked)
            self._send(CREATED, _dressed(kind, version, told))
        elif asked.get("watch") in ("1", "true"):
            self._watch(kind, place["namespace"], version, asked)
        else:
            self._list(kind, place["namespace"], version, asked)

    def _one(self, kind: Resource, place: Any, version: str, sent: Any) -> None:
        asked, body = sent
        objects = self.double.objects
        key = (place["namespace"] or "", place["name"])
        if self.command == "GET":
            told = objects.get(kind, key)
        elif self.command == "DELETE":
            wanted = self._read(body) if body else {}
            told = objects.delete(kind, key, wanted | _rehearsal(asked))
        elif self.command == "PUT":
            was = objects.get(kind, key)
            sent = self._read(body)
            told = self._replace(kind, key, _below(was, sent, place["sub"]), asked)
        else:
            told = self._patch(kind, key, (place["sub"], asked), body)
        if place["sub"] == "scale":
            self._send(OK, _scale(told))
        else:
            self._send(OK, _dressed(kind, version, told))

    def _patch(self, kind: Resource, key: Any, how: Any, body: bytes) -> Json:
        objects, form = self.double.objects, self.headers.get("content-type", "")
        (sub, asked), sent = how, self._read(body)
        if form.startswith("application/apply-patch") and key not in objects.held[kind]:
            return self._create(kind, key, _stripped(sent), asked)
        was = objects.get(kind, key)
        if form.startswith("application/json-patch"):
            return self._replace(kind, key, patched(was, sent), asked)
        if "strategic" in form and kind not in BUILT_IN:
            what = "the body of the request was in an unknown format"
            raise RefusedError(415, "UnsupportedMediaType", what)
        strategic = "strategic" in form or "apply-patch" in form
        wanted = merged(was, _stripped(sent), is_strategic=strategic)
        if sub == "scale":  # of the object, a Scale has these two
            wanted = merged(was, {
                "metadata": {"resourceVersion": wanted["metadata"]["resourceVersion"]},
                "spec": {"replicas": wanted["spec"].get("replicas")},
            }, is_strategic=False)  # fmt: skip
        return self._replace(kind, key, wanted, asked)

    def _create(self, kind: Resource, key: Any, told: Json, asked: dict[str, str]) -> Json:
        rehearsal = {"is_rehearsal": "dryRun" in asked}
        name = key[1] or (told.get("metadata") or {}).get("name") or ""
        self.admission.ask(kind, (key[0], name), (None, told), **rehearsal)
        return self.double.objects.create(kind, told, key[0], **rehearsal)

    def _replace(self, kind: Resource, key: Any, told: Json, asked: dict[str, str]) -> Json:
        objects, rehearsal = self.double.objects, {"is_rehearsal": "dryRun" in asked}
        self.admission.ask(kind, key, (objects.get(kind, key), told), **rehearsal)
        return objects.replace(kind, key, told, **rehearsal)

    def _list(self, kind: Resource, namespace: str | None, version: str, asked: Any) -> None:
        objects, faults = self.double.objects, self.double.faults
        if kind.plural in faults.hollow:
            self._send(OK, faults.hollow[kind.plural])
            return
        with objects.changed:
            things = sorted(objects.held[kind].items())
            at = objects.version
        limit, start = int(asked.get("limit") or 0), ("", "")
        if asked.get("continue"):
            told = json.loads(base64.b64decode(asked["continue"]))
            at, start = told["at"], tuple(told["after"])
            expires = kind.plural in faults.expiring - faults.expired
            if at < objects.forgotten or expires:
                faults.expired.add(kind.plural)
                raise RefusedError(410, "Expired", "The provided continue parameter is too old")
        page = len([1 for path in self.double.requests if f"/{kind.plural}?" in path])
        if page > faults.failing.get(kind.plural, page):
            raise RefusedError(500, "InternalError", "etcdserver: request timed out")
        labels, fields = asked.get("labelSelector", ""), asked.get("fieldSelector", "")
        chosen = [
            (key, one) for key, one in things
            if key > start and (namespace is None or key[0] == namespace)
            and (not (labels or fields) or matches(one, labels, fields))
        ]  # fmt: skip
        about: Json = {"resourceVersion": str(at)}
        if limit and len(chosen) > limit:
            after = {"at": at, "after": chosen[limit - 1][0]}
            about["continue"] = base64.b64encode(json.dumps(after).encode()).decode()
            about["remainingItemCount"] = len(chosen) - limit
            chosen = chosen[:limit]
        items: list[Any] = [_dressed(kind, version, one) for _, one in chosen]
        items = items * 2 if kind.plural in faults.twice else items
        items = [*items, "no object", {"metadata": 7}] if kind.plural in faults.garbage else items
        told = {
            "kind": f"{kind.kind}List",
            "apiVersion": version,
            "metadata": about,
            "items": items,
        }
        self._send(OK, told, cut=kind.plural in faults.cut)

    def _watch(self, kind: Resource, namespace: str | None, version: str, asked: Any) -> None:
        objects, faults = self.double.objects, self.double.faults
        labels, fields = asked.get("labelSelector", ""), asked.get("fieldSelector", "")
        since = asked.get("resourceVersion") or "0"
        at = int(since) if since != "0" else objects.version
        end = time.monotonic() + float(asked.get("timeoutSeconds") or 60)
        if at < objects.forgotten:
            self._start_stream()
            self._chunk(
                {
                    "type": "ERROR",
                    "object": {
                        "kind": "Status",
                        "code": 410,
                        "reason": "Expired",
                        "message": "too old resource version",
                    },
                }
            )
            self._chunk(None)
            return
        self._start_stream()
        if since == "0":
            for _, one in sorted(objects.held[kind].items()):
                if matches(one, labels, fields):
                    self._chunk({"type": "ADDED", "object": _dressed(kind, version, one)})
        while not self.double.ending.is_set() and time.monotonic() < end:
            if kind.plural in faults.deaf_watch:
                break
            with objects.changed:
                news = [one for one in objects.events[kind] if one.version > at]
                if not news:
                    if at < objects.forgotten:
                        break
                    objects.changed.wait(0.2)
                    continue
            for one in news:
                at = one.version
                mine = namespace is None or one.key[0] == namespace
                told = _of_selector(one, labels, fields) if mine else None
                if told:
                    self._chunk({"type": told, "object": _dressed(kind, version, one.told)})
        if asked.get("allowWatchBookmarks") == "true" and not self.double.ending.is_set():
            mark = {
                "kind": kind.kind,
                "apiVersion": version,
                "metadata": {"resourceVersion": str(at)},
            }
            self._chunk({"type": "BOOKMARK", "object": mark})
        self._chunk(None)

    def _start_stream(self) -> None:
        self.send_response(OK)
        self.send_header("content-type", "application/json")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()

    def _chunk(self, told: Json | None) -> None:
        line = b"" if told is None else json.dumps(told).encode() + b"\n"
        self.wfile.write(f"{len(line):x}\r\n".encode() + line + b"\r\n")
        self.wfile.flush()

    def _review(self, told: Json) -> Json:
        asked = told["spec"].get("resourceAttributes") or {}
        may = asked.get("resource") not in self.double.faults.forbidden
        return told | {"status": {"allowed": may}}

    def _send_bytes(self, body: bytes, kind: str) -> None:
        self.send_response(OK)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _send(self, code: int, told: Json, *, cut: bool = False) -> None:
        body = json.dumps(told).encode()
        self.send_response(code)
        for warned in self.admission.warnings:
            self.send_header("warning", f'299 - "{warned}"')
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if cut else body)
        self.close_connection = cut

    def _read(self, body: bytes) -> Any:
        if "protobuf" in self.headers.get("content-type", ""):
            raise RefusedError(415, "UnsupportedMediaType", "the double speaks JSON only")
        try:
            return json.loads(body)
        except ValueError:
            return YAML(typ="safe").load(body.decode())


def _discovered(path: str) -> Json | None:
    """What there is to ask for."""
    groups = sorted({one.group for one in RESOURCES if one.group})
    if path == "/version":
        return {"major": "1", "minor": "33", "gitVersion": "v1.33.0-double"}
    if path == "/api":
        return {"kind": "APIVersions", "versions": ["v1"]}
    if path == "/apis":
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group(g) for g in groups]}
    if path == "/openapi/v3":
        return {"paths": {}}
    found = re.fullmatch(r"/api/(v1)|/apis/([^/]+)(?:/([^/]+))?", path)
    if not found:
        return None
    group, version = found[2] or "", found[1] or found[3]
    if version is None:
        return _group(group) if group in groups else None
    mine = [one for one in RESOURCES if one.group == group and version in one.versions]
    if not mine:
        return None
    told = [one.told(version) for one in mine]
    told += [
        {
            "name": f"{one.plural}/scale",
            "singularName": "",
            "kind": "Scale",
            "namespaced": True,
            "group": "autoscaling",
            "version": "v1",
            "verbs": ["get", "patch", "update"],
        }
        for one in mine
        if one.has_scale
    ]
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": f"{group}/{version}".lstrip("/"),
        "resources": told,
    }


def _group(name: str) -> Json:
    versions = next(one.versions for one in RESOURCES if one.group == name)
    told = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": told, "preferredVersion": told[0]}


def _kind(place: Any) -> Resource | None:
    version = place["core"] or place["version"]
    for one in RESOURCES:
        if one.plural == place["plural"] and one.group == (place["group"] or ""):
            return one if version in one.versions else None
    return None


def _dressed(kind: Resource, version: str, told: Json) -> Json:
    return {"apiVersion": version, "kind": kind.kind} | told


def _stripped(told: Json) -> Json:
    return {key: value for key, value in told.items() if key not in ("apiVersion", "kind")}


def _below(was: Json, sent: Json, sub: str | None) -> Json:
    """The whole object that a write to it, to its status or to its scale means."""
    if sub == "scale":
        spec = was.get("spec", {}) | {"replicas": (sent.get("spec") or {}).get("replicas")}
        version = (sent.get("metadata") or {}).get("resourceVersion")
        about = was["metadata"] | ({"resourceVersion": version} if version else {})
        return {**was, "metadata": about, "spec": spec}
    if sub == "status":
        return {**was, "status": sent.get("status")}
    return _stripped(sent)


def _rehearsal(asked: dict[str, str]) -> Json:
    return {"dryRun": ["All"]} if "dryRun" in asked else {}


def _scale(told: Json) -> Json:
    wanted = told.get("spec", {}).get("replicas", 1)
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": told["metadata"],
        "spec": {"replicas": wanted},
        "status": {"replicas": wanted},
    }


def _of_selector(one: Event, labels: str, fields: str) -> str | None:
    """What a watcher with selectors is told: a thing may come into or leave its view."""
    is_in = matches(one.told, labels, fields)
    was_in = one.was is not None and matches(one.was, labels, fields)
    if one.type == "MODIFIED":
        return (
            "MODIFIED" if is_in and was_in else "ADDED" if is_in else "DELETED" if was_in else None
        )
    return one.type if is_in else None
