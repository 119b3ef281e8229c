"""Changes of the registry: gates hold by every way, history is kept, teams are kept apart."""

import dataclasses

import pytest
import sqlalchemy as sa

from tests.flows.registry_work import ADA, BEN, GATE, MODEL, as_subject, person, registry_at
from tests.flows.small import declare, resource
from watermaster.flows import registry, registry_read
from watermaster.flows.access import list_accesses
from watermaster.flows.audit import audit_rows, verify
from watermaster.flows.evidence import give_evidence
from watermaster.flows.lineage import Told
from watermaster.ledger.registry_records import MODEL_VERSIONS, RULINGS, STANDINGS
from watermaster.model.access import AccessAsked
from watermaster.model.errors import NotAllowedError, WatermasterError
from watermaster.model.gates import GateRefusedError
from watermaster.model.identity import Grant, Role
from watermaster.model.registry import (
    BadValueError,
    Stage,
    StandsError,
    TakenError,
    UnknownVersionError,
)

GOOD = {"dataset": "claims 7", "cases": 900, "metrics": {"accuracy": 0.94}}
CLEAN = {"tool": "scanner", "critical": 0, "high": 1}


@pytest.fixture
def project(tmp_path):
    return registry_at(tmp_path / "home", 3, 4)


def prove(project, version=3):
    give_evidence(project, "evaluation", MODEL, version, GOOD)
    give_evidence(project, "scan", MODEL, version, CLEAN)
    give_evidence(as_subject(project, BEN), "approval", MODEL, version, {"says": "fit"})


def rows(project, table, *columns):
    with project.ledger.records.connect() as connection:
        query = sa.select(*(table.c[name] for name in columns)).order_by(table.c.at if "at" in
                table.c else table.c.id)  # fmt: skip
        return [tuple(row) for row in connection.execute(query)]


def create(project, **told):
    return registry.create_version(
        project, registry.NewVersion(model=MODEL, told=Told(source="s3://b/m", **told))
    )


# Each of the fourteen, used as far as it goes by who wants version 4 in production unproven.
WAYS = {
    "registered-models/create": lambda p: registry.create_model(
        p, "other", [("alias", "prod"), ("stage", "Production")]
    ),
    "registered-models/rename": lambda p: (
        registry.create_model(p, "tools"),
        registry.create_version(
            p, registry.NewVersion(model="tools", told=Told(source="s3://b/evil"))
        ),
        registry.set_alias(p, "tools", "prod", 1),
        registry.rename_model(p, "tools", "claims-two"),
    ),
    "registered-models/update": lambda p: registry.describe_model(p, MODEL, "alias/prod: 4"),
    "registered-models/set-tag": lambda p: registry.tag_model(p, MODEL, "gate", "passed"),
    "registered-models/delete-tag": lambda p: registry.untag_model(p, MODEL, "gate"),
    "registered-models/alias": lambda p: registry.set_alias(p, MODEL, "prod", "4"),
    "registered-models/alias DELETE": lambda p: registry.drop_alias(p, MODEL, "prod"),
    "model-versions/create": create,
    "model-versions/update": lambda p: registry.describe_version(p, MODEL, 4, "approved"),
    "model-versions/transition-stage": lambda p: registry.move_version(
        p, MODEL, 4, "production", Stage.ARCHIVED
    ),
    "model-versions/set-tag": lambda p: registry.tag_version(p, MODEL, 4, "accuracy", "0.99"),
    "model-versions/delete-tag": lambda p: registry.untag_version(p, MODEL, 4, "scan"),
    "model-versions/delete": lambda p: registry.delete_version(p, MODEL, 4),
    "registered-models/delete": lambda p: registry.delete_model(p, MODEL),
}


GATED = {
    "registered-models/rename", "registered-models/alias", "model-versions/transition-stage",
}  # fmt: skip


