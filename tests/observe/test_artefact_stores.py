"""Artefacts in object stores: S3 as moto speaks it, Azure as Azurite does (both doubles)."""

import fsspec
import pytest

from tests.components import azure_login
from tests.flows.artefact_work import FILES, make_key, make_model
from watermaster.flows.signing import sign_folder, verify_folder
from watermaster.ledger.dsse import private_key, read_public_key
from watermaster.model.artefacts import TamperedError
from watermaster.model.errors import BadInputError, NotFoundError, WatermasterError
from watermaster.model.events import tell_nobody
from watermaster.observe.artefact import fetched, manifest_at, signature_at


@pytest.fixture(scope="module")
def s3():
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(s3, monkeypatch):
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    store = fsspec.filesystem("s3")
    if not store.exists("models"):
        store.mkdir("models")
    return "s3://models"


@pytest.fixture
def container(azurite, monkeypatch):
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", azure_login(azurite))
    fsspec.get_filesystem_class("abfs").clear_instance_cache()
    store = fsspec.filesystem("abfs")
    if not store.exists("models"):
        store.mkdir("models")
    return "abfs://models"


@pytest.mark.parametrize("store", ["bucket", "container"])
def test_a_store_tells_the_digest_and_signature_of_the_folder(store, request, tmp_path):
    root = request.getfixturevalue(store)
    folder = make_model(tmp_path / "model", FILES | {"a b/ä.bin": b"1", "empty": b""})
    key = make_key(tmp_path / "k.pem")
    public = read_public_key("k", key.with_suffix(".pub"))
    system = fsspec.filesystem(root.partition(":")[0])
    name = root.partition("//")[2]
    for path in (one for one in folder.rglob("*") if one.is_file()):
        system.pipe_file(f"{name}/v1/{path.relative_to(folder)}", path.read_bytes())
    system.pipe_file(f"{name}/v10/other", b"of another version")
    assert (
        manifest_at(f"{root}/v1", tell_nobody).digest
        == manifest_at(str(folder), tell_nobody).digest
    )
    assert signature_at(f"{root}/v1") is None
    copy = fetched(f"{root}/v1/", tmp_path / "copy", tell_nobody)
    assert (tmp_path / "copy/a b/ä.bin").read_bytes() == b"1"
    sign_folder(str(folder), private_key(key), None, tell_nobody)
    system.pipe_file(f"{name}/v1/model.sig", (folder / "model.sig").read_bytes())
    assert verify_folder(f"{root}/v1", public, None).digest == copy.digest
    system.pipe_file(f"{name}/v1/weights/part-2.bin", b"\0" * 998 + b"\1")
    with pytest.raises(TamperedError, match=r"file weights/part-2\.bin: was changed"):
        verify_folder(f"{root}/v1", public, None)
    with pytest.raises(NotFoundError, match="no file lies there"):
        manifest_at(f"{root}/none", tell_nobody)


def test_a_bucket_that_is_not_there_or_does_not_answer_is_told(bucket, monkeypatch):
    with pytest.raises(WatermasterError, match="s3://nowhere/x"):
        manifest_at("s3://nowhere/x", tell_nobody)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    with pytest.raises(BadInputError, match="s3://models/v1"):
        manifest_at("s3://models/v1", tell_nobody)
