"""The audit log verified, exported with its proof, and verified without a ledger."""

import json
import subprocess

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from tests.flows.registry_work import MODEL, registry_at
from watermaster.cli.main import run
from watermaster.flows import audit
from watermaster.flows.evidence import give_evidence
from watermaster.ledger.dsse import private_key, public_key, read_public_key
from watermaster.ledger.records import AUDIT
from watermaster.ledger.registry_records import EVIDENCE
from watermaster.model.errors import BadInputError


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    made = registry_at(tmp_path_factory.mktemp("audit") / "home", 1, 2)
    for version in (1, 2):
        give_evidence(made, "scan", MODEL, version, {"tool": "trivy", "critical": 0, "high": 2})
        rollback = {"proven": True, "toVersion": 1}
        give_evidence(made, "rollback", MODEL, version, rollback)
    return made


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    for name, curve in (("audit", "prime256v1"), ("other", "secp384r1")):
        make_key(folder / f"{name}.pem", curve)
    return folder


def make_key(path, curve):
    made = ["openssl", "ecparam", "-name", curve, "-genkey", "-noout", "-out", str(path)]
    subprocess.run(made, check=True, capture_output=True)
    public = ["openssl", "ec", "-in", str(path), "-pubout", "-out", str(path.with_suffix(".pub"))]
    subprocess.run(public, check=True, capture_output=True)


@pytest.fixture
def changed(project):
    """The records to spoil; what was there comes back."""
    with project.ledger.records.connect() as connection:
        rows = {table: connection.execute(sa.select(table)).mappings().all()
                for table in (AUDIT, EVIDENCE)}  # fmt: skip
    yield project
    with project.ledger.records.begin() as connection:
        for table, held in rows.items():
            connection.execute(table.delete())
            connection.execute(table.insert(), [dict(row) for row in held])


def sentences(breaks):
    return [one.sentence for one in breaks]


def first_evidence(project):
    with project.ledger.records.connect() as connection:
        query = sa.select(EVIDENCE).where(EVIDENCE.c.kind == "scan", EVIDENCE.c.version == 1)
        return connection.execute(query).mappings().one()


def spoil(project, *statements):
    with project.ledger.records.begin() as connection:
        for one in statements:
            connection.execute(one)


def test_evidence_changed_after_it_was_given_is_named_with_what_it_said(changed):
    row = first_evidence(changed)
    told = row["told"].replace('"high":2', '"high":0')
    spoil(changed, EVIDENCE.update().where(EVIDENCE.c.id == row["id"]).values(told=told))
    (found,) = audit.verify(changed).breaks
    assert (found.thing, found.column) == (f"evidence {row['id']}", "told")
    assert '"high":2' in found.what


@pytest.mark.parametrize(("column", "other"), [("number", 77), ("version", 2), ("digest", None)])
def test_evidence_moved_to_another_version_or_place_is_named(changed, column, other):
    row = first_evidence(changed)
    spoil(changed, EVIDENCE.update().where(EVIDENCE.c.id == row["id"]).values({column: other}))
    (found,) = audit.verify(changed).breaks
    assert found.thing == f"evidence {row['id']}"
    if other is not None:
        assert found.what == f"{column} was {str(row[column])!r}, is {str(other)!r}"


def test_evidence_with_a_new_seal_of_its_own_is_found_by_the_log(changed):
    from watermaster.ledger.evidence_sealed import SEALED
    from watermaster.ledger.sealed import seal_of

    row = dict(first_evidence(changed)) | {"subject": "ben@example.com"}
    row["seal"] = seal_of([row[name] for name in SEALED])
    spoil(changed, EVIDENCE.update().where(EVIDENCE.c.id == row["id"]).values(**row))
    (found,) = audit.verify(changed).breaks
    assert found.thing == f"evidence {row['id']}"
    assert "as the audit log says" in found.what


def test_evidence_removed_or_slipped_in_is_named(changed):
    row = first_evidence(changed)
    spoil(changed, EVIDENCE.delete().where(EVIDENCE.c.id == row["id"]))
    assert "is not there" in sentences(audit.verify(changed).breaks)[0]
    spoil(changed, EVIDENCE.insert().values(**row),
          EVIDENCE.insert().values(**dict(row) | {"id": "0" * 12, "number": 9}))  # fmt: skip
    assert "slipped in" in sentences(audit.verify(changed).breaks)[0]


def test_an_exported_log_proves_itself_and_names_who_signed_it(project, keys, tmp_path):
    file = tmp_path / "audit.jsonl"
    proof = audit.export_file(project, file, private_key(keys / "audit.pem"))
    read = audit.verify_file(file, read_public_key("audit", keys / "audit.pub"))
    assert (read.breaks, read.signer, read.proof) == ([], "audit", proof)
    assert (read.rows, read.evidence, read.last_hash) == (proof.rows, 4, proof.last_hash)
    other = audit.verify_file(file, read_public_key("other", keys / "other.pub"))
    assert sentences(other.breaks) == ["signature: was not made by other, or the proof was changed"]


