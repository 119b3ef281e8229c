"""The artefact of a version: bound once, verified at registration, at download and on demand."""

import dataclasses

import pytest
import sqlalchemy as sa

from tests.flows.artefact_work import FILES, flip, make_key, make_model, registered, trusting
from tests.flows.registry_work import ADA, BEN, MODEL
from watermaster.cli.main import run
from watermaster.flows.access import list_accesses
from watermaster.flows.artefacts import (
    attach,
    download,
    keep_artefact,
    look_at,
    seen_if_readable,
    verify_version,
)
from watermaster.flows.audit import audit_rows, verify
from watermaster.flows.evidence import list_evidence
from watermaster.flows.lineage import Told
from watermaster.flows.registry import NewVersion, create_version, delete_version
from watermaster.flows.registry_read import download_place
from watermaster.flows.signing import sign_folder
from watermaster.ledger.audit import chained
from watermaster.ledger.dsse import private_key
from watermaster.ledger.registry_records import ARTEFACTS, MODEL_VERSIONS, STANDINGS
from watermaster.model.access import AccessAsked
from watermaster.model.artefacts import File, Manifest, TamperedError
from watermaster.model.errors import BadInputError, NotAllowedError, NotFoundError, RefusedError
from watermaster.model.events import tell_nobody
from watermaster.model.identity import local
from watermaster.observe.artefact import manifest_at, signature_at


@pytest.fixture
def place(tmp_path):
    return make_model(tmp_path / "store" / "model")


@pytest.fixture
def key(tmp_path):
    return make_key(tmp_path / "release.pem")


def at_home(project):
    """Asked by whoever may use the machine."""
    return dataclasses.replace(project, subject=local("ada"), actor="ada")


@pytest.fixture
def project(tmp_path, place, key):
    """Version 1 lies in the folder, version 2 beside it."""
    other = make_model(tmp_path / "store" / "model-2", FILES | {"more": b"2"})
    made = registered(tmp_path / "home", {1: place, 2: other}, **trusting(key))
    return at_home(made)


def digest_of(project, version):
    with project.ledger.records.connect() as connection:
        query = sa.select(MODEL_VERSIONS.c.digest).where(MODEL_VERSIONS.c.version == version)
        return connection.scalar(query)


def register(project, version, place):
    """As registering a version does: read first, then keep in its transaction."""
    looked = look_at(project, str(place))
    with chained(project.ledger.records) as connection:
        keep_artefact(connection, project, (MODEL, version), looked)


def signatures(project):
    return [(one.version, one.told["verified"], one.told["signer"])
            for one in list_evidence(project, MODEL) if one.kind == "signature"]  # fmt: skip


def test_registering_binds_the_digest_and_a_known_signature_becomes_evidence(project, place, key):
    sign_folder(str(place), private_key(key), None, tell_nobody)
    register(project, 1, place)
    assert digest_of(project, 1) == manifest_at(str(place), tell_nobody).digest
    assert digest_of(project, 2) is None
    assert signatures(project) == [(1, True, "release")]
    (row,) = [one for one in audit_rows(project) if one.action == "artefact"]
    assert (row.detail["version"], row.detail["signer"], row.detail["how"]) == (
        1,
        "release",
        "read",
    )
    assert verify(project).is_whole


def test_files_that_are_not_what_was_signed_are_not_registered_and_named(project, place, key):
    sign_folder(str(place), private_key(key), None, tell_nobody)
    flip(place / "weights/part-1.bin", 3)
    with pytest.raises(TamperedError, match=r"file weights/part-1\.bin: was changed"):
        register(project, 1, place)
    with pytest.raises(TamperedError):
        seen_if_readable(project, str(place))
    assert (digest_of(project, 1), signatures(project)) == (None, [])


def test_a_signature_of_nobody_known_is_kept_and_not_believed(project, place, tmp_path):
    sign_folder(str(place), private_key(make_key(tmp_path / "x.pem")), None, tell_nobody)
    register(project, 1, place)
    assert signatures(project) == [(1, False, "nobody who is known")]
    assert "nobody declared" in verify_version(project, MODEL, 1).unsigned


def test_a_version_never_gets_other_files_than_its_own(project, place):
    register(project, 1, place)
    register(project, 1, place)  # the same again changes nothing
    flip(place / "MLmodel")
    with pytest.raises(RefusedError, match="has another artefact: file MLmodel: was changed"):
        register(project, 1, place)


