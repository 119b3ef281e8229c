"""The registry's changes: all fourteen of MLflow's, each one transaction that asks the gates,
writes, and is audited. What gates refuse is kept and told, and nothing else happens.
"""

import dataclasses
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from watermaster.flows.access import note_access
from watermaster.flows.artefacts import Looked, keep_artefact, keep_copied, seen_if_readable
from watermaster.flows.gates import guarded, rule
from watermaster.flows.lineage import Origin, Told, origin_of
from watermaster.flows.model_owner import team_of_model
from watermaster.flows.open import Project
from watermaster.ledger import registry_write as write
from watermaster.ledger.audit import append_audit, chained
from watermaster.ledger.registry import aliased, has_model, last_ms, model_of, slots_of, version_of
from watermaster.model.errors import NotAllowedError
from watermaster.model.gates import Change, GateRefusedError, Verdict
from watermaster.model.identity import Right
from watermaster.model.registry import (
    PROMPT,
    STANDS,
    BadValueError,
    ModelVersion,
    RegisteredModel,
    Stage,
    StandsError,
    TakenError,
    UnknownModelError,
    UnknownVersionError,
    checked_key,
    checked_name,
    checked_stage,
    checked_tag,
    checked_tags,
    checked_text,
    checked_version,
    free_alias,
)

Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewVersion:
    """What a client says of a version it registers."""

    model: str
    told: Told
    run_link: str = ""
    description: str = ""
    tags: Pairs = ()
    user_id: str | None = None


def create_model(
    project: Project, name: str, tags: Pairs = (), description: str = ""
) -> RegisteredModel:
    """Register a model."""
    checked_name(name), checked_text("description", description)
    kept = checked_tags(tags)
    with _changing(project, "registered-models/create", name) as change:
        if has_model(change.connection, name):
            raise _taken(name, change.model(name))
        made = RegisteredModel(
            name=name, created_ms=change.at_ms, updated_ms=change.at_ms, description=description,
            team=_own_team(project), made_by=project.actor, tags=kept,
        )  # fmt: skip
        write.insert_model(change.connection, made)
        change.audit(tags=dict(kept))
    return made


def rename_model(project: Project, name: str, new: str) -> RegisteredModel:
    """Another name for a model; its versions are judged as if they came into their slots."""
    checked_name(new, "new_name")
    with _changing(project, "registered-models/rename", name) as change:
        change.find(name)
        if new != name:
            if has_model(change.connection, new):
                raise TakenError(new)
            standing = slots_of(change.connection, name)
            change.keep(name, standing)
            change.entitle(new)
            rulings = {
                version: change.ask(_as_named(change.version(name, version), new), slots)
                for version, slots in standing.items()
            }
            write.rename(change.connection, name, new, change.at_ms)
            write.end_standings(change.connection, name, change.at, project.actor)
            for version, slots in standing.items():
                change.begin((new, version), slots, rulings[version])
        else:
            write.change_model(change.connection, name, updated_ms=change.at_ms)
        change.audit(to=new)
        return change.model(new)


def describe_model(project: Project, name: str, description: str) -> RegisteredModel:
    """Another description for a model."""
    checked_text("description", description)
    with _changing(project, "registered-models/update", name) as change:
        change.find(name)
        values = {"description": description, "updated_ms": change.at_ms}
        write.change_model(change.connection, name, **values)
        change.audit(description=description)
        return change.model(name)


def delete_model(project: Project, name: str) -> None:
    """Take a model away, unless a version of it stands where a gate guards."""
    with _changing(project, "registered-models/delete", name) as change:
        change.find(name)
        change.keep(name, slots_of(change.connection, name))
        write.end_standings(change.connection, name, change.at, project.actor)
        write.drop_model(change.connection, name)
        change.audit()


def tag_model(project: Project, name: str, key: str, value: str) -> None:
    """Set a tag of a model. Gates never read tags: anybody may write them."""
    checked_tag(key, value)
    with _changing(project, "registered-models/set-tag", name) as change:
        change.find(name)
        write.set_tag(change.connection, (name, None), key, value)
        change.audit(key=key, value=value)


def untag_model(project: Project, name: str, key: str) -> None:
    """Take a tag of a model away; it need not be there."""
    checked_key(key)
    with _changing(project, "registered-models/delete-tag", name) as change:
        change.find(name)
        write.delete_tag(change.connection, (name, None), key)
        change.audit(key=key)


def set_alias(project: Project, name: str, alias: str, version: str | int) -> None:
    """Let an alias mean a version, if the gates of the alias allow it."""
    free_alias(alias)
    number = checked_version(version)
    with _changing(project, "registered-models/alias", name) as change:
        one = change.version(name, number, version)
        slot = f"alias/{alias}"
        before = aliased(change.connection, name, alias)
        if before != number:
            ruling = change.ask(one, frozenset({slot}))
            write.put_alias(change.connection, name, alias, number)
            change.end(name, write.in_slot(slot))
            change.begin((name, number), frozenset({slot}), ruling)
        change.audit(alias=alias, version=number, before=before)


