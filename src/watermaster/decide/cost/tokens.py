"""Charges of a model behind an API go to whoever asked it, by the tokens that were counted.

A charge says by its meter or description which tokens it is for: cached ones, those read, those
written; one that says nothing goes by tokens read and written together. What nobody's workload
asked is unallocated; a charge in whose period no tokens were counted is unmeasured, whole.
"""

from collections.abc import Mapping
from functools import reduce
from operator import or_
from typing import Final

import ibis

from watermaster.decide.cost.claims import Order
from watermaster.decide.cost.measure import GROUP, beside, explode_hours, hour_of
from watermaster.decide.cost.targets import ModelUse
from watermaster.model.tables import Column, Table

WORDS: Final = {  # in a meter or description, of what a charge is for; the first that holds counts
    Order.TOKENS_CACHED: ("cache",),
    Order.TOKENS_IN: ("input", "prompt", "inp-tokens", "inptokens"),
    Order.TOKENS_OUT: ("output", "completion", "generated", "outp-tokens", "outptokens"),
}


def token_conditions(charges: Table) -> dict[Order, Column]:
    """Which charges are for cached tokens, for tokens read, for tokens written."""
    meter = ibis.coalesce(charges.sku_meter, "")
    text = (meter + " " + ibis.coalesce(charges.charge_description, "")).lower()
    return {
        order: reduce(or_, (text.contains(word) for word in words))
        for order, words in WORDS.items()
    }


def token_weights(
    groups: Table, uses: Mapping[int, ModelUse], requests: Table, owners: Table
) -> Table:
    """The weight table of such charges, by tokens: target, start_s, end_s, owner, weight.

    groups: target, start_s, end_s; requests: as in model/shapes.py; owners: day, platform,
    subject_kind, subject_uid, owner. A charge covers every hour it touches.
    """
    named = beside(requests, owners, "day", "platform", "subject_kind", "subject_uid")
    places = _places(uses)
    here = named.inner_join(places, named.platform == places.place)
    mine = here.filter(here.seen_as.isnull() | (here.seen_as == here.model))
    tokens = mine.mutate(tokens=_tokens(mine), hour=hour_of(mine.hour.epoch_seconds()))
    by_hour = tokens.group_by("target", "hour", "owner").agg(
        tokens=tokens.tokens.sum().cast("int64")
    )
    mine_only = groups.semi_join(_nobodys(uses), "target")
    hours = explode_hours(mine_only).inner_join(_nobodys(uses), "target")
    joined = hours.inner_join(by_hour, ["target", "hour"])
    found = joined.group_by(*GROUP, owner=ibis.coalesce(joined.owner, joined.unowned)).agg(
        weight=joined.tokens.sum().cast("int64")
    )
    counted = found.filter(found.weight > 0)
    silent = mine_only.anti_join(counted, GROUP).inner_join(_nobodys(uses), "target")
    rest = silent.select(*GROUP, owner=silent.unmeasured, weight=ibis.literal(1, "int64"))
    none = ibis.null("int64")
    return counted.union(rest).mutate(used_s=none, known_s=none)


def _tokens(requests: Table) -> Column:
    """The tokens a charge of each kind goes by; what was not counted weighs nothing."""
    read, written = ibis.coalesce(requests.tokens_in, 0), ibis.coalesce(requests.tokens_out, 0)
    cached = ibis.coalesce(requests.tokens_cached, 0)
    return ibis.cases(
        (requests.order == int(Order.TOKENS_CACHED), cached),
        (requests.order == int(Order.TOKENS_IN), ibis.greatest(read - cached, 0)),
        (requests.order == int(Order.TOKENS_OUT), written),
        else_=read + written,
    )


def _places(uses: Mapping[int, ModelUse]) -> Table:
    """Where the requests of each target are counted, and under which names."""
    rows = [
        (number, int(use.order), use.model.spec.served_by, name)
        for number, use in uses.items()
        for name in use.model.spec.seen_as or [None]
    ]
    schema = {"target": "int32", "order": "int32", "place": "string", "seen_as": "string"}
    return ibis.memtable(rows, schema=ibis.schema(schema))


def _nobodys(uses: Mapping[int, ModelUse]) -> Table:
    rows = [(number, use.unmeasured, use.unowned) for number, use in uses.items()]
    schema = dict.fromkeys(("target", "unmeasured", "unowned"), "int32")
    return ibis.memtable(rows, schema=ibis.schema(schema))