def test_verifying_names_the_changed_file_and_its_signature_is_no_evidence_any_more(
    project, place, key
):
    sign_folder(str(place), private_key(key), None, tell_nobody)
    register(project, 1, place)
    register(project, 2, place.with_name("model-2"))
    assert verify_version(project, MODEL, 1).is_whole
    flip(place / "weights/part-2.bin", 500)
    found = verify_version(project, MODEL, 1)
    assert [one.thing for one in found.breaks] == ["file weights/part-2.bin"]
    flip(place / "weights/part-2.bin", 500)
    assert verify_version(project, MODEL, 1).is_whole
    assert [one[1] for one in signatures(project)] == [True, False, True]
    assert verify_version(project, MODEL, 2).unsigned == "nobody signed it"


def test_a_broken_copy_says_nothing_of_the_artefact_itself(project, place, key, tmp_path):
    sign_folder(str(place), private_key(key), None, tell_nobody)
    register(project, 1, place)
    copy = make_model(tmp_path / "copy", FILES | {"MLmodel": b"other"})
    assert not verify_version(project, MODEL, 1, at=str(copy)).is_whole
    assert [one[1] for one in signatures(project)] == [True]


def test_a_download_arrives_whole_or_not_at_all(project, place, key, tmp_path):
    sign_folder(str(place), private_key(key), None, tell_nobody)
    register(project, 1, place)
    found = download(project, MODEL, 1, tmp_path / "out")
    assert found.signer == "release"
    assert manifest_at(str(tmp_path / "out"), tell_nobody).digest == found.digest
    assert signature_at(str(tmp_path / "out")) == signature_at(str(place))
    with pytest.raises(BadInputError, match="is there already"):
        download(project, MODEL, 1, tmp_path / "out")
    flip(place / "weights/part-1.bin", 9)
    with pytest.raises(TamperedError, match=r"part-1\.bin"):
        download(project, MODEL, 1, tmp_path / "again")
    left = {one.name for one in tmp_path.iterdir() if "again" in one.name}
    assert left == set()
    told = [(one.verb, one.thing) for one in list_accesses(project, AccessAsked()).rows]
    assert sorted(told) == [("read", f"model/{MODEL}/1"), ("refused", f"model/{MODEL}/1")]


def test_others_have_the_server_read_only_what_the_settings_name(project, place, tmp_path):
    ada = dataclasses.replace(project, subject=ADA, actor=ADA.name)
    with pytest.raises(NotAllowedError, match="is no place this server may read"):
        look_at(ada, "/etc")
    assert seen_if_readable(ada, str(place)) is None
    store = str(place.parent)
    config = project.config.model_copy(update={"artefacts": [store, "s3://models/prod"]})
    named = dataclasses.replace(ada, config=config)
    assert look_at(named, str(place)).manifest.files.keys() == FILES.keys()
    (place.parent / "way-out").symlink_to("/etc")
    for away in (f"{store}/../../etc", f"{store}/way-out", f"{store}-2", "s3://models/prod/../x",
                 "s3://models/production", "/etc"):  # fmt: skip
        with pytest.raises(NotAllowedError):
            look_at(named, away)


def test_who_has_the_files_may_tell_them_where_the_server_cannot_read(project, place, key):
    sign_folder(str(place), private_key(key), None, tell_nobody)
    manifest, bundle = manifest_at(str(place), tell_nobody), signature_at(str(place))
    other = Manifest(dict(manifest.files) | {"evil.pkl": File("e" * 64, 1)})
    with pytest.raises(TamperedError, match=r"evil\.pkl: was added"):
        attach(project, (MODEL, 1), other, bundle)
    found = attach(project, (MODEL, 1), manifest, bundle)
    assert (found.signer, found.breaks) == ("release", [])
    (row,) = [one for one in audit_rows(project) if one.action == "artefact"]
    assert row.detail["how"] == "told"


def test_what_is_not_registered_or_not_read_is_told(project):
    with pytest.raises(NotFoundError, match="no such version"):
        verify_version(project, MODEL, 77)
    with pytest.raises(RefusedError, match="nobody read or told its files; wm model attach"):
        verify_version(project, MODEL, 1)


def test_the_commands_attach_verify_download_and_list_who_did(project, place, tmp_path, capsys):
    home = ["--home", str(project.home)]
    assert run(["model", "attach", MODEL, "1", *home]) == 0
    assert run(["model", "verify", MODEL, "1", *home]) == 0
    assert "not signed: nobody signed it" in capsys.readouterr().out
    assert run(["model", "download", MODEL, "1", "--to", str(tmp_path / "out"), *home]) == 0
    flip(place / "MLmodel")
    assert run(["model", "verify", MODEL, "1", *home]) == 2
    assert "file MLmodel" in capsys.readouterr().out
    assert run(["access", "list", "--thing", f"model/{MODEL}", *home]) == 0
    assert capsys.readouterr().out.count("read") == 3


