"""No sequence of operations brings a version where the gates forbid it, and none they allow fails.

Beside the registry runs a few lines of bookkeeping that know the rules of the gate of
tests/flows/registry_work.py and nothing of how they are kept.
"""

import datetime as dt
import itertools
import os

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.flows.registry_work import ADA, BEN, GATE, as_subject, person
from tests.flows.small import Clock, declare, project_at, resource
from watermaster.flows import registry
from watermaster.flows.evidence import give_evidence
from watermaster.flows.lineage import Told
from watermaster.flows.waivers import ask_waiver, end_waiver, grant_waiver
from watermaster.ledger.registry import slots_of
from watermaster.ledger.registry_records import MODEL_VERSIONS
from watermaster.model.errors import NotAllowedError, WatermasterError
from watermaster.model.gates import GateRefusedError
from watermaster.model.identity import Role
from watermaster.model.registry import Stage, StandsError

SEQUENCES = 10_000
CLEO = person("cleo@example.com", Role.OWNER, Role.APPROVER)
PEOPLE = (ADA, CLEO)
ASKED = tuple(one["name"] for one in GATE["require"])
GUARDED = frozenset({"alias/prod", "stage/Production"})
_COUNT = itertools.count()
GOOD = {"dataset": "d", "cases": 9, "metrics": {"accuracy": 0.95}}
CLEAN = {"tool": "t", "critical": 0, "high": 0}
model = st.integers(0, 1)
who = st.sampled_from(PEOPLE)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    made = project_at(tmp_path_factory.mktemp("gates") / "home", Clock("2026-10-14T09:00:00"))
    declare(made, resource("Gate", "production", GATE))
    made.ledger.records.dispose()
    sa.event.listen(made.ledger.records, "connect", _unsynced)
    return made


def _unsynced(connection, _record):
    """Of this test only: it asks what is written, not what outlives a power cut."""
    connection.execute("PRAGMA synchronous=OFF")


