"""Whether a model version may stand where people rely on it: each requirement of each gate.

A requirement lets pass when its condition is true. Where it is false the change is refused, where
it hangs on evidence nobody gave it is missing; neither passes. Evidence counts only if it speaks of
the very artefact (its digest), and of each kind the newest counts. Whoever made the version or asks
for the change is no second pair of eyes: their approvals do not count under a gate of four eyes.
"""

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, Final

from watermaster.model.conditions import (
    Condition,
    ConditionError,
    Unknown,
    condition,
    value_at,
)
from watermaster.model.evidence import EVIDENCE, Evidence
from watermaster.model.gates import RANK, Change, GateSpec, Reason, Requirement, Verdict, Waiver

RULE: Final = "gate/1"
Values = Mapping[str, Any]


def guards(spec: GateSpec, change: Change, model: Values) -> bool:
    """Whether a gate guards a slot that the change gains, for this model.

    A model whose risk or data class nobody declared is guarded as if it had the class asked for.
    """
    risk, data = model.get("model.risk_class"), model.get("model.data_classes")
    return (
        any(fnmatchcase(slot, pattern) for slot in change.gains for pattern in spec.slots)
        and (not spec.models or any(fnmatchcase(change.model, one) for one in spec.models))
        and (not spec.risk_classes or risk is None or risk in spec.risk_classes)
        and (not spec.data_classes or not data or bool(set(data) & set(spec.data_classes)))
    )


def counted(given: Iterable[Evidence], change: Change) -> list[Evidence]:
    """The evidence that speaks of the artefact of the change, in the order it was given."""
    return [one for one in given if change.digest is not None and one.digest == change.digest]


def evidence_values(given: Sequence[Evidence], not_eyes: frozenset[str]) -> dict[str, Any]:
    """Evidence as conditions read it. `not_eyes`: subjects whose approval does not count."""
    values: dict[str, Any] = {}
    for one in given:
        root = f"evidence.{one.kind.replace('-', '_')}"
        told = EVIDENCE[one.kind].model_validate(one.told).model_dump()
        values |= {f"{root}.{name}": value for name, value in told.items()}
        values |= {f"{root}.at": one.at, f"{root}.by": one.subject}
    approved = [e.subject for e in given if e.kind == "approval" and e.subject not in not_eyes]
    values["evidence.approval.by"] = sorted(set(approved))
    values["evidence.approval.count"] = len(set(approved))
    return values


def judge(
    name: str, spec: GateSpec, values: Values, waivers: Sequence[Waiver] = ()
) -> list[Reason]:
    """Every requirement of a gate, judged; `waivers` are those that hold now for this version."""
    waived = {w.requirement: w.id for w in waivers if w.gate == name}
    return [_reason(name, one, values, waived.get(one.name)) for one in spec.require]


def verdict(reasons: Iterable[Reason]) -> Verdict:
    """The worst of them; what is waived lets pass."""
    found = (Verdict.ALLOWED if one.waiver else one.verdict for one in reasons)
    return max(found, key=RANK.__getitem__, default=Verdict.ALLOWED)


def _reason(gate: str, asked: Requirement, values: Values, waiver: str | None) -> Reason:
    try:
        checked = condition(asked.condition)
    except ConditionError as fault:  # it was checked when written; an older one may have aged
        says = f"the condition cannot be judged: {fault.what}"
        return Reason(
            gate=gate, requirement=asked.name, verdict=Verdict.REFUSED, says=says, waiver=waiver
        )
    said = checked.judge(values)
    missing = said.missing if isinstance(said, Unknown) else ()
    return Reason(
        gate=gate,
        requirement=asked.name,
        verdict=_VERDICT[said] if isinstance(said, bool) else _unknown(said),
        says=asked.says or asked.condition,
        figures=_figures(checked, values),
        missing=missing,
        waiver=waiver,
    )


_VERDICT: Final = {True: Verdict.ALLOWED, False: Verdict.REFUSED}


def _unknown(said: Unknown) -> Verdict:
    """Without a name that lacks, the condition failed while it was judged: no pass either."""
    return Verdict.MISSING if said.missing else Verdict.REFUSED


def _figures(checked: Condition, values: Values) -> dict[str, Any]:
    found = {path: value_at(values, path) for path in checked.paths if path != "now"}
    return {path: value for path, value in found.items() if value is not None}