def spoiled(project, statement):
    """What verifying the log tells once a statement was run; it is taken back."""
    with project.ledger.records.connect() as connection:
        held = connection.execute(sa.select(ARTEFACTS)).mappings().all()
    with project.ledger.records.begin() as connection:
        connection.execute(statement)
    found = verify(project).breaks
    with project.ledger.records.begin() as connection:
        connection.execute(ARTEFACTS.delete())
        connection.execute(ARTEFACTS.insert(), [dict(row) for row in held])
    return [(one.thing, one.column) for one in found]


def test_what_is_kept_of_an_artefact_is_held_against_the_audit_log(project, place, key):
    sign_folder(str(place), private_key(key), None, tell_nobody)
    register(project, 1, place)
    register(project, 2, place.with_name("model-2"))
    digest = digest_of(project, 1)
    mine, of = ARTEFACTS.update().where(ARTEFACTS.c.digest == digest), f"artefact {digest}"
    bytes_told = sa.func.replace(ARTEFACTS.c.manifest, "999", "998")
    assert spoiled(project, mine.values(manifest=bytes_told)) == [(of, "manifest")]
    assert spoiled(project, mine.values(signer="eve")) == [(of, "signer")]
    assert spoiled(project, mine.values(signature=None)) == [(of, "signature")]
    assert spoiled(project, ARTEFACTS.delete().where(ARTEFACTS.c.digest == digest)) == [(of, None)]
    assert verify(project).is_whole
    with project.ledger.records.begin() as connection:
        connection.execute(MODEL_VERSIONS.update().values(digest=digest))
    assert [one.thing for one in verify(project).breaks] == [f"version {MODEL}/2"]


def new_version(source, model=MODEL):
    return NewVersion(model=model, told=Told(source=str(source)))


def named(project, place):
    """The same ledger, whose settings let it read the folder above a place."""
    config = project.config.model_copy(update={"artefacts": [str(place.parent)]})
    return dataclasses.replace(project, config=config)


def test_a_version_made_from_another_has_its_artefact_and_the_log_knows(project, place, key):
    sign_folder(str(place), private_key(key), None, tell_nobody)
    opened = named(project, place)
    first = create_version(opened, new_version(place))
    copy = create_version(opened, new_version(f"models:/{MODEL}/{first.version}"))
    assert copy.digest == first.digest == manifest_at(str(place), tell_nobody).digest
    assert signatures(project) == [
        (first.version, True, "release"),
        (copy.version, True, "release"),
    ]
    assert verify(project).breaks == []


def test_registering_tampered_files_is_refused_and_nothing_is_left(project, place, key):
    sign_folder(str(place), private_key(key), None, tell_nobody)
    flip(place / "weights/part-1.bin", 1)
    with pytest.raises(TamperedError, match=r"part-1\.bin"):
        create_version(named(project, place), new_version(place))
    with project.ledger.records.connect() as connection:
        count = sa.select(sa.func.count()).select_from(MODEL_VERSIONS)
        assert connection.scalar(count) == 2


def test_registering_asking_where_and_deleting_are_in_the_access_log(project, place):
    made = create_version(named(project, place), new_version(place))
    assert download_place(project, MODEL, made.version) == str(place)
    delete_version(project, MODEL, made.version)
    told = list_accesses(project, AccessAsked(thing=f"model/{MODEL}/{made.version}"))
    assert sorted(one.verb for one in told.rows) == ["delete", "read", "write"]


def test_who_may_not_register_may_not_tell_files_either(project, place):
    manifest = manifest_at(str(place), tell_nobody)
    ben = dataclasses.replace(project, subject=BEN, actor=BEN.name)
    with pytest.raises(NotAllowedError, match="may not change models of nobody"):
        attach(ben, (MODEL, 1), manifest, None)
    assert digest_of(project, 1) is None


def test_all_that_stands_somewhere_is_verified_and_what_cannot_be_is_told(project, place, capsys):
    register(project, 1, place)
    with project.ledger.records.begin() as connection:
        for version, slot, gone in ((1, "alias/prod", None), (2, "stage/Production", None),
                                    (2, "alias/old", "2026-10-02")):  # fmt: skip
            row = {"model": MODEL, "version": version, "slot": slot, "from_at": "2026-10-01",
                   "set_by": "ada", "to_at": gone}  # fmt: skip
            connection.execute(STANDINGS.insert().values(row))
    home = ["--home", str(project.home)]
    assert run(["model", "verify", "--standing", *home]) == 2
    told = capsys.readouterr().out
    assert "as registered" in told
    assert f"not verified: {MODEL} 2: " in told
    register(project, 2, place.with_name("model-2"))
    assert run(["model", "verify", "--standing", *home]) == 0
    flip(place / "MLmodel")
    assert run(["model", "verify", "--standing", *home]) == 2
    assert "file MLmodel" in capsys.readouterr().out
    assert run(["model", "verify", MODEL, "1", "--standing", *home]) == 3
