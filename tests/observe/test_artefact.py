"""Artefacts read where they lie: named whole, refused where odd, never held whole."""

import os
import subprocess
import sys

import pytest

from tests.flows.artefact_work import FILES, make_model
from watermaster.model.artefacts import File, Manifest, changed, read_manifest
from watermaster.model.errors import BadInputError, NotFoundError
from watermaster.model.events import tell_nobody
from watermaster.observe.artefact import fetched, manifest_at, signature_at

ODD = {"ä/ö.bin": b"1", "a-b": b"2", "a/b": b"3", "with space": b"4", "back\\slash": b"5",
       "line\nbreak": b"6", "car\rriage": b"7"}  # fmt: skip


def summed(folder) -> str:
    """The digest as anybody can make it, without us."""
    text = (
        "find . -type f ! -path './.git/*' ! -name model.sig -printf '%P\\0' | LC_ALL=C sort -z"
        " | xargs -0 sha256sum | sha256sum"
    )
    told = subprocess.run(text, shell=True, cwd=folder, capture_output=True, text=True, check=True)
    return f"sha256:{told.stdout.split()[0]}"


@pytest.mark.parametrize("files", [FILES, ODD])
def test_the_digest_is_what_sha256sum_makes_of_the_folder(tmp_path, files):
    folder = make_model(tmp_path / "model", files)
    make_model(folder, {".git/config": b"x", "model.sig": b"y"})
    found = manifest_at(str(folder), tell_nobody)
    assert found.digest == summed(folder)
    assert set(found.files) == set(files)
    assert found.bytes == sum(map(len, files.values()))


def test_a_manifest_survives_being_kept():
    import json

    made = Manifest({"b": File("b" * 64, 2), "a/ä": File("a" * 64, None)})
    read = read_manifest(json.loads(made.as_json()), "test")
    assert (read.digest, dict(read.files)) == (made.digest, dict(made.files))


def test_changed_missing_and_added_files_are_named_and_no_others():
    was = Manifest({"a": File("a" * 64, 1), "b": File("b" * 64, 2), "c": File("c" * 64)})
    now = Manifest({"a": File("a" * 64, 1), "b": File("d" * 64, 5), "d": File("d" * 64)})
    found = {one.thing: one.what for one in changed(was, now)}
    assert set(found) == {"file b", "file c", "file d"}
    assert "2 bytes before, 5 now" in found["file b"]
    assert (found["file c"], found["file d"]) == ("is missing", "was added")


@pytest.mark.parametrize("path", ["../x", "/x", "a//b", "", ".", "a/../b", "a\0b"])
def test_a_manifest_that_leads_out_of_its_folder_is_refused(path):
    with pytest.raises(BadInputError, match="is no path below its folder"):
        read_manifest({path: {"sha256": "a" * 64}}, "test")


@pytest.mark.parametrize("told", [None, [], {}, {"a": 1}, {"a": {"sha256": "A" * 64}},
                                  {"a": {"sha256": "a" * 64, "bytes": -1}}])  # fmt: skip
def test_what_is_no_manifest_is_refused_with_how_to_write_one(told):
    with pytest.raises(BadInputError, match="write"):
        read_manifest(told, "test")


def test_links_sockets_and_empty_folders_are_refused_by_name(tmp_path):
    folder = make_model(tmp_path / "model")
    (folder / "weights/link").symlink_to("/etc/passwd")
    with pytest.raises(BadInputError, match="weights/link: is a link"):
        manifest_at(str(folder), tell_nobody)
    (folder / "weights/link").unlink()
    os.mkfifo(folder / "pipe")
    with pytest.raises(BadInputError, match="pipe: is no file"):
        manifest_at(str(folder), tell_nobody)
    (tmp_path / "empty/sub").mkdir(parents=True)
    with pytest.raises(NotFoundError, match="no file lies there"):
        manifest_at(str(tmp_path / "empty"), tell_nobody)
    with pytest.raises(NotFoundError, match="is not there"):
        manifest_at(str(tmp_path / "none"), tell_nobody)


def test_a_name_that_is_no_utf8_is_told(tmp_path):
    folder = make_model(tmp_path / "model")
    (folder / os.fsdecode(b"\xff")).write_bytes(b"x")
    with pytest.raises(BadInputError, match="its name is no UTF-8"):
        manifest_at(str(folder), tell_nobody)


def test_places_that_cannot_be_reached_say_what_is_missing(monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with pytest.raises(BadInputError, match="names no tracking server; set MLFLOW_TRACKING_URI"):
        manifest_at("mlflow-artifacts:/1/r/artifacts/model", tell_nobody)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:5000")
    with pytest.raises(BadInputError, match="not the tracking server that is trusted"):
        manifest_at("mlflow-artifacts://evil.example/1/r/artifacts/model", tell_nobody)
    with pytest.raises(BadInputError, match="cannot be reached"):
        manifest_at("nowhere://x/y", tell_nobody)


def test_an_object_store_tells_the_same_digest_as_the_folder(tmp_path):
    import fsspec

    folder = make_model(tmp_path / "model")
    store = fsspec.filesystem("memory")
    for path, content in FILES.items():
        store.pipe(f"/bucket/m/{path}", content)
    store.pipe("/bucket/m/model.sig", b"signature")
    there = manifest_at("memory://bucket/m", tell_nobody)
    assert there.digest == manifest_at(str(folder), tell_nobody).digest
    assert signature_at("memory://bucket/m") == "signature"
    assert fetched("memory://bucket/m", tmp_path / "copy", tell_nobody).digest == summed(
        tmp_path / "copy"
    )
    store.rm("/bucket", recursive=True)


SPARSE = """
import resource, sys
from watermaster.observe.artefact import manifest_at
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
found = manifest_at(sys.argv[1], lambda event: None)
print(found.bytes, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.parametrize("held_bytes", [96 << 20, pytest.param(2 << 30, marks=pytest.mark.deep)])
def test_a_large_artefact_is_read_in_a_few_megabytes(tmp_path, held_bytes):
    """Of a sparse file, so that no disk is filled; read in another process, for its memory."""
    folder = make_model(tmp_path / "model", {"small": b"x"})
    with (folder / "weights.bin").open("wb") as file:
        file.truncate(held_bytes)
    told = subprocess.run([sys.executable, "-c", SPARSE, str(folder)], capture_output=True,
                          text=True, check=True, timeout=120)  # fmt: skip
    size, grown_mib = map(int, told.stdout.split())
    assert size == held_bytes + 1
    assert grown_mib < 40
