"""Artefacts, the access log and proofs over HTTP; a changed file never arrives whole."""

import dataclasses
import http.client
import json
import threading
import time
from contextlib import closing

import pytest
import uvicorn
from starlette.testclient import TestClient

from tests.components import free_port
from tests.flows.artefact_work import FILES, flip, make_key, make_model, registered, trusting
from tests.flows.registry_work import MODEL
from watermaster.flows.access import list_accesses
from watermaster.flows.audit import verify_file
from watermaster.flows.signing import sign_folder
from watermaster.ledger.dsse import private_key
from watermaster.model.access import AccessAsked, Verb
from watermaster.model.events import tell_nobody
from watermaster.model.identity import local
from watermaster.observe.artefact import manifest_at, signature_at
from watermaster.serve.app import create_app

OF = f"/api/v1/models/{MODEL}/versions"


@pytest.fixture
def place(tmp_path):
    large = {"weights/large.bin": b"\1" * ((4 << 20) + 9)}
    return make_model(tmp_path / "store" / "model", FILES | large)


@pytest.fixture
def project(tmp_path, place):
    key = make_key(tmp_path / "release.pem")
    sign_folder(str(place), private_key(key), None, tell_nobody)
    made = registered(tmp_path / "home", {1: place, 2: place}, **trusting(key))
    return dataclasses.replace(made, subject=local("ada"), actor="ada")


@pytest.fixture
def client(project):
    return TestClient(create_app(project), base_url="http://127.0.0.1")


def test_a_version_is_attached_told_verified_and_fetched(client, place):
    assert client.get(f"{OF}/1/artefact").json()["digest"] is None
    made = client.post(f"{OF}/1/artefact", json={}).json()
    assert (made["signer"], made["breaks"]) == ("release", [])
    told = client.get(f"{OF}/1/artefact").json()
    assert (told["digest"], set(told["files"])) == (made["digest"], {*FILES, "weights/large.bin"})
    assert json.loads(told["signature"])["mediaType"].startswith("application/vnd.dev.sigstore")
    for path in told["files"]:
        assert client.get(f"{OF}/1/files/{path}").content == (place / path).read_bytes()
    flip(place / "MLmodel")
    found = client.post(f"{OF}/1/verification", json={}).json()
    assert [one["thing"] for one in found["breaks"]] == ["file MLmodel"]


def test_who_has_the_files_tells_them_and_a_forged_list_is_refused_by_name(client, place):
    files = manifest_at(str(place), tell_nobody).files
    manifest = {path: {"sha256": one.sha256} for path, one in files.items()}
    signature = signature_at(str(place))
    forged = manifest | {"evil.pkl": {"sha256": "e" * 64}}
    refused = client.post(f"{OF}/2/artefact", json={"manifest": forged, "signature": signature})
    assert refused.status_code == 409
    assert "evil.pkl: was added" in refused.json()["error"]["what"]
    made = client.post(f"{OF}/2/artefact", json={"manifest": manifest, "signature": signature})
    assert made.json()["signer"] == "release"
    again = client.post(f"{OF}/2/artefact", json={"manifest": forged})
    assert (again.status_code, "has another artefact" in again.text) == (409, True)


BAD = (
    ("/1/artefact", {"manifest": {"../x": {"sha256": "a" * 64}}}, 422),
    ("/1/artefact", {"manifest": {}}, 422), ("/1/artefact", {"signature": "{}"}, 400),
    ("/1/artefact", {"manifest": {"a": {"sha256": "a" * 64}}, "signature": "{}"}, 422),
    ("/9/artefact", {}, 404), ("/1/verification", {}, 409),
    ("/1/artefact", [], 400), ("/x/artefact", {}, 400),
)  # fmt: skip


def test_bad_requests_get_a_clear_answer_and_too_large_ones_before_they_are_read(client):
    for path, body, status in BAD:
        got = client.post(f"{OF}{path}", json=body)
        assert (path, body, got.status_code) == (path, body, status)
        assert set(got.json()["error"]) == {"where", "what", "fix", "id"}
    headers = {"content-type": "application/json", "content-length": str(1 << 40)}
    got = client.post(f"{OF}/1/artefact", content=b"{}", headers=headers)
    assert (got.status_code, "no more than 64 MiB" in got.text) == (400, True)


def test_a_client_of_mlflow_is_told_which_file_is_not_as_signed(project, place):
    config = project.config.model_copy(update={"artefacts": [str(place.parent)]})
    app = create_app(dataclasses.replace(project, config=config))
    client = TestClient(app, base_url="http://127.0.0.1")
    new = {"name": MODEL, "source": str(place)}
    made = client.post("/api/2.0/mlflow/model-versions/create", json=new)
    version = made.json()["model_version"]["version"]
    assert client.get(f"{OF}/{version}/artefact").json()["signer"] == "release"
    flip(place / "MLmodel")
    refused = client.post("/api/2.0/mlflow/model-versions/create", json=new)
    assert refused.json()["error_code"] == "INVALID_PARAMETER_VALUE"
    assert "file MLmodel: was changed" in refused.json()["message"]
    assert 400 <= refused.status_code < 500


def test_files_that_were_not_registered_are_not_given(client, place):
    client.post(f"{OF}/1/artefact", json={})
    (place / "later.bin").write_bytes(b"x")
    for path in ("later.bin", "none", "../model/MLmodel", "model.sig"):
        assert client.get(f"{OF}/1/files/{path}").status_code == 404


def test_the_access_log_and_the_proof_of_the_audit_log_are_told(client, tmp_path):
    client.post(f"{OF}/1/artefact", json={})
    client.get(f"{OF}/1/files/MLmodel")
    told = client.get("/api/v1/accesses", params={"thing": f"model/{MODEL}"}).json()
    assert sorted((one["verb"], one["subject"]) for one in told["rows"]) == [
        ("read", "ada"), ("write", "ada"),
    ]  # fmt: skip
    assert client.get("/api/v1/accesses", params={"since": "2099-01-01"}).json()["total"] == 0
    assert client.get("/api/v1/accesses", params={"verb": "steal"}).status_code == 400
    assert client.get("/api/v1/audit/verification").json()["breaks"] == []
    file = tmp_path / "audit.jsonl"
    file.write_bytes(client.get("/api/v1/audit/export").content)
    read = verify_file(file, None)
    assert (read.breaks, read.proof is not None) == ([], True)


@pytest.mark.parametrize("path", ["MLmodel", "weights/large.bin"])
def test_a_changed_file_breaks_off_over_a_real_connection(project, place, path):
    port = free_port()
    config = uvicorn.Config(create_app(project), host="127.0.0.1", port=port, log_level="critical")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        until = time.monotonic() + 30
        while not server.started and time.monotonic() < until:
            thread.join(0.02)
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as ask:
            ask.request("POST", f"{OF}/1/artefact", "{}", {"content-type": "application/json"})
            assert ask.getresponse().read()
        flip(place / path, -1)
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as ask:
            ask.request("GET", f"{OF}/1/files/{path}")
            with (
                pytest.raises((http.client.IncompleteRead, http.client.RemoteDisconnected)),
                ask.getresponse() as got,
            ):
                got.read()
        told = list_accesses(project, AccessAsked(verb=Verb.REFUSED)).rows
        assert [one.place for one in told] == [f"{place}: {path}"]
    finally:
        server.should_exit = True
        thread.join(30)