def test_by_no_way_does_an_unproven_version_come_to_production(project):
    declare(project, resource("Gate", "production", GATE | {"models": ["claims-*"]}))
    for way, go in WAYS.items():
        if way in GATED:
            with pytest.raises(GateRefusedError) as refused:
                go(project)
            told = str(refused.value)
            assert all(f"production/{one}" in told for one in ("accurate", "safe", "approved"))
        else:
            go(project)
        for name in (MODEL, "claims-two"):
            with pytest.raises(WatermasterError, match="not found"):
                registry_read.get_aliased(project, name, "prod")
        slots = [(m, s) for m, s in rows(project, STANDINGS, "model", "slot") if m != "tools"]
        assert slots == []
    kept = rows(project, RULINGS, "way", "verdict")
    assert {way for way, _ in kept} == GATED  # each refusal is kept
    assert {verdict for _, verdict in kept} == {"refused"}
    assert verify(project).breaks == []


def test_tags_prove_nothing(project):
    for key, value in (("evaluation", "0.99"), ("evidence.scan.critical", "0"), ("approval", "1")):
        registry.tag_version(project, MODEL, 3, key, value)
    with pytest.raises(GateRefusedError, match="refused for 3 reasons"):
        registry.set_alias(project, MODEL, "prod", 3)


def test_who_stood_in_production_when_put_there_by_whom_on_what(project):
    prove(project, 3)
    prove(project, 4)
    registry.set_alias(project, MODEL, "prod", "3")
    project.ledger.clock.set("2026-10-20T10:00:00")
    registry.set_alias(project, MODEL, "prod", "4")
    project.ledger.clock.set("2026-10-21T10:00:00")
    registry.drop_alias(as_subject(project, person("eve@example.com", Role.OWNER)), MODEL, "prod")
    found = rows(project, STANDINGS, "version", "slot", "from_at", "to_at", "set_by", "ended_by")
    assert found == [
        (3, "alias/prod", "2026-10-14T09:00:00+00:00", "2026-10-20T10:00:00+00:00",
         ADA.name, ADA.name),
        (4, "alias/prod", "2026-10-20T10:00:00+00:00", "2026-10-21T10:00:00+00:00",
         ADA.name, "eve@example.com"),
    ]  # fmt: skip
    kept = {one[0] for one in rows(project, RULINGS, "id")}
    assert {one[0] for one in rows(project, STANDINGS, "ruling")} == kept


def test_what_stands_in_production_is_not_deleted_or_renamed_away(project):
    prove(project)
    registry.set_alias(project, MODEL, "prod", 3)
    for take in (
        lambda: registry.delete_model(project, MODEL),
        lambda: registry.delete_version(project, MODEL, 3),
        lambda: registry.rename_model(project, MODEL, "claims-new"),
    ):
        with pytest.raises(StandsError, match="version 3 stands in alias/prod"):
            take()
    registry.delete_version(project, MODEL, 4)
    registry.drop_alias(project, MODEL, "prod")
    registry.delete_version(project, MODEL, 3)
    with pytest.raises(UnknownVersionError):
        registry_read.get_version(project, MODEL, 3)


def test_archiving_others_ends_their_standing(project):
    prove(project, 3)
    prove(project, 4)
    registry.move_version(project, MODEL, 3, "Production")
    registry.move_version(project, MODEL, 4, "Production", Stage.ARCHIVED)
    assert registry_read.get_version(project, MODEL, 3).stage == "Archived"
    standing = rows(project, STANDINGS, "version", "slot", "to_at")
    assert [(v, s, bool(to)) for v, s, to in standing] == [
        (3, "stage/Production", True), (4, "stage/Production", False),
    ]  # fmt: skip


def test_the_same_again_asks_nobody_again(project):
    prove(project)
    registry.set_alias(project, MODEL, "prod", 3)
    registry.set_alias(project, MODEL, "prod", "3")
    assert len(rows(project, STANDINGS, "id")) == 1
    assert len(rows(project, RULINGS, "id")) == 1


def test_numbers_of_versions_are_never_given_again(project):
    first = create(project).version
    registry.delete_version(project, MODEL, first)
    assert create(project).version == first + 1


