"""What of the observed no selector of the estate takes yet."""

from collections.abc import Iterable
from dataclasses import replace

from watermaster.model.adopted import Billed, Observed, Used
from watermaster.model.estate import Estate, live_estate
from watermaster.model.record import Selector


def without_known(seen: Observed, estate: Estate) -> Observed:
    """The observed rows that neither a Workload nor a Dataset nor a Pool takes."""
    live = live_estate(estate)
    selectors = [
        selector.terms
        for version in live.of("Workload")
        for selector in version.resource.spec.selectors
    ]
    selectors += [
        selector.terms
        for kind, read in (("Pool", _bills), ("AllocationRule", _match))
        for version in live.of(kind)
        for selector in read(version.resource.spec)
    ]
    places = {place for v in live.of("Dataset") for place in v.resource.spec.locations}
    return replace(
        seen,
        billed=[
            row
            for row in seen.billed
            if row.resource_id not in places and not _taken(_of_bill(row), selectors)
        ],
        used=[row for row in seen.used if not _taken(_of_use(row), selectors)],
        moved=[
            row
            for row in seen.moved
            if row.location not in places and row.resource_id not in places
        ],
    )


def _bills(spec: object) -> Iterable[Selector]:
    cost = getattr(spec, "cost", None)
    return getattr(cost, "bills", ())


def _match(spec: object) -> Iterable[Selector]:
    return getattr(spec, "match", ())


def _taken(row: dict[str, str | None], selectors: Iterable[dict[str, str]]) -> bool:
    return any(all(row.get(key) == value for key, value in terms.items()) for terms in selectors)


def _of_bill(row: Billed) -> dict[str, str | None]:
    return {
        "resource_id": row.resource_id, "account": row.account, "provider": row.provider,
        "service": row.service, "region": row.region,
        **{f"tag:{key}": value for key, value in row.tags.items()},
    }  # fmt: skip


def _of_use(row: Used) -> dict[str, str | None]:
    return {
        "platform": row.platform, "namespace": row.namespace, "account": row.account,
        "name": row.name, **{f"label:{key}": value for key, value in row.labels.items()},
    }  # fmt: skip
