"""The cluster's door: whether a cluster may run a workload; each answer is in the audit log."""

from dataclasses import replace
from typing import Final

import sqlalchemy as sa

from watermaster.flows.open import Project
from watermaster.flows.passed import Gates, gates_of, is_guarded, passed
from watermaster.ledger.audit import append_audit, chained
from watermaster.ledger.evidence import append_ruling
from watermaster.ledger.stood import versions_named
from watermaster.model.door import Answer, Asked, Named, Passed, Way, Workload
from watermaster.model.gates import Verdict
from watermaster.model.identity import Sort, Subject

CONTROLLERS: Final = "system:serviceaccount:kube-system:"  # the cluster says so, nobody else can
NOTHING: Final = "names no model and asks for no accelerator"


def admit(project: Project, asked: Asked) -> Answer:
    """Answer a cluster, and keep the answer; nothing is kept of a rehearsal.

    A workload is let in when every model it names has passed the gates of its environment. An
    update that names what was named before passes: what runs is not stopped by an edit of a label.
    """
    if asked.is_leaving:
        return Answer(uid=asked.uid, allowed=True, why="is being deleted")
    if asked.was is not None and _same(asked.was, asked.workload):
        return Answer(uid=asked.uid, allowed=True, why="names the models it named before")
    cluster = Subject(name=asked.by, sort=Sort.MACHINE)
    here = replace(project, subject=cluster, actor=asked.by)
    with project.ledger.records.connect() as connection:
        answer = _judged(connection, here, asked)
    if not asked.is_rehearsal and (answer.looked or not answer.allowed):
        _keep(here, asked, answer)
    return answer


def _judged(connection: sa.Connection, project: Project, asked: Asked) -> Answer:
    gates = gates_of(connection, project, asked.environment)
    looked: list[Passed] = []
    against: list[str] = []
    warnings: list[str] = []
    for named in asked.workload.named:
        found, fault = _look(connection, project, named, (asked.environment, gates))
        looked += found
        warnings += [told for one in found for told in one.warnings]
        let = [one for one in found if one.has_passed or (one.slot and _is_controller(asked))]
        if fault or (found and not let):
            against.append(fault or _refusal(found[0]))
    if not looked and not against and asked.workload.has_accelerators:
        told = "asks for accelerators and names no registered model"
        rule = project.config.door.unnamed
        against += [told] if rule == "refuse" else []
        warnings += [f"{asked.workload.where} {told}"] if rule == "warn" else []
    why = "; ".join(dict.fromkeys(against)) or "; ".join(_name(one) for one in looked) or NOTHING
    unique = {(one.model, one.version): one for one in looked}
    return Answer(
        uid=asked.uid, allowed=not against, why=why, looked=tuple(unique.values()),
        warnings=tuple(dict.fromkeys(warnings)),
    )  # fmt: skip


def _look(
    connection: sa.Connection, project: Project, named: Named, of: tuple[str, Gates]
) -> tuple[list[Passed], str | None]:
    """What something names, judged; or why it cannot be."""
    environment, gates = of
    said = f"{named.said!r} ({named.where})"
    if named.way is Way.UNREADABLE:
        return [], f"{said} names a model in no way that can be read"
    if named.way is Way.LATEST:
        return [], f"{said} is whatever is registered next; name a version or a guarded alias"
    if named.way is Way.SLOT and not is_guarded(named.rest, named.model, gates):
        told = f"no gate of {environment} guards {named.rest}, so it may move to anything"
        return [], f"{said}: {told}; name a version or a guarded alias"
    found = versions_named(connection, named)
    if not found:
        return [], None if named.way is Way.IMAGE else f"{said} is no registered version"
    return [passed(connection, project, one, of) for one in found], None


def _refusal(one: Passed) -> str:
    lacks = "lacks evidence for" if one.verdict is Verdict.MISSING else "has not passed"
    return f"{one.model} {one.version} {lacks} the gates of {one.environment}: {one.why}"


def _keep(project: Project, asked: Asked, answer: Answer) -> None:
    """The rulings and one row of the audit log; pods that controllers make of what passed: none."""
    if answer.allowed and _is_controller(asked):
        return
    at = project.ledger.clock().isoformat()
    rulings = [one.ruling for one in answer.looked if one.ruling is not None]
    detail = {
        "event": "admitted" if answer.allowed else "refused", "environment": asked.environment,
        "workload": asked.workload.where, "operation": asked.operation, "why": answer.why,
        "models": [_name(one) for one in answer.looked], "rulings": [one.id for one in rulings],
        "warnings": list(answer.warnings), "request": asked.uid,
    }  # fmt: skip
    with chained(project.ledger.records) as connection:
        for one in rulings:
            append_ruling(connection, one)
        append_audit(connection, at, project.actor, "door", detail)


def _is_controller(asked: Asked) -> bool:
    return asked.by.startswith(CONTROLLERS)


def _same(was: Workload, now: Workload) -> bool:
    """Whether an update leaves alone what the door looks at."""

    def looked(one: Workload) -> tuple[frozenset[tuple[str, str]], bool]:
        return frozenset((named.way, named.said) for named in one.named), one.has_accelerators

    return looked(was) == looked(now)


def _name(one: Passed) -> str:
    return f"{one.model} {one.version}"
