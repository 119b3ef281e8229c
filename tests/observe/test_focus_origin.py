"""A cost that is there as a whole and in parts is never counted twice."""

from decimal import Decimal

import pytest

from tests.observe.conftest import Reader
from watermaster.model.errors import RefusedError
from watermaster.observe.focus import Origin

HEAD = (
    "BillingPeriodStart,ChargePeriodStart,BillingCurrency,ResourceId,EffectiveCost,"
    "AllocatedMethodId,AllocatedMethodDetails\n"
)
MAY = "2026-05-01T00:00:00Z,2026-05-01T00:00:00Z,USD"


def whole(resource: str, cost: str) -> str:
    return f"{MAY},{resource},{cost},,\n"


def part(resource: str, cost: str, ratio: str) -> str:
    details = '"{""Elements"":[{""AllocatedRatio"":' + ratio + "}]}"
    return f'{MAY},{resource},{cost},split,{details}"\n'


PARTS = part("h1", "3", "0.3") + part("h1", "7", "0.7") + part("h2", "1", "0.5")


def test_parts_replace_their_origin_and_stand_alone(read: Reader) -> None:
    found = read(HEAD + PARTS + whole("h3", "5"))
    assert len(found.typed) == 4
    assert sum(Decimal(str(row["effective_cost"])) for row in found.typed) == 16


def test_a_feed_with_both_is_refused_unless_told_to_drop(read: Reader) -> None:
    feed = HEAD + PARTS + whole("h1", "10") + whole("h3", "5")
    with pytest.raises(RefusedError, match="carries 2 allocated rows and the 1 rows"):
        read(feed)
    found = read(feed, origin=Origin.DROP)
    assert [row["charge_row"] for row in found.typed] == [1, 2, 3, 5]
    assert any("1 rows dropped" in notice for notice in found.delivery.notices)


def test_what_was_not_allocated_stays_beside_the_parts(read: Reader) -> None:
    feed = HEAD + part("h1", "3", "0.3") + part("h1", "2", "0.2") + whole("h1", "5")
    assert len(read(feed).typed) == 3


def test_a_whole_origin_beside_a_part_of_it_is_found(read: Reader) -> None:
    feed = HEAD + part("h1", "3", "0.3") + part("h2", "2", "0.2") + whole("h1", "10")
    with pytest.raises(RefusedError):
        read(feed)