class Registry(RuleBasedStateMachine):
    """Two models, versions of them, and all that people may try."""

    project = None

    @initialize()
    def begin(self):
        number = next(_COUNT)
        self.names = [f"m{number}-{place}" for place in range(2)]
        self.made: dict[tuple[int, int], str] = {}  # (model, version) to who made it
        self.makers: dict[tuple[str, int], str] = {}  # of deleted versions too, by name
        self.digests: dict[tuple[int, int], str] = {}
        self.shown: dict[tuple[str, str, str], object] = {}  # model, digest, requirement
        self.approved: dict[tuple[str, str], set[str]] = {}
        self.waived: dict[str, tuple[str, int, str, str]] = {}  # id: model, version, what, by whom
        self.asked: dict[str, tuple[str, int, str, str]] = {}
        self.stands: dict[tuple[int, str], int] = {}  # (model, slot) to version, guarded ones
        for name in self.names:
            registry.create_model(as_subject(self.project, ADA), name)

    def by(self, subject):
        return as_subject(self.project, subject)

    def may(self, place, number, subject):
        """Whether the gate must let it pass for who asks."""
        name, digest = self.names[place], self.digests.get((place, number))
        eyes = {subject.name, self.made.get((place, number))}
        waived = {
            what for of, v, what, by in self.waived.values() if (of, v) == (name, number)
            and by not in eyes
        }  # fmt: skip
        passed = {
            "accurate": self.shown.get((name, digest, "accurate")) is True,
            "safe": self.shown.get((name, digest, "safe")) is True,
            "approved": bool(self.approved.get((name, digest), set()) - eyes),
        }
        return all(passed[what] or what in waived for what in ASKED)

    def enters(self, place, number, slot, subject, act):
        """Do it, and hold what came of it beside what must come of it."""
        is_there = self.stands.get((place, slot)) == number
        try:
            act()
        except GateRefusedError:
            assert not self.may(place, number, subject)
            assert not is_there
        else:
            assert is_there or slot not in GUARDED or self.may(place, number, subject)
            if slot in GUARDED:
                self.stands[place, slot] = number

    @rule(place=model, subject=who, digest=st.sampled_from(["a", "b", "a", None]))
    def register(self, place, subject, digest):
        told = Told(source=f"s3://models/{digest}")
        new = registry.NewVersion(model=self.names[place], told=told)
        number = registry.create_version(self.by(subject), new).version
        self.made[place, number] = self.makers[self.names[place], number] = subject.name
        if digest:
            self.digests[place, number] = f"sha256:{digest * 64}"
            with self.project.ledger.records.begin() as connection:
                mine = (MODEL_VERSIONS.c.model == self.names[place]) & (
                    MODEL_VERSIONS.c.version == number
                )
                connection.execute(
                    MODEL_VERSIONS.update().where(mine).values(digest=self.digests[place, number])
                )

    @precondition(lambda self: self.made)
    @rule(data=st.data(), good=st.booleans(), what=st.sampled_from(["accurate", "safe"]))
    def show(self, data, good, what):
        place, number = data.draw(st.sampled_from(sorted(self.made)))
        if what == "accurate":
            kind, fields = "evaluation", GOOD if good else GOOD | {"metrics": {"accuracy": 0.4}}
        else:
            kind, fields = "scan", CLEAN if good else CLEAN | {"critical": 3}
        give_evidence(self.by(ADA), kind, self.names[place], number, fields)
        if (place, number) in self.digests:
            self.shown[self.names[place], self.digests[place, number], what] = good

    @precondition(lambda self: self.digests)
    @rule(data=st.data())
    def prove(self, data):
        """All that is asked, so that gates are passed too and not only refused."""
        place, number = data.draw(st.sampled_from(sorted(self.digests)))
        for kind, fields in (("evaluation", GOOD), ("scan", CLEAN)):
            give_evidence(self.by(ADA), kind, self.names[place], number, fields)
        give_evidence(self.by(BEN), "approval", self.names[place], number, {"says": "fit"})
        key = self.names[place], self.digests[place, number]
        self.shown |= {(*key, "accurate"): True, (*key, "safe"): True}
        self.approved.setdefault(key, set()).add(BEN.name)

    @precondition(lambda self: self.made)
    @rule(data=st.data(), subject=st.sampled_from([BEN, CLEO]))
    def approve(self, data, subject):
        place, number = data.draw(st.sampled_from(sorted(self.made)))
        give_evidence(self.by(subject), "approval", self.names[place], number, {"says": "fit"})
        if (place, number) in self.digests:
            key = self.names[place], self.digests[place, number]
            self.approved.setdefault(key, set()).add(subject.name)

    @precondition(lambda self: self.made)
    @rule(data=st.data(), subject=who, what=st.sampled_from(ASKED))
    def ask_to_waive(self, data, subject, what):
        place, number = data.draw(st.sampled_from(sorted(self.made)))
        end = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
        of = self.names[place], number
        one = ask_waiver(self.by(subject), f"production/{what}", of, "because", end)
        self.asked[one.id] = (*of, what, subject.name)

    @precondition(lambda self: self.asked)
    @rule(data=st.data(), subject=st.sampled_from([BEN, CLEO]))
    def grant(self, data, subject):
        id_ = data.draw(st.sampled_from(list(self.asked)))
        name, number, what, asker = self.asked[id_]
        maker = self.makers.get((name, number))
        try:
            grant_waiver(self.by(subject), id_)
        except NotAllowedError:
            assert subject.name in {asker, maker}
        else:
            assert subject.name not in {asker, maker}
            del self.asked[id_]
            self.waived[id_] = (name, number, what, subject.name)

    @precondition(lambda self: self.waived)
    @rule(data=st.data())
    def end(self, data):
        id_ = data.draw(st.sampled_from(list(self.waived)))
        end_waiver(self.by(BEN), id_, "over")
        del self.waived[id_]

    @precondition(lambda self: self.made)
    @rule(data=st.data(), subject=who, alias=st.sampled_from(["prod", "candidate"]))
    def alias(self, data, subject, alias):
        place, number = data.draw(st.sampled_from(sorted(self.made)))
        self.enters(place, number, f"alias/{alias}", subject, lambda: registry.set_alias(
            self.by(subject), self.names[place], alias, number
        ))  # fmt: skip

    @rule(place=model, subject=who)
    def drop(self, place, subject):
        registry.drop_alias(self.by(subject), self.names[place], "prod")
        self.stands.pop((place, "alias/prod"), None)

    @precondition(lambda self: self.made)
    @rule(
        data=st.data(), subject=who, others=st.booleans(),
        stage=st.sampled_from(["Production", "Staging", "None", "Archived"]),
    )  # fmt: skip
    def stage(self, data, subject, others, stage):
        place, number = data.draw(st.sampled_from(sorted(self.made)))
        room = Stage.ARCHIVED if others and stage in {"Production", "Staging"} else None
        before = set(self.standing(place, "stage/Production"))
        is_there = number in before
        try:
            registry.move_version(self.by(subject), self.names[place], number, stage, room)
        except GateRefusedError:
            assert stage == "Production"
            assert not is_there
            assert not self.may(place, number, subject)
        else:
            assert stage != "Production" or is_there or self.may(place, number, subject)
            expected = before - {number} if stage != "Production" else before | {number}
            if room and stage == "Production":
                expected = {number}
            assert set(self.standing(place, "stage/Production")) == expected

    @precondition(lambda self: self.made)
    @rule(data=st.data(), subject=who)
    def forge_tags(self, data, subject):
        place, number = data.draw(st.sampled_from(sorted(self.made)))
        for key in ("evidence.scan.critical", "gate", "watermaster/approved"):
            registry.tag_version(self.by(subject), self.names[place], number, key, "0")
            registry.tag_model(self.by(subject), self.names[place], key, "true")

    @precondition(lambda self: self.made)
    @rule(data=st.data(), subject=who)
    def delete(self, data, subject):
        place, number = data.draw(st.sampled_from(sorted(self.made)))
        held = [slot for slot in GUARDED if number in self.standing(place, slot)]
        try:
            registry.delete_version(self.by(subject), self.names[place], number)
        except StandsError:
            assert held
        else:
            assert not held
            del self.made[place, number]
            self.digests.pop((place, number), None)

    @rule(place=model, subject=who)
    def rename(self, place, subject):
        new = f"{self.names[place]}-r"
        held = [slot for slot in GUARDED if self.standing(place, slot)]
        try:
            registry.rename_model(self.by(subject), self.names[place], new)
        except (StandsError, GateRefusedError):
            assert held
        else:
            assert not held
            self.makers = {
                (new if name == self.names[place] else name, number): by
                for (name, number), by in self.makers.items()
            }
            self.names[place] = new

    def standing(self, place, slot):
        with self.project.ledger.records.connect() as connection:
            found = slots_of(connection, self.names[place])
        return sorted(number for number, slots in found.items() if slot in slots)

    @invariant()
    def what_stands_is_what_was_let_in(self):
        if not hasattr(self, "names"):
            return
        for place in range(2):
            now = self.standing(place, "alias/prod")
            let_in = self.stands.get((place, "alias/prod"))
            assert now == ([] if let_in is None else [let_in])


def sequences(project, examples):
    Registry.project = project
    chosen = settings(
        max_examples=examples, stateful_step_count=25, deadline=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    run_state_machine_as_test(Registry, settings=chosen)


def test_no_sequence_of_operations_passes_what_the_gates_forbid(project):
    sequences(project, 25)


@pytest.mark.deep
def test_no_sequence_of_operations_passes_what_the_gates_forbid_at_length(project):
    sequences(project, int(os.environ.get("SEQUENCES", SEQUENCES)))


def test_what_is_no_change_of_a_registry_is_told(project):
    with pytest.raises(WatermasterError):
        registry.set_alias(as_subject(project, ADA), "nowhere", "prod", 1)