def drop_alias(project: Project, name: str, alias: str) -> None:
    """Let an alias mean nothing; it need not be there."""
    with _changing(project, "registered-models/alias", name) as change:
        change.find(name)
        before = aliased(change.connection, name, alias)
        write.drop_alias(change.connection, name, alias)
        change.end(name, write.in_slot(f"alias/{alias}"))
        change.audit(alias=alias, version=None, before=before)


def create_version(project: Project, new: NewVersion) -> ModelVersion:
    """Register a version of a model; it stands nowhere yet."""
    checked_name(new.model), checked_text("description", new.description)
    checked_text("run_link", new.run_link)
    kept = checked_tags(new.tags)
    is_prompt = dict(kept).get(PROMPT, "").lower() == "true"
    origin = origin_of(project, dataclasses.replace(new.told, is_prompt=is_prompt))
    looked = _read_now(project, origin)
    with _changing(project, "model-versions/create", new.model) as change:
        change.find(new.model)
        made = ModelVersion(
            model=new.model,
            version=write.next_version(change.connection, new.model, change.at_ms),
            created_ms=change.at_ms, updated_ms=change.at_ms, description=new.description,
            user_id=new.user_id, made_by=project.actor, stage=Stage.NONE.value,
            source=origin.source, storage=origin.storage, run_id=origin.run_id,
            run_link=new.run_link, logged_model=origin.logged_model, status="READY",
            status_message=None, lineage=origin.lineage.value, digest=origin.digest, tags=kept,
        )  # fmt: skip
        write.insert_version(change.connection, made)
        change.audit(version=made.version, source=made.source, lineage=made.lineage)
        change.touched("write", made)
        if made.digest is not None:
            keep_copied(change.connection, project, (made.model, made.version))
        if looked is not None:
            keep_artefact(change.connection, project, (made.model, made.version), looked)
            return change.version(made.model, made.version)
    return made


def _read_now(project: Project, origin: Origin) -> Looked | None:
    """The files of a new version, where the settings name their place and they can be read."""
    if project.config.artefacts is None or origin.storage is None or origin.digest:
        return None
    return seen_if_readable(project, origin.storage)


def describe_version(
    project: Project, name: str, version: str | int, description: str | None
) -> ModelVersion:
    """Another description for a version."""
    checked_text("description", description or "")
    number = checked_version(version)
    with _changing(project, "model-versions/update", name) as change:
        change.version(name, number, version)
        values = {"description": description, "updated_ms": change.at_ms}
        write.change_version(change.connection, name, number, **values)
        change.audit(version=number, description=description)
        return change.version(name, number)


def delete_version(project: Project, name: str, version: str | int) -> None:
    """Take a version away, unless it stands where a gate guards; its number is never reused."""
    number = checked_version(version)
    with _changing(project, "model-versions/delete", name) as change:
        one = change.version(name, number, version)
        change.keep(name, {number: one.slots})
        for alias in one.aliases:
            write.drop_alias(change.connection, name, alias)
        change.end(name, write.by_version(number))
        gone = {"deleted_at": change.at, "updated_ms": change.at_ms}
        write.change_version(change.connection, name, number, **gone)
        write.change_model(change.connection, name, updated_ms=change.at_ms)
        change.audit(version=number)
        change.touched("delete", one)


def move_version(
    project: Project, name: str, version: str | int, stage: str, others: Stage | None = None
) -> ModelVersion:
    """Bring a version to a stage, if its gates allow it. others: where those go that were there."""
    number, to = checked_version(version), checked_stage(stage)
    if others is not None and to not in STANDS:
        raise BadValueError(
            "Model version transition cannot archive existing model versions because "
            f"'{stage}' is not an Active stage. Valid stages are {[one.value for one in STANDS]}"
        )
    with _changing(project, "model-versions/transition-stage", name) as change:
        one = change.version(name, number, version)
        gains = frozenset({f"stage/{to}"} if to in STANDS else ()) - one.slots
        ruling = change.ask(one, gains)
        moved = _make_room(change, one, to) if others is not None else []
        write.change_version(
            change.connection, name, number, stage=to.value, updated_ms=change.at_ms
        )
        write.change_model(change.connection, name, updated_ms=change.at_ms)
        if one.stage != to:
            change.end(name, write.by_version(number), write.in_slot(f"stage/{one.stage}"))
            change.begin((name, number), gains, ruling)
        change.audit(version=number, stage=to.value, before=one.stage, archived=moved)
        return change.version(name, number)


def tag_version(project: Project, name: str, version: str | int, key: str, value: str) -> None:
    """Set a tag of a version. Gates never read tags: anybody may write them."""
    checked_tag(key, value)
    number = checked_version(version)
    with _changing(project, "model-versions/set-tag", name) as change:
        change.version(name, number, version)
        write.set_tag(change.connection, (name, number), key, value)
        change.audit(version=number, key=key, value=value)


def untag_version(project: Project, name: str, version: str | int, key: str) -> None:
    """Take a tag of a version away; it need not be there."""
    checked_key(key)
    number = checked_version(version)
    with _changing(project, "model-versions/delete-tag", name) as change:
        change.version(name, number, version)
        write.delete_tag(change.connection, (name, number), key)
        change.audit(version=number, key=key)


