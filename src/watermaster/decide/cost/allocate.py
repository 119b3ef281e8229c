"""Give every charge to its owners: match, weigh, split. Nothing is lost or made."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import ibis

from watermaster.decide.cost.claims import Order
from watermaster.decide.cost.convert import CONVERTED, Conversion, convert
from watermaster.decide.cost.match import Lookup, Reading, lookups, match
from watermaster.decide.cost.split import cumulate, part, rescale
from watermaster.decide.cost.targets import (
    DIMENSIONS,
    FIRST_MONTHLY,
    FIRST_PERIODIC,
    FIRST_SPLIT,
    UNUSED,
    Targets,
)
from watermaster.decide.cost.tokens import token_conditions
from watermaster.decide.cost.transfer import is_transfer
from watermaster.model.decision import Decision
from watermaster.model.estate import tag_column
from watermaster.model.shapes import COSTS
from watermaster.model.tables import NO, YES, Column, Table

RULE: Final = "allocate/1"
WHY: Final = "Each charge went to the first rule that holds; shared ones split by their weights."
PARTS: Final = ("lo10", "hi10", "lo5", "hi5", "is_last", "is_whole", "ratio", "utilisation")


def matched(charges: Table, targets: Targets, *, only_periodic: bool = False) -> Table:
    """Charges with `target`, and the key of their weight group: start_s, end_s.

    only_periodic: ask just the claims whose weights go by the charge's own period; other charges
    are left out. That is the cheap first pass which finds the periods to weigh.
    """
    found = lookups(targets.bills)
    if only_periodic:
        found = [one for one in found if one.order <= Order.TOKENS]
    with_account = charges.mutate(
        account=ibis.coalesce(charges.sub_account_id, charges.billing_account_id),
        provider=ibis.coalesce(charges.provider_name, charges.service_provider_name),
        region=ibis.coalesce(charges.region_id, charges.region_name),
    )
    how = Reading(
        _columns(found, with_account),
        "charge_period_start",
        only={
            Order.COMMITMENT: with_account.commitment_discount_status == "Unused",
            Order.TRANSFER: is_transfer(with_account),
            **token_conditions(with_account),
            Order.PURCHASE: with_account.charge_category == "Purchase",
        },
        otherwise={Order.COMMITMENT: UNUSED},
    )
    rows = match(with_account, found, how)
    if only_periodic:
        rows = rows.filter(rows.target >= FIRST_PERIODIC)
    return _keyed(rows)


def _columns(found: Sequence[Lookup], charges: Table) -> dict[str, str]:
    columns = {
        "resource_id": "resource_id",
        "account": "account",
        "provider": "provider",
        "service": "service_name",
        "region": "region",
        "commitment": "commitment_discount_id",
    }
    tags = {key for one in found for key in one.keys if key.startswith("tag:")}
    return columns | {
        key: tag_column(key.removeprefix("tag:"))
        for key in tags
        if tag_column(key.removeprefix("tag:")) in charges.columns
    }


def _keyed(rows: Table) -> Table:
    month = rows.charge_period_start.year() * 100 + rows.charge_period_start.month()
    periodic, monthly = rows.target >= FIRST_PERIODIC, rows.target >= FIRST_MONTHLY
    start_s = ibis.cases(
        (periodic, rows.charge_period_start.epoch_seconds().cast("int64")),
        (monthly, month.cast("int64")),
        else_=ibis.literal(0, "int64"),
    )
    end_s = ibis.ifelse(
        periodic,
        ibis.coalesce(rows.charge_period_end, rows.charge_period_start)
        .epoch_seconds()
        .cast("int64"),
        ibis.literal(0, "int64"),
    )
    return rows.mutate(start_s=start_s, end_s=end_s)


def groups(charges: Table, targets: Targets) -> Table:
    """Every weight group that goes by period: target, start_s, end_s; one row each."""
    return matched(charges, targets, only_periodic=True).select(
        "target", "start_s", "end_s"
    ).distinct()  # fmt: skip


def parts(weights: Table, targets: Targets) -> Table:
    """Who gets which share of the charges of each target.

    weights: target, start_s, end_s, owner, weight, used_s, known_s (null where not of GPUs).
    returns: target, start_s, end_s, PARTS, kind, rule, DIMENSIONS; ratios of a key sum to 1.
    """
    owners = targets.owner_table()
    named = weights.inner_join(owners.select("owner", owner_key=_owner_key(owners)), "owner")
    shared = cumulate(named, ("target", "start_s", "end_s"), "owner_key")
    split = _described(shared.inner_join(owners, "owner"), targets)
    return _whole(owners).union(split)


def _owner_key(owners: Table) -> Column:
    """The name ties are broken by: stable when other owners come and go."""
    return ibis.coalesce(owners.workload, "~" + owners.rule) + ":" + owners.kind


def _described(split: Table, targets: Targets) -> Table:
    """What is work's own share takes the scope's kind and rule; other shares keep their own."""
    scopes = _scope_table(targets)
    joined = split.inner_join(scopes, "target")
    is_own = joined.kind == "direct"
    known = joined.known_s > 0
    measured = (joined.used_s * 10_000 // joined.known_s.nullif(0)).cast("decimal(18, 0)")
    ten_thousandth = ibis.literal(Decimal("0.0001"), type="decimal(19, 4)")
    dimensions = {name: joined[name] for name in DIMENSIONS} | {
        "platform": ibis.coalesce(joined.scope_platform, joined.platform),
        "pool": ibis.coalesce(joined.scope_pool, joined.pool),
        "accelerator": ibis.coalesce(joined.scope_accelerator, joined.accelerator),
        "dataset": ibis.coalesce(joined.scope_dataset, joined.dataset),
        "model": ibis.coalesce(joined.scope_model, joined.model),
    }
    return joined.select(
        "target",
        "start_s",
        "end_s",
        "lo10",
        "hi10",
        "lo5",
        "hi5",
        "is_last",
        is_whole=NO,
        ratio=joined.ratio,
        utilisation=ibis.ifelse(
            known, (measured * ten_thousandth).cast("decimal(38, 4)").cast("decimal(5, 4)"), None
        ),
        kind=ibis.ifelse(is_own, joined.scope_kind, joined.kind),
        rule=ibis.ifelse(is_own, joined.scope_rule, joined.rule),
        **dimensions,
    )


def _scope_table(targets: Targets) -> Table:
    rows = [
        _scope_row(number, "measured", f"pool:{scope.pool.metadata.name}")
        | {
            "scope_platform": scope.pool.spec.platform,
            "scope_pool": scope.pool.metadata.name,
            "scope_accelerator": scope.pool.spec.accelerator,
        }
        for number, scope in targets.scopes.items()
    ]
    for number, movement in targets.transfers.items():
        name = movement.dataset.metadata.name
        rows.append(_scope_row(number, "measured", f"transfer:{name}") | {"scope_dataset": name})
    for number, use in targets.models.items():
        name = use.model.metadata.name
        rows.append(_scope_row(number, "measured", f"tokens:{name}") | {"scope_model": name})
    for number, held in targets.rules.items():
        rows.append(_scope_row(number, "shared", f"rule:{held.rule.metadata.name}"))
    schema = {"target": "int32"} | dict.fromkeys(list(_scope_row(0, "", ""))[1:], "string")
    return ibis.memtable(rows, schema=ibis.schema(schema))


def _scope_row(number: int, kind: str, rule: str) -> dict[str, object]:
    scopes = ("platform", "pool", "accelerator", "dataset", "model")
    empty = dict.fromkeys(f"scope_{name}" for name in scopes)
    return {"target": number, "scope_kind": kind, "scope_rule": rule} | empty


def _whole(owners: Table) -> Table:
    """One owner takes all: the parts of charges that are not split."""

    def decimal(value: int, kind: str) -> Column:
        return ibis.literal(Decimal(value), type=kind)

    return owners.select(
        target=owners.owner,
        start_s=ibis.literal(0, "int64"),
        end_s=ibis.literal(0, "int64"),
        lo10=decimal(0, "decimal(19, 10)"),
        hi10=decimal(1, "decimal(19, 10)"),
        lo5=decimal(0, "decimal(10, 5)"),
        hi5=decimal(1, "decimal(10, 5)"),
        is_last=YES,
        is_whole=YES,
        ratio=decimal(1, "decimal(11, 10)"),
        utilisation=ibis.null("decimal(5, 4)"),
        kind=owners.kind,
        rule=owners.rule,
        **{name: owners[name] for name in DIMENSIONS},
    )


def allocate(
    charges: Table, held: Table, targets: Targets, into: Conversion | None = None
) -> Decision:
    """Split every charge over its owners.

    charges: as in model/shapes.py, with the declared tag columns; held: of `parts`, where
    dimensions that nobody has may be left out: a join then has less to carry.
    into: the currency and rates to convert to, where a bill is in another; its columns are added.
    returns: allocations as in model/shapes.py, with the tag columns of charges; per charge and
    cost column the parts sum to the charge exactly.
    """
    found = matched(charges, targets)
    costs: tuple[str, ...] = COSTS
    if into is not None:
        found, costs = convert(found, into), (*COSTS, *CONVERTED)
    rows = rescale(found, costs, found.target >= FIRST_SPLIT)
    joined = rows.inner_join(held, ["target", "start_s", "end_s"])
    tags = [name for name in charges.columns if name.startswith("tag_")]
    out = joined.select(
        "source", "billing_month", "charge_file", "charge_row", "kind", "rule", "ratio",
        **{cost: part(joined, cost) for cost in costs},
        **({} if into is None else {"converted_currency": joined.converted_currency}),
        billing_currency=joined.billing_currency,
        utilisation=_known(joined, held, "utilisation", "decimal(5, 4)"),
        **{name: _known(joined, held, name, "string") for name in DIMENSIONS},
        provider=joined.provider,
        account=joined.account,
        account_name=ibis.coalesce(joined.sub_account_name, joined.billing_account_name),
        service=joined.service_name,
        region=joined.region,
        resource_id=joined.resource_id,
        charge_category=joined.charge_category,
        charge_start=joined.charge_period_start,
        charge_month=_month_of_use(joined),
        **{name: joined[name] for name in tags},
    )  # fmt: skip
    return Decision(rule=RULE, rows=out, why=WHY)


def _known(joined: Table, held: Table, name: str, kind: str) -> Column:
    return joined[name] if name in held.columns else ibis.null(kind)


def _month_of_use(rows: Table) -> Column:
    """YYYY-MM of the use. Most charges lie in their billing period, which spares the formatting."""
    start = rows.charge_period_start
    inside = (start >= rows.billing_period_start) & (start < rows.billing_period_end)
    return ibis.ifelse(
        inside.fill_null(False), rows.billing_month, start.cast("date").cast("string").left(7)
    )