def test_an_unsigned_export_is_not_taken_for_a_signed_one(project, keys, tmp_path):
    file = tmp_path / "audit.jsonl"
    audit.export_file(project, file, None)
    assert audit.verify_file(file, None).breaks == []
    found = audit.verify_file(file, read_public_key("audit", keys / "audit.pub"))
    assert sentences(found.breaks) == ["signature: is not there: the file was not signed"]


@given(st.integers(0), st.integers(1, 255))
def test_no_byte_of_an_exported_file_changes_unseen(project, keys, tmp_path_factory, place, flip):
    file = tmp_path_factory.mktemp("flip") / "audit.jsonl"
    audit.export_file(project, file, private_key(keys / "audit.pem"))
    raw = bytearray(file.read_bytes())
    raw[place % len(raw)] ^= flip
    file.write_bytes(raw)
    assert audit.verify_file(file, read_public_key("audit", keys / "audit.pub")).breaks


@pytest.mark.parametrize("lines", [slice(0, -1), slice(1, None), slice(0, 2), slice(0, 0)])
def test_a_file_with_lines_cut_off_is_not_whole(project, tmp_path, lines):
    file = tmp_path / "audit.jsonl"
    audit.export_file(project, file, None)
    held = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(held[lines]))
    assert audit.verify_file(file, None).breaks


def test_what_is_no_log_is_told_in_few_words(tmp_path):
    (tmp_path / "noise").write_bytes(bytes(range(256)) * 400)
    found = sentences(audit.verify_file(tmp_path / "noise", None).breaks)
    assert len(found) < 25
    assert any("lines that are none of a log" in one for one in found)
    with pytest.raises(BadInputError, match="cannot be read"):
        audit.verify_file(tmp_path, None)


def test_a_chain_that_was_rewritten_whole_is_found_against_an_export(changed, tmp_path):
    from watermaster.ledger.audit import append_audit

    file = tmp_path / "audit.jsonl"
    audit.export_file(changed, file, None)
    with changed.ledger.records.begin() as connection:
        rows = connection.execute(sa.select(AUDIT).order_by(AUDIT.c.seq)).mappings().all()
        connection.execute(AUDIT.delete())
        for row in rows:
            actor = "eve" if row["seq"] == 2 else row["actor"]
            detail = json.loads(row["detail"])
            append_audit(connection, row["at"], actor, row["action"], detail)
    assert audit.verify(changed).is_whole
    found = sentences(audit.verify_against(changed, file))
    assert found[0] == f"audit 2: actor was '{rows[1]['actor']}' when it was exported, is 'eve'"
    spoil(changed, AUDIT.delete().where(AUDIT.c.seq == rows[-1]["seq"]))
    assert any("is there no more" in one for one in sentences(audit.verify_against(changed, file)))


def test_a_key_that_cannot_be_used_is_told_with_how_to_make_one(tmp_path, keys):
    rsa = tmp_path / "rsa.pem"
    subprocess.run(["openssl", "genrsa", "-out", str(rsa), "2048"], check=True, capture_output=True)
    with pytest.raises(BadInputError, match="another kind than elliptic curve"):
        private_key(rsa)
    with pytest.raises(BadInputError, match="is no private key in PEM"):
        private_key(keys / "audit.pub")
    with pytest.raises(BadInputError, match="is no public key in PEM"):
        public_key("x", b"not a key")
    with pytest.raises(BadInputError, match="cannot be read"):
        private_key(tmp_path / "none.pem")


def test_the_command_signs_with_a_locked_key_and_ends_with_2_where_a_byte_was_flipped(
    project, keys, tmp_path, capsys, monkeypatch
):
    locked, file = tmp_path / "locked.pem", tmp_path / "a.jsonl"
    lock = ["openssl", "ec", "-in", str(keys / "audit.pem"), "-aes256", "-passout", "pass:word"]
    subprocess.run([*lock, "-out", str(locked)], check=True, capture_output=True)
    home = ["--home", str(project.home)]
    export = ["audit", "export", "--file", str(file), "--key", str(locked), *home]
    assert run(export) == 1
    assert "is locked by a password" in capsys.readouterr().err
    monkeypatch.setenv("AUDIT_WORD", "word")
    assert run([*export, "--password-env", "AUDIT_WORD"]) == 0
    verify = ["audit", "verify", "--file", str(file), "--public-key", str(keys / "audit.pub")]
    assert run(verify) == 0
    assert "signed by audit.pub" in capsys.readouterr().out
    assert run(["audit", "verify", "--against", str(file), *home]) == 0
    raw = bytearray(file.read_bytes())
    raw[60] ^= 1
    file.write_bytes(raw)
    assert run(verify) == 2
