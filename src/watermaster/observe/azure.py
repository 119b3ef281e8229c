"""What stands in Azure subscriptions outside clusters: machines, disks, Azure ML, storage accounts.

Location: `azure:SUBSCRIPTION,SUBSCRIPTION`, or `azure:` for all our identity sees. The role Reader
is enough. What was not told is a rejected row, never nothing there.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

from watermaster.model.errors import BadInputError
from watermaster.model.events import Notice, Tell
from watermaster.model.resources import SourceSpec
from watermaster.model.seen import Seen
from watermaster.observe.azure_arm import Arm, UnreadError, arm_of
from watermaster.observe.azure_sizes import Sizes
from watermaster.observe.azure_things import DEPLOYMENT, ML, TYPES, Place, compute, thing
from watermaster.observe.batches import Row, seen_rows
from watermaster.units.periods import Period

PREFIX: Final = "azure:"
ROWS: Final = 5_000  # told at once
SUBSCRIPTIONS_AT_ONCE: Final = 1_000
COMPUTES: Final = "/computes?api-version=2024-04-01"
QUERY: Final = (
    "Resources | where type in~ ({types}) | project id, name, type, kind, location, tags, sku, "
    "managedBy, systemData, properties | order by id asc"
)
GRANT: Final = "grant our identity the role Reader on it"


class _Pull:
    """One reading of one source."""

    def __init__(self, arm: Arm, place: Place) -> None:
        self.arm, self.place = arm, place
        self.gaps: dict[tuple[str, str], int] = {}

    def miss(self, kind: str, reason: str) -> None:
        """Keep that something was not told."""
        self.gaps[kind, reason] = self.gaps.get((kind, reason), 0) + 1


def observe(source: SourceSpec, window: Period, tell: Tell) -> Iterator[Seen]:
    """One row of `subjects` for each thing there is now, on the last day of the window."""
    if not source.location.startswith(PREFIX):
        fix = "write azure: and the ids of subscriptions, or azure: alone for all"
        raise BadInputError(source.location, "names no Azure subscription", fix)
    arm = arm_of(source)
    at = window.end - timedelta(microseconds=1)
    pull = _Pull(arm, Place(source.platform, at, Sizes(arm)))
    for start in range(0, len(asked := _subscriptions(source, pull)), SUBSCRIPTIONS_AT_ONCE):
        yield from _batches(pull, asked[start : start + SUBSCRIPTIONS_AT_ONCE])
    for region, reason in pull.place.sizes.gaps.items():
        pull.miss("machine size", f"{region}: {reason}")
    rows = []
    for (kind, reason), count in pull.gaps.items():
        text = f"{reason} ({count} times)" if count > 1 else reason
        tell(Notice(f"{source.location}: {kind}: {text}"))
        rows.append({"delivery": "", "file": source.location, "row": 0, "column": kind,
                     "reason": text})  # fmt: skip
    yield from seen_rows("rejected", rows)


def _subscriptions(source: SourceSpec, pull: _Pull) -> list[str]:
    """Those to ask; Resource Graph is silent about what we may not see, so that is looked up."""
    try:
        told = pull.arm.list("/subscriptions?api-version=2022-12-01")
        seen = [str(one["subscriptionId"]).lower() for one in told]
    except (UnreadError, KeyError) as error:
        reason = error.reason if isinstance(error, UnreadError) else "half told: try again"
        raise BadInputError(source.location, reason, "see docs/how-to/connect-azure.md") from None
    named = [one.strip().lower() for one in source.location.removeprefix(PREFIX).split(",")]
    wanted = [one for one in dict.fromkeys(named) if one] or seen
    lost = [one for one in wanted if one not in seen]
    for one in lost:
        pull.miss("subscription", f"{one} is not there or may not be seen: {GRANT}")
    if not wanted or len(lost) == len(wanted):
        raise BadInputError(source.location, "no subscription may be seen", GRANT)
    return [one for one in wanted if one in seen]


def _batches(pull: _Pull, subscriptions: list[str]) -> Iterator[Seen]:
    held: list[Row] = []
    for row in _rows(pull, subscriptions):
        held.append(row)
        if len(held) >= ROWS:
            yield from seen_rows("subjects", held)
            held = []
    yield from seen_rows("subjects", held)


def _rows(pull: _Pull, subscriptions: list[str]) -> Iterator[Row]:
    deployments: dict[str, list[dict[str, Any]]] = {}
    for one in _resources(pull, subscriptions, [DEPLOYMENT]):
        endpoint = str(one.get("id", "")).lower().partition("/deployments/")[0]
        deployments.setdefault(endpoint, []).append(one)
    workspaces = []
    for one in _resources(pull, subscriptions, [kind for kind in TYPES if kind != DEPLOYMENT]):
        try:
            row = thing(one, pull.place, deployments)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            pull.miss(_kind(one), f"half told: {type(error).__name__} {error}; try again")
            continue
        if str(one["type"]).lower() == ML:
            workspaces.append({name: one.get(name) for name in ("id", "name", "location", "tags")})
        if row is not None:
            yield row
    for workspace in workspaces:
        yield from _computes(pull, workspace)


def _kind(one: object) -> str:
    return str(one.get("type")) if isinstance(one, dict) else "resource"


def _resources(pull: _Pull, subscriptions: list[str], types: list[str]) -> Iterator[dict[str, Any]]:
    query = QUERY.format(types=", ".join(f"'{kind}'" for kind in types))
    try:
        yield from pull.arm.graph(query, subscriptions)
    except UnreadError as error:
        kind = "deployment" if types == [DEPLOYMENT] else "resource"
        pull.miss(kind, f"Microsoft.ResourceGraph/resources {error.reason}")


def _computes(pull: _Pull, workspace: dict[str, Any]) -> Iterator[Row]:
    """Computes are in no graph: each workspace is asked."""
    try:
        for one in pull.arm.list(f"{workspace['id']}{COMPUTES}"):
            yield compute(one, workspace, pull.place)
    except UnreadError as error:
        pull.miss("compute", f"{workspace['name']}: computes {error.reason}")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        pull.miss("compute", f"{workspace['name']}: half told: {type(error).__name__} {error}")
