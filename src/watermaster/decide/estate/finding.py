"""What rules of the estate share: how a finding is made, and things brought together."""

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any, Final

from watermaster.model.findings import Finding
from watermaster.model.things import Seen, Thing

EVIDENCE: Final = 5  # rows named with a finding; the rest is counted


def found(seen: Seen, rule: str, subject: str, cost: Decimal | None, **told: Any) -> Finding:
    """A finding of this month."""
    return Finding(
        rule=rule, subject=subject, cost=cost, currency=seen.currency, month=seen.month, **told
    )


def together(things: Iterable[Thing], key: Callable[[Thing], str]) -> list[tuple[str, list[Thing]]]:
    """Things by key, in the order of the key."""
    groups: dict[str, list[Thing]] = {}
    for one in things:
        groups.setdefault(key(one), []).append(one)
    return sorted(groups.items())


def sum_of(things: Iterable[Thing]) -> Decimal | None:
    """Their cost together; None where none of them has a known one."""
    known = [one.cost for one in things if one.cost is not None]
    return sum(known, Decimal(0)) if known else None


def evidence_of(things: Sequence[Thing]) -> tuple[dict[str, Any], ...]:
    """The dearest of the things, as rows of `subjects`."""
    dearest = sorted(things, key=lambda one: (-(one.cost or 0), one.place))
    return tuple(
        {"table": "subjects", "key": "subject_uid", "value": one.uid, "platform": one.platform,
         "kind": one.kind}
        for one in dearest[:EVIDENCE]
    )  # fmt: skip