def test_a_copy_is_the_same_artefact_wherever_it_is_copied(project):
    with project.ledger.records.begin() as connection:
        change = {"storage": "s3://b/real", "source": "s3://b/real"}
        connection.execute(MODEL_VERSIONS.update().values(**change))
    registry.create_model(project, "copies")
    told = Told(source=f"models:/{MODEL}/3")
    copy = registry.create_version(project, registry.NewVersion(model="copies", told=told))
    assert copy.digest == registry_read.get_version(project, MODEL, 3).digest
    assert registry_read.download_place(project, "copies", 1) == "s3://b/real"


def test_every_change_is_audited_with_who_made_it(project):
    before = len(list(audit_rows(project)))
    registry.create_model(project, "audited")
    registry.tag_model(as_subject(project, person("eve@example.com", Role.OWNER)), "audited", "a",
                       "b")  # fmt: skip
    found = list(audit_rows(project))[before:]
    assert [(row.action, row.actor) for row in found] == [
        ("registry", ADA.name), ("registry", "eve@example.com"),
    ]  # fmt: skip


def test_models_of_a_team_are_changed_by_its_owners_alone(project):
    fraud = dataclasses.replace(ADA, grants=(Grant(role=Role.OWNER, team="fraud"),))
    lending = dataclasses.replace(BEN, grants=(Grant(role=Role.OWNER, team="lending"),))
    viewer = person("vic@example.com", Role.VIEWER)
    registry.create_model(as_subject(project, fraud), "scores")
    for other in (lending, viewer):
        for change in (
            lambda p: registry.tag_model(p, "scores", "a", "b"),
            lambda p: registry.delete_model(p, "scores"),
        ):
            with pytest.raises(NotAllowedError, match="may not change models of fraud"):
                change(as_subject(project, other))
    registry.tag_model(as_subject(project, fraud), "scores", "a", "b")


def test_times_never_stand_still(project):
    versions = [create(project) for _ in range(5)]
    times = [one.created_ms for one in versions]
    assert times == sorted(set(times))


@pytest.mark.parametrize(
    "source", ["/etc/passwd", "file:///etc/passwd", "etc/passwd", "http://10.0.0.1/x",
               "s3://b/%2e%2e/x", "s3://b/%252e%252e/x", "models://h/x/1", "http://[", "runs:/r/m"],
)  # fmt: skip
def test_a_source_leads_only_where_stores_are(project, source):
    with pytest.raises(BadValueError, match="source"):
        registry.create_version(project, registry.NewVersion(model=MODEL, told=Told(source=source)))


def test_a_folder_that_the_settings_name_may_be_a_source(project, tmp_path):
    (tmp_path / "models" / "m").mkdir(parents=True)
    (tmp_path / "models" / "m" / "weights").write_text("1 2 3")
    config = project.config.model_copy(update={"artefacts": [str(tmp_path / "models")]})
    allowed = dataclasses.replace(project, config=config)
    for source, is_in in (("models/m", True), ("models/../other", False), ("other", False)):
        new = registry.NewVersion(model=MODEL, told=Told(source=f"file://{tmp_path}/{source}"))
        if is_in:
            made = registry.create_version(allowed, new)
            assert made.lineage == "none asked"
            assert made.digest.startswith("sha256:")  # its files were read
        else:
            with pytest.raises(BadValueError, match="Invalid model version source"):
                registry.create_version(allowed, new)


def test_a_name_that_is_taken_is_refused(project):
    registry.create_model(project, "one")
    with pytest.raises(TakenError):
        registry.create_model(project, "one")
    with pytest.raises(TakenError):
        registry.rename_model(project, "one", MODEL)


def test_to_log_a_read_does_not_make_later_changes_less_sure(project):
    registry_read.download_place(project, MODEL, 3)
    with project.ledger.records.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2  # FULL
    found = list_accesses(project, AccessAsked()).rows
    assert [(one.subject, one.thing) for one in found] == [(ADA.name, f"model/{MODEL}/3")]
