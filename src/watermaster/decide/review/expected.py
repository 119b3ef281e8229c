"""What mending a finding would save a month: what leaves invoices, and what is charged less."""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from watermaster.model.decided import Saving
from watermaster.model.findings import Finding
from watermaster.model.things import Thing
from watermaster.units.periods import parse_month

MONTH_DAYS: Final = Decimal("30.4375")
ASSUMED: Final = (Decimal("0.5"), Decimal(1))  # of the expected, until a rule has a record
LEAST_RECORD: Final = 5  # realised savings of a rule, before they say how far it is to be trusted
SPARES: Final = {"oversized-request": "spared"}  # rule to what in `asks` is the share saved
NOTHING: Final = frozenset({
    "undeclared-workload", "unowned-resource", "ambiguous-selector", "gone-team",
    "purpose-disagrees", "profile-disagrees", "undeclared-data-use", "data-out-of-place",
    "declared-not-running", "model-sprawl", "experiment-without-budget", "experiment-ends-soon",
    "promote-experiment", "idle-reservation", "experiment-over-budget",
})  # fmt: skip
"""Rules whose mending makes the record right and saves nothing by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bought:
    """How the accelerators of a platform were bought, and when they can be given back."""

    purchase: str  # owned, commitment, on-demand, spot
    until: dt.date | None = None  # end of the commitment


def expected_saving(
    finding: Finding,
    things: Iterable[Thing],
    pools: Mapping[str, Bought],
    record: Iterable[Decimal] = (),
    *,
    today: dt.date,
) -> Saving | None:
    """None where the cost is unknown or mending saves nothing by itself.

    pools: platform as sources name it, to how its accelerators were bought
    record: realised / expected of the same rule so far
    """
    if finding.cost is None or finding.currency is None or finding.rule in NOTHING:
        return None
    share = Decimal(str(finding.asks.get(SPARES.get(finding.rule, ""), 1)))
    period = parse_month(finding.month)
    days = (min(period.end.date(), today) - period.start.date()).days
    expected = finding.cost * share * MONTH_DAYS / max(days, 1)
    low, high, basis = _range(expected, sorted(record))
    platforms = {one.platform for one in things}
    bought = [pools[name] for name in sorted(platforms) if name in pools]
    free, start, how = _cash(bought, today)
    return Saving(
        cash=expected * free, cash_low=low * free, cash_high=high * free,
        allocated=expected, allocated_low=low, allocated_high=high,
        currency=finding.currency, cash_from=start, basis=f"{basis}; {how}",
    )  # fmt: skip


def _range(expected: Decimal, record: list[Decimal]) -> tuple[Decimal, Decimal, str]:
    """From what such findings brought before; else a stated guess."""
    if len(record) < LEAST_RECORD:
        low, high = ASSUMED
        return expected * low, expected * high, (
            f"range assumed ({low:.0%} to {high:.0%} of it): {len(record)} savings of this rule "
            "were realised so far"
        )  # fmt: skip
    low, high = record[len(record) // 10], record[(len(record) * 9) // 10]
    return expected * low, expected * high, (
        f"range from {len(record)} savings of this rule that were realised (10% to 90%)"
    )  # fmt: skip


def _cash(bought: list[Bought], today: dt.date) -> tuple[Decimal, dt.date | None, str]:
    """The share that leaves invoices, and since when: freed capacity that was bought stays paid."""
    tomorrow = today + dt.timedelta(days=1)
    if any(one.purchase == "owned" for one in bought):
        return Decimal(0), None, "own hardware: no invoice falls until something is replaced"
    ends = [one.until for one in bought if one.purchase == "commitment"]
    if any(end is None for end in ends):
        return Decimal(0), None, "committed without a known end: no invoice falls before it"
    known = [end for end in ends if end is not None]
    if known:
        return Decimal(1), max(*known, tomorrow), "committed: invoices fall when that ends"
    return Decimal(1), tomorrow, "billed by use: invoices fall as soon as it is gone"


def counted_once(
    savings: Mapping[str, Saving | None], about: Mapping[str, Iterable[str]]
) -> frozenset[str]:
    """The findings whose savings may be summed: nothing is saved twice.

    about: finding to the places of the things it is about. The dearer comes first; one that is
    about anything a dearer one is about already, is left out of sums, so that they rather fall
    short. What is about no thing that was seen, stands for itself.
    """
    told = [(saving.allocated, id_) for id_, saving in savings.items() if saving]
    taken: set[str] = set()
    counted = []
    for _, id_ in sorted(told, key=lambda one: (-one[0], one[1])):
        places = set(about.get(id_, ()))
        if not places & taken:
            counted.append(id_)
            taken |= places
    return frozenset(counted)
