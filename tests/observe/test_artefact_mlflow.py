"""Artefacts behind a tracking server: a real one's, and one that breaks off."""

import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.flows.artefact_work import FILES, make_model
from watermaster.model.errors import BadInputError, NotFoundError
from watermaster.model.events import tell_nobody
from watermaster.observe.artefact import manifest_at, signature_at

PLACE = "mlflow-artifacts:/7/r1/artifacts/model"
ROOT = "/api/2.0/mlflow-artifacts/artifacts"


def test_what_a_real_tracking_server_keeps_has_the_digest_of_the_folder(
    mlflow, tmp_path, monkeypatch
):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow)
    for path, content in (FILES | {"model.sig": b"signature", "ä b/c": b"x"}).items():
        where = urllib.request.pathname2url(f"7/r1/artifacts/model/{path}")
        request = urllib.request.Request(f"{mlflow}{ROOT}/{where}", content, method="PUT")
        urllib.request.urlopen(request, timeout=30).close()
    folder = make_model(tmp_path / "model", FILES | {"ä b/c": b"x"})
    assert manifest_at(PLACE, tell_nobody).digest == manifest_at(str(folder), tell_nobody).digest
    assert signature_at(PLACE) == "signature"
    assert signature_at(f"{PLACE}/weights") is None
    with pytest.raises(NotFoundError, match="no file lies there"):
        manifest_at("mlflow-artifacts:/7/none", tell_nobody)


class Half(BaseHTTPRequestHandler):
    """A double: lists one file, and sends half of it."""

    def do_GET(self):
        listing = b'{"files": [{"path": "MLmodel", "is_dir": false, "file_size": 100}]}'
        is_listing = "?path=" in self.path
        self.send_response(200)
        self.send_header("Content-Length", str(len(listing)) if is_listing else "100")
        self.end_headers()
        self.wfile.write(listing if is_listing else b"x" * 50)

    def log_message(self, *_):
        pass


def test_an_answer_that_breaks_off_is_no_file(monkeypatch):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Half)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{server.server_port}")
    try:
        with pytest.raises(BadInputError, match="MLmodel: cannot be read"):
            manifest_at(PLACE, tell_nobody)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