def _make_room(change: "_Changing", one: ModelVersion, to: Stage) -> list[int]:
    """Archive those that stand in a stage; their numbers."""
    slot = f"stage/{to}"
    standing = slots_of(change.connection, one.model)
    others = sorted(v for v, slots in standing.items() if slot in slots and v != one.version)
    for number in others:
        values = {"stage": Stage.ARCHIVED.value, "updated_ms": change.at_ms}
        write.change_version(change.connection, one.model, number, **values)
        change.end(one.model, write.in_slot(slot), write.by_version(number))
    return others


@dataclass(frozen=True, slots=True)
class _Changing:
    """One change of the registry while it is made."""

    project: Project
    connection: sa.Connection
    way: str
    name: str
    at: str
    at_ms: int

    def find(self, name: str) -> None:
        """UnknownModelError where there is no such model."""
        checked_name(name)
        if not has_model(self.connection, name):
            raise UnknownModelError(name)

    def model(self, name: str) -> RegisteredModel:
        checked_name(name)
        held = model_of(self.connection, name)
        if held is None:
            raise UnknownModelError(name)
        return held

    def version(self, name: str, number: int, said: str | int | None = None) -> ModelVersion:
        checked_name(name)
        held = version_of(self.connection, name, number)
        if held is None:
            raise UnknownVersionError(name, number if said is None else said)
        return held

    def entitle(self, name: str) -> None:
        """Refuse who may not register models of that name's team."""
        asker = self.project.asker
        if asker.may_everywhere(Right.REGISTER):
            return
        team = team_of_model(self.connection, self.project, name)
        if not asker.may(Right.REGISTER, team):
            what = f"{asker.name} may not change models of {team or 'nobody'}"
            raise NotAllowedError(name, what, f"ask an owner in {team or 'any team'}")

    def ask(self, one: ModelVersion, gains: frozenset[str]) -> str | None:
        """The gates' ruling on what a version would gain; its id, None where none guards."""
        if not gains:
            return None
        asked = Change(
            model=one.model, version=one.version, digest=one.digest, gains=gains, way=self.way
        )
        ruling = rule(self.connection, self.project, asked)
        if ruling is not None and ruling.verdict is not Verdict.ALLOWED:
            raise GateRefusedError(ruling)
        return ruling.id if ruling else None

    def keep(self, name: str, standing: dict[int, frozenset[str]]) -> None:
        """Refuse to take away what stands where a gate guards."""
        for version, slots in sorted(standing.items()):
            held = guarded(self.connection, self.project, name, slots)
            if held:
                where = ", ".join(sorted(held))
                what = f"version {version} stands in {where}, which a gate guards"
                raise StandsError(name, what, f"take it out of {where} first")

    def begin(self, of: tuple[str, int], slots: frozenset[str], ruling: str | None) -> None:
        for slot in sorted(slots):
            by = {"set_by": self.project.actor, "ruling": ruling}
            write.begin_standing(self.connection, of, slot, self.at, **by)

    def end(self, name: str, *which: sa.ColumnElement[bool]) -> None:
        write.end_standings(self.connection, name, self.at, self.project.actor, *which)

    def audit(self, **detail: Any) -> None:
        told = {"way": self.way, "model": self.name, **detail}
        append_audit(self.connection, self.at, self.project.actor, "registry", told)

    def touched(self, verb: str, one: ModelVersion) -> None:
        """For the access log."""
        done = verb, f"model/{one.model}/{one.version}"
        note_access(self.connection, self.project, done, one.storage or one.source or "-")


@contextmanager
def _changing(project: Project, way: str, name: str) -> Iterator[_Changing]:
    """The transaction of one change. What gates refuse commits the refusal, and nothing else."""
    refused: GateRefusedError | None = None
    at = project.ledger.clock()
    with chained(project.ledger.records) as connection:
        at_ms = max(_milliseconds(int(at.timestamp())), last_ms(connection) + 1)
        change = _Changing(project, connection, way, name, at.isoformat(), at_ms)
        change.entitle(name)
        try:
            yield change
        except GateRefusedError as error:
            refused = error
    if refused is not None:
        raise refused


def _own_team(project: Project) -> str | None:
    """The team of who registers, where they are of one alone."""
    teams = project.asker.teams or frozenset()
    return next(iter(teams)) if len(teams) == 1 else None


def _milliseconds(second: int) -> int:
    """The ledger's clock knows seconds; within the running one, the wall clock knows more."""
    now_ms = time.time_ns() // 1_000_000
    return now_ms if now_ms // 1000 == second else second * 1000


def _taken(name: str, held: RegisteredModel) -> TakenError:
    if not held.is_prompt:
        return TakenError(name)
    return TakenError(
        name,
        f"Tried to create a registered model with name '{name}', but the name is already taken by "
        "a prompt. MLflow does not allow creating a model and a prompt with the same name.",
    )


def _as_named(one: ModelVersion, name: str) -> ModelVersion:
    return dataclasses.replace(one, model=name)
