"""Signatures of models: ours by OpenSSF's own tool, theirs by us, and no file slips through."""

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.flows.artefact_work import FILES, flip, make_key, make_model
from watermaster.cli.main import run
from watermaster.flows.signing import sign_folder, verify_folder
from watermaster.ledger.dsse import private_key, read_public_key
from watermaster.model.artefacts import TamperedError
from watermaster.model.errors import BadInputError
from watermaster.model.events import tell_nobody


@pytest.fixture(scope="module")
def key(tmp_path_factory):
    return make_key(tmp_path_factory.mktemp("keys") / "release.pem")


@pytest.fixture(scope="module")
def signed(tmp_path_factory, key):
    folder = make_model(tmp_path_factory.mktemp("signed") / "model")
    sign_folder(str(folder), private_key(key), None, tell_nobody)
    return folder


def verify(folder, key, signature=None):
    public = read_public_key("release", key.with_suffix(".pub"))
    return verify_folder(str(folder), public, signature)


def openssf(*words):
    line = [sys.executable, "-W", "ignore", "-m", "model_signing", *map(str, words)]
    return subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    "curve",
    ["prime256v1", *(pytest.param(f"secp{n}r1", marks=pytest.mark.deep) for n in (384, 521))],
)
def test_their_tool_verifies_what_we_sign_and_names_the_same_file(tmp_path, curve):
    key = make_key(tmp_path / "k.pem", curve)
    folder = make_model(tmp_path / "model", FILES | {"a-b": b"1", "a/b": b"2", ".git/x": b"3"})
    sign_folder(str(folder), private_key(key), None, tell_nobody)
    line = ("verify", "key", folder, "--signature", folder / "model.sig",
            "--public_key", key.with_suffix(".pub"))  # fmt: skip
    assert openssf(*line).returncode == 0
    flip(folder / "weights/part-1.bin", 77)
    told = openssf(*line)
    assert told.returncode != 0
    assert "weights/part-1.bin" in told.stdout + told.stderr


def test_we_verify_what_their_tool_signs(tmp_path, key):
    folder, file = make_model(tmp_path / "model"), tmp_path / "theirs.sig"
    done = openssf("sign", "key", folder, "--signature", file, "--private_key", key)
    assert done.returncode == 0
    assert set(verify(folder, key, file).files) == set(FILES)
    flip(folder / "MLmodel", 3, 128)
    with pytest.raises(TamperedError, match="file MLmodel: was changed"):
        verify(folder, key, file)


@given(st.sampled_from(sorted(FILES)), st.integers(0), st.integers(1, 255))
def test_any_flipped_byte_names_its_file_and_no_other(signed, key, path, place, by):
    flip(signed / path, place, by)
    with pytest.raises(TamperedError) as caught:
        verify(signed, key)
    flip(signed / path, place, by)
    assert [one.thing for one in caught.value.breaks] == [f"file {path}"]


@given(st.integers(0), st.integers(1, 255))
def test_a_flipped_byte_of_the_signature_makes_no_other_files_good(signed, key, place, by):
    """It is refused, or (where the byte means nothing, as in an empty list) the files are right."""
    flip(signed / "model.sig", place, by)
    try:
        assert set(verify(signed, key).files) == set(FILES)
    except (TamperedError, BadInputError):
        pass
    finally:
        flip(signed / "model.sig", place, by)


def test_files_missing_added_or_renamed_are_named(tmp_path, key, signed):
    folder = make_model(tmp_path / "model")
    (folder / "model.sig").write_bytes((signed / "model.sig").read_bytes())
    assert verify(folder, key).digest == verify(signed, key).digest
    (folder / "MLmodel").rename(folder / "MLmodel2")
    with pytest.raises(TamperedError) as caught:
        verify(folder, key)
    found = [one.sentence for one in caught.value.breaks]
    assert found == ["file MLmodel: is missing", "file MLmodel2: was added"]


def test_a_signature_of_another_key_is_not_believed(signed, tmp_path):
    other = make_key(tmp_path / "other.pem")
    with pytest.raises(TamperedError, match="made by a key nobody declared"):
        verify(signed, other)


def test_a_signature_that_claims_a_known_key_is_not_believed(signed, tmp_path, key):
    """The hint names a key; whoever forges a signature can write any."""
    other = make_key(tmp_path / "other.pem")
    folder = make_model(tmp_path / "model")
    sign_folder(str(folder), private_key(other), None, tell_nobody)
    bundle = json.loads((folder / "model.sig").read_text())
    good = json.loads((signed / "model.sig").read_text())
    bundle["verificationMaterial"] = good["verificationMaterial"]
    (folder / "model.sig").write_text(json.dumps(bundle))
    with pytest.raises(TamperedError, match=r"model\.sig: was not made by release"):
        verify(folder, key)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"mediaType": "x"}', "\0", '{"dsseEnvelope": 1,'
                                  ' "verificationMaterial": 2}'])  # fmt: skip
def test_what_is_no_signature_is_told(tmp_path, key, text):
    folder = make_model(tmp_path / "model")
    (folder / "model.sig").write_text(text)
    with pytest.raises(BadInputError, match=r"is no signature|bundle of another kind"):
        verify(folder, key)


def test_the_commands_sign_and_verify_without_a_ledger(tmp_path, key, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = make_model(tmp_path / "model")
    assert run(["model", "sign", "model", "--key", str(key)]) == 0
    assert "3 files signed" in capsys.readouterr().out
    line = ["model", "verify", "--at", "model", "--public-key", str(key.with_suffix(".pub"))]
    assert run(line) == 0
    assert "all 3 files are as release.pub signed them" in capsys.readouterr().out
    flip(folder / "weights/part-2.bin", 5)
    assert run(line) == 2
    assert "file weights/part-2.bin: was changed" in capsys.readouterr().err
    assert run(["model", "digest", "model"]) == 0
    assert "sha256:" in capsys.readouterr().out
    assert run(["model", "verify", "--at", "model"]) == 3
    assert run(["model", "sign", "model"]) == 3
