"""Whether a model version has passed the gates of an environment; asked by CI and by clusters."""

from dataclasses import replace
from fnmatch import fnmatchcase

import sqlalchemy as sa

from watermaster.decide.release.gate import verdict
from watermaster.decide.release.named import reference
from watermaster.flows.gates import consider
from watermaster.flows.open import Project
from watermaster.ledger.evidence import waivers_of
from watermaster.ledger.resources import history
from watermaster.ledger.stood import digest_of, standings, versions_named
from watermaster.model.door import Passed, Way
from watermaster.model.errors import NotFoundError, UsageError
from watermaster.model.estate import holds
from watermaster.model.gates import Change, GateSpec, Ruling, Verdict
from watermaster.model.registered import Stood

Gates = dict[str, GateSpec]


def check(project: Project, said: str, environment: str) -> list[Passed]:
    """Every version that a digest, an image or a name means, and whether it has passed.

    An artefact that was registered twice has passed where one of its versions has.
    """
    named = reference(said)
    if named.way is Way.UNREADABLE:
        fix = "write sha256:..., NAME/3, NAME@prod, models:/NAME/3 or IMAGE@sha256:..."
        raise UsageError(said, "names no model", fix)
    with project.ledger.records.connect() as connection:
        found = versions_named(connection, named)
        if not found:
            raise NotFoundError(said, "is no registered version", "register it, or see wm model")
        gates = gates_of(connection, project, environment)
        return [passed(connection, project, one, (environment, gates)) for one in found]


def gates_of(connection: sa.Connection, project: Project, environment: str) -> Gates:
    """The gates that guard an environment now."""
    at = project.ledger.clock()
    declared = [v.resource for v in history(connection, kinds=("Gate",)) if holds(v, at)]
    return {
        one.metadata.name: one.spec
        for one in declared
        if isinstance(one.spec, GateSpec) and one.spec.environment == environment
    }


def passed(
    connection: sa.Connection, project: Project, version: tuple[str, int], of: tuple[str, Gates]
) -> Passed:
    """Whether a version stands where these gates let it, or else would pass them now.

    of: an environment and its gates. What was let in stays in, until it is taken out or a waiver
    that let it in is over; then it is judged anew.
    """
    environment, gates = of
    digest = digest_of(connection, version)
    found = Passed(
        model=version[0], version=version[1], digest=digest, environment=environment,
        verdict=Verdict.REFUSED,
        why=f"no gate guards {version[0]} in {environment}, so it has passed none",
    )  # fmt: skip
    standing = _standing(connection, found, gates)
    lapsed = standing and _lapsed(connection, project, standing)
    if standing and not lapsed:
        return _stands(found, standing)
    slots = frozenset(slot for spec in gates.values() for slot in spec.slots)
    asked = Change(
        model=version[0], version=version[1], digest=digest, gains=slots, way=f"door/{environment}"
    )
    ruling = consider(connection, project, asked) if gates else None
    mine = ruling and _of(ruling, gates)
    if mine is None or not mine.gates:
        return found
    judged = _judged(found, mine)
    if lapsed and standing:
        over = f"{_name(found)} stands in {standing.slot} on waiver {lapsed}, which is over"
        return replace(judged, slot=standing.slot, warnings=(over, *judged.warnings))
    return judged


def _stands(found: Passed, standing: Stood) -> Passed:
    """It was let in, and stands there still."""
    since = f"stands in {standing.slot} since {standing.from_at:%Y-%m-%d %H:%M} UTC"
    waived = f"{_name(found)} {since} on waiver {', '.join(standing.waivers)}"
    return replace(
        found, verdict=Verdict.ALLOWED, why=f"{since}, let in by {standing.set_by}",
        slot=standing.slot, warnings=(waived,) if standing.waivers else (),
    )  # fmt: skip


def _judged(found: Passed, ruling: Ruling) -> Passed:
    waived = tuple(
        f"{_name(found)}: {one.gate}/{one.requirement} is waived by {one.waiver}"
        for one in ruling.reasons
        if one.waiver
    )
    against = "; ".join(f"{one.gate}/{one.requirement}: {one.sentence}" for one in ruling.against)
    why = against or f"passes {', '.join(ruling.gates)} as of now"
    return replace(found, verdict=ruling.verdict, why=why, ruling=ruling, warnings=waived)


def _of(ruling: Ruling, gates: Gates) -> Ruling:
    """The part of a ruling that these gates said."""
    reasons = tuple(one for one in ruling.reasons if one.gate in gates)
    names = tuple(one for one in ruling.gates if one in gates)
    return replace(ruling, reasons=reasons, gates=names, verdict=verdict(reasons))


def _standing(connection: sa.Connection, found: Passed, gates: Gates) -> Stood | None:
    """Where it stands because one of these gates let this very artefact in."""
    for one in standings(connection, found.model, found.version, now_only=True):
        is_allowed = one.verdict == Verdict.ALLOWED and one.digest == found.digest
        if is_allowed and is_guarded(one.slot, one.model, gates) and set(one.gates) & set(gates):
            return one
    return None


def is_guarded(slot: str, model: str, gates: Gates) -> bool:
    """Whether nothing comes into a slot of a model but through one of these gates."""
    return any(
        any(fnmatchcase(slot, one) for one in spec.slots)
        and (not spec.models or any(fnmatchcase(model, one) for one in spec.models))
        for spec in gates.values()
    )


def _lapsed(connection: sa.Connection, project: Project, standing: Stood) -> str | None:
    """A waiver that let it in and does not hold any more."""
    at = project.ledger.clock()
    held = waivers_of(connection, standing.model, standing.version) if standing.waivers else []
    still = {one.id for one in held if one.holds(at)}
    return next((one for one in standing.waivers if one not in still), None)


def _name(found: Passed) -> str:
    return f"{found.model} {found.version}"
