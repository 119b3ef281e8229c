"""Every drop is accounted for: per charge and cost, the parts sum to the charge exactly."""

from collections import defaultdict
from decimal import Decimal

from hypothesis import given as hypothesis_given
from hypothesis import settings
from hypothesis import strategies as st

from tests.decide.cost.conftest import bill, declared, given, team, workload
from watermaster.model.shapes import COSTS

TAGS = ("tag_app",)
ACCOUNTS, SERVICES, APPS = ("a", "b", "c"), ("S3", "EC2", "Support"), ("chat", "rank", None)


def rule(name, service, **spec):
    return declared("AllocationRule", name, {"match": [{"service": service}], **spec})


def test_a_shared_cost_goes_by_fixed_shares_even_shares_and_dates(engine):
    rows = [
        {"service_name": "Support", "cost": 100},
        {"service_name": "Net", "cost": 100},
    ]
    estate = [
        team("ml"),
        team("ops"),
        rule("support", "Support", split="fixed", shares={"ml": "0.3", "ops": "0.7"}),
        rule("net", "Net", split="even", to=["ml", "ops"]),
        declared(
            "AllocationRule",
            "old",
            {"match": [{"service": "Net", "account": "z"}], "split": "even", "to": ["ml"],
             "until": "2026-09-30"},
        ),
    ]  # fmt: skip
    found = given(engine, bill(engine, rows), estate)
    assert [(r["rule"], r["team"], float(r["billed_cost"])) for r in found] == [
        ("rule:support", "ml", 30.0),
        ("rule:support", "ops", 70.0),
        ("rule:net", "ml", 50.0),
        ("rule:net", "ops", 50.0),
    ]
    assert {row["kind"] for row in found} == {"shared"}


def test_two_equal_bill_rows_are_two_charges(engine):
    rows = [{"sub_account_id": "a", "cost": 7}, {"sub_account_id": "a", "cost": 7}]
    found = given(engine, bill(engine, rows), [team("ml"), workload("w", "ml", {"account": "a"})])
    assert [(row["charge_row"], row["billed_cost"]) for row in found] == [(1, 7), (2, 7)]


MONEY = st.decimals(min_value=-(10**9), max_value=10**9, places=15, allow_nan=False)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "sub_account_id": st.sampled_from(ACCOUNTS),
            "service_name": st.sampled_from(SERVICES),
            "tag_app": st.sampled_from(APPS),
            "resource_id": st.sampled_from(["own:pool", "i-9", None]),
            "billed_cost": MONEY,
            "effective_cost": MONEY,
            "list_cost": st.one_of(MONEY, st.none()),
            "contracted_cost": st.just(Decimal(0)),
        }
    ),
    min_size=2,
    max_size=8,
)
SELECTORS = st.one_of(
    st.builds(lambda v: {"account": v}, st.sampled_from(ACCOUNTS)),
    st.builds(lambda v: {"tags": {"app": v}}, st.sampled_from(APPS[:2])),
    st.builds(
        lambda a, s: {"account": a, "service": s},
        st.sampled_from(ACCOUNTS),
        st.sampled_from(SERVICES),
    ),
)


@settings(max_examples=12)
@hypothesis_given(
    rows=ROWS,
    selectors=st.lists(SELECTORS, min_size=2, max_size=4),
    shares=st.integers(1, 10**9),
    use=st.lists(st.integers(0, 10**9), min_size=3, max_size=3).filter(any),
    order=st.randoms(),
)
def test_nothing_is_lost_or_made_and_order_is_irrelevant(
    engine, rows, selectors, shares, use, order
):
    part = Decimal(shares).scaleb(-10)
    estate = [
        team("ml"),
        team("ops"),
        *(workload(f"w{i}", "ml", one) for i, one in enumerate(selectors)),
        rule("support", "Support", split="fixed", shares={"ml": str(part), "ops": str(1 - part)}),
        declared("Pool", "pool", {"platform": "p", "accelerator": "H100", "count": 8}, owner="ops"),
    ]

    def weigh(targets):
        scope = next(iter(targets.scopes.values()))
        first = 1_790_812_800  # 2026-10-01
        key = {"target": scope.number, "start_s": first, "end_s": first + 86_400}
        owners = (scope.idle, scope.unmeasured, scope.unowned)
        named = zip(owners, use, strict=True)
        return [key | {"owner": owner, "weight": weight} for owner, weight in named]

    found = given(engine, bill(engine, rows, TAGS), estate, weigh)
    sums, ratios = defaultdict(Decimal), defaultdict(Decimal)
    for row in found:
        ratios[row["charge_row"]] += row["ratio"]
        for cost in COSTS:
            sums[row["charge_row"], cost] += row[cost] or 0
    for number, row in enumerate(rows, start=1):
        assert ratios[number] == 1
        known = {cost: row[cost] or 0 for cost in COSTS}
        assert {cost: sums[number, cost] for cost in COSTS} == known
    numbered = [row | {"charge_row": number} for number, row in enumerate(rows, start=1)]
    order.shuffle(numbered)
    order.shuffle(estate)
    assert given(engine, bill(engine, numbered, TAGS), estate, weigh) == found
