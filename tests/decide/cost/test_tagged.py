"""Tags as meant: each source in its order, and no cost touched whatever is declared."""

import datetime as dt
from decimal import Decimal

import ibis
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from watermaster.decide.cost.by import Cost
from watermaster.decide.cost.coverage import tag_coverage, with_trend
from watermaster.decide.cost.tagged import declared_tags, tagged, tags_told
from watermaster.model.estate import Estate, spelling_column
from watermaster.model.resources import ResourceVersion, load_resource
from watermaster.testing.tables import fact_table

NOW = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
ALLOWED = ["CC-104", "CC-200"]
ENGINE = ibis.duckdb.connect()


def version(kind, name, spec, labels=None, start=None, end=None):
    document = {"apiVersion": "watermaster/v1", "kind": kind, "spec": spec,
                "metadata": {"name": name, "labels": labels or {}}}  # fmt: skip
    return ResourceVersion(
        resource=load_resource(document), valid_from=start, valid_to=end, recorded_at=NOW
    )


def policy(**rule):
    spec = {"tags": [{"key": "cost-center", "required": True, "values": ALLOWED} | rule]}
    return version("TagPolicy", "tags", spec)


def repair(name="cc-1", spellings=(), **values):
    spec = {"key": "cost-center", "spellings": list(spellings), "values": values}
    return version("TagRepair", name, spec)


def platform(name, label, account=None, region=None, **when):
    spec = {"type": "cloud", "account": account, "region": region}
    return version("Platform", name, spec, {"cost-center": label} if label else {}, **when)


def team(name, label, **when):
    return version("Team", name, {"unit": "u"}, {"CostCenter": label}, **when)


def meant(rows, *versions):
    held = fact_table(
        "allocations", [{"tag_cost_center": None, "source": "x"} | row for row in rows]
    )
    table = tagged(ibis.memtable(held), declared_tags(Estate(versions)))
    found = ENGINE.to_pyarrow(table.order_by("charge_row")).to_pylist()
    return [(row["tag_cost_center"], row["tagfrom_cost_center"], row["tagby_cost_center"])
            for row in found]  # fmt: skip


def tag(value, **row):
    return {"tag_cost_center": value} | row


def test_a_repaired_value_is_what_it_means_and_others_stay_as_delivered():
    found = meant(
        [tag("cc104"), tag("CC-104"), tag("cc 7"), tag(None), tag("")],
        policy(),
        repair(cc104="CC-104"),
    )
    assert found == [
        ("CC-104", "repaired", "TagRepair cc-1: cc104"), ("CC-104", "raw", None),
        ("cc 7", "raw", None), (None, None, None), (None, None, None),
    ]  # fmt: skip


def test_another_spelling_of_the_key_counts_where_the_key_is_missing_and_is_repaired_too():
    other = spelling_column("Cost_Center")
    rows = [tag(None, **{other: "CC-200"}), tag("CC-104", **{other: "CC-200"}),
            tag(None, **{other: "cc104"}), tag(None, **{other: ""})]  # fmt: skip
    found = meant(rows, policy(), repair(spellings=["Cost_Center"], cc104="CC-104"))
    assert found == [
        ("CC-200", "repaired", "TagRepair cc-1: Cost_Center"), ("CC-104", "raw", None),
        ("CC-104", "repaired", "TagRepair cc-1: cc104"), (None, None, None),
    ]  # fmt: skip


def test_two_repairs_that_disagree_repair_nothing_and_say_so():
    both = repair(cc1="CC-104"), repair("cc-2", cc1="CC-200", cc2="CC-200")
    assert [value for value, *_ in meant([tag("cc1"), tag("cc2")], policy(), *both)] == [
        "cc1", "CC-200"
    ]  # fmt: skip
    (said,) = tags_told(declared_tags(Estate((policy(), *both))), ["tag:cost-center"])
    assert "disagree on cc1" in said


def virtual(name, value, wins="missing", **spec):
    told = {"key": "cost-center", "value": value, "match": [{"account": "a-1"}], "wins": wins}
    return version("VirtualTag", name, told | spec)


def test_a_virtual_tag_holds_for_its_charges_from_its_first_day_until_its_last():
    days = [dt.datetime(2026, 10, day) for day in (4, 5, 9, 10)]
    rows = [tag(None, account="a-1", charge_start=day) for day in days]
    rows += [tag(None, account="a-2", charge_start=days[1]), tag("CC-104", account="a-1")]
    rule = virtual("move", "CC-200", **{"from": "2026-10-05", "until": "2026-10-10"})
    values = [value for value, *_ in meant(rows, policy(), rule)]
    assert values == [None, "CC-200", "CC-200", None, None, "CC-104"]


@pytest.mark.parametrize(("wins", "value"), [("missing", "CC-104"), ("always", "CC-200")])
def test_a_virtual_tag_wins_over_what_was_delivered_only_where_it_says_so(wins, value):
    (found,) = meant([tag("CC-104", account="a-1")], policy(), virtual("move", "CC-200", wins))
    assert found[0] == value


def test_virtual_tags_that_disagree_give_none():
    rules = virtual("one", "CC-104"), virtual("two", "CC-200", match=[{"service": "Compute"}])
    rows = [tag(None, account="a-1"), tag(None, account="a-2")]
    assert [value for value, *_ in meant(rows, policy(), *rules)] == [None, "CC-200"]


def test_a_missing_tag_is_inherited_from_account_then_platform_then_owner():
    estate = (
        policy(), platform("aws-1", "CC-104", "a-1"), platform("fra", "CC-200"),
        team("search", "S"), platform("aws-3", None, "a-3"),
    )  # fmt: skip
    rows = [
        tag(None, account="a-1", platform="fra", team="search"),
        tag(None, account="a-3", platform="fra", team="search"),
        tag(None, account="a-3", team="search"), tag(None, account="a-3", team="other"),
        tag("wrong", account="a-1"),
    ]  # fmt: skip
    assert meant(rows, *estate) == [
        ("CC-104", "inherited", "label of account a-1"),
        ("CC-200", "inherited", "label of Platform fra"),
        ("S", "inherited", "label of Team search"), (None, None, None), ("wrong", "raw", None),
    ]  # fmt: skip
    nobody = (policy(inherit=["owner"]), *estate[1:])
    assert [value for value, *_ in meant(rows[:2], *nobody)] == ["S", "S"]


def test_a_team_gives_its_name_cost_center_and_unit_without_a_label():
    spec = {"unit": "Care", "costCenter": "CC-200"}
    found = meant([tag(None, team="search")], policy(), version("Team", "search", spec))
    assert found == [("CC-200", "inherited", "label of Team search")]
    labelled = version("Team", "search", spec, {"cost-center": "CC-104"})
    assert meant([tag(None, team="search")], policy(), labelled)[0][0] == "CC-104"
    keys = declared_tags(
        Estate(
            (
                version("TagPolicy", "more", {"tags": [{"key": "Team"}, {"key": "business_unit"}]}),
                version("Team", "search", spec),
            )
        )
    )
    assert {one.key: one.labels[0].value for one in keys} == {
        "Team": "search", "business_unit": "Care",
    }  # fmt: skip


def test_a_label_counts_for_charges_of_the_time_it_holds():
    cut = dt.datetime(2026, 10, 6, tzinfo=dt.UTC)
    estate = policy(), team("search", "CC-104", end=cut), team("search", "CC-200", start=cut)
    days = [dt.datetime(2026, 10, day) for day in (5, 6)]
    rows = [tag(None, team="search", charge_start=day) for day in days]
    assert [value for value, *_ in meant(rows, *estate)] == ["CC-104", "CC-200"]


def test_one_account_in_two_regions_has_the_label_of_each_and_none_where_they_disagree():
    regions = (platform("x", "CC-104", "a-1", "eu"), platform("y", "CC-200", "a-1", "us"))
    rows = [tag(None, account="a-1", region=region) for region in ("eu", "us", "asia")]
    assert [v for v, *_ in meant(rows, policy(), *regions)] == ["CC-104", "CC-200", None]
    twice = (platform("x", "CC-104", "a-1"), platform("y", "CC-200", "a-1"))
    assert [v for v, *_ in meant(rows, policy(), *twice)] == [None, None, None]


def test_platforms_of_one_account_that_agree_are_one_and_add_no_row():
    later = dt.datetime(2026, 10, 6, tzinfo=dt.UTC)
    twice = (platform("x", "CC-104", "a-1"), platform("y", "CC-104", "a-1", start=later),
             platform("z", "CC-104", "a-1", "eu"))  # fmt: skip
    days = [dt.datetime(2026, 10, day) for day in (5, 6)]
    rows = [tag(None, account="a-1", region="eu", charge_start=day) for day in days]
    assert [value for value, *_ in meant(rows, policy(), *twice)] == ["CC-104", "CC-104"]


POOL = {"platform": "fra", "accelerator": "H100", "count": 8, "cost": {
    "currency": "USD", "space": {"perMonth": "1"}}}  # fmt: skip


def test_charges_of_an_own_pool_deliver_the_labels_of_their_pool():
    pool = version("Pool", "h100", POOL, {"cost_center": "CC-104"})
    rows = [tag(None, source="own:h100", pool="h100"), tag(None, source="aws", pool="h100")]
    found = meant(rows, policy(), pool)
    assert found == [("CC-104", "raw", None), ("CC-104", "inherited", "label of Pool h100")]


VALUES = st.sampled_from(["CC-104", "cc104", "cc200", "x", "", None])
ROWS = st.lists(
    st.fixed_dictionaries({
        "tag_cost_center": VALUES, "cost": st.integers(-9, 9).map(str),
        "account": st.sampled_from(["a-1", "a-2"]), "team": st.sampled_from(["search", None]),
        spelling_column("CostCentre"): VALUES,
    }), min_size=1, max_size=8,
)  # fmt: skip
EVERYTHING = (
    policy(), repair(spellings=["CostCentre"], cc104="CC-104", cc200="CC-200"),
    virtual("move", "CC-200", "always", match=[{"account": "a-2"}]),
    platform("aws-1", "CC-104", "a-1"), platform("aws-2", "CC-104", "a-1", start=NOW),
    team("search", "CC-200"),
)  # fmt: skip


@settings(max_examples=20, deadline=None)
@given(ROWS)
def test_repairing_changes_no_total_repairs_what_is_repaired_no_more_and_only_adds_coverage(rows):
    table = ibis.memtable(fact_table("allocations", [{"source": "x"} | row for row in rows]))
    tags = declared_tags(Estate(EVERYTHING))
    once = tagged(table, tags)
    held = ENGINE.to_pyarrow(once)
    assert held.num_rows == len(rows)
    assert sum(held["billed_cost"].to_pylist()) == sum(Decimal(row["cost"]) for row in rows)
    again = ENGINE.to_pyarrow(tagged(ibis.memtable(held), tags))
    assert again["tag_cost_center"].to_pylist() == held["tag_cost_center"].to_pylist()
    rule = EVERYTHING[0].resource.spec.tags[0]
    by = ("unit",)
    found = tag_coverage(ibis.memtable(held), rule, by, Cost.BILLED).rows
    for row in with_trend(ENGINE.to_pyarrow(found).to_pylist(), by):
        assert 0 <= row["coverage"] <= row["after"] <= 1


@pytest.mark.deep
def test_duckdb_and_spark_mean_the_same(spark):
    other = spelling_column("CostCentre")
    rows = [
        {"source": "own:h100" if n % 5 == 0 else "x", "charge_row": n, "cost": str(n),
         "tag_cost_center": (None, "", "cc104", "CC-104", "x")[n % 5],
         other: ("cc200", None)[n % 2],
         "account": f"a-{n % 3}", "team": ("search", None)[n % 2], "region": "eu",
         "pool": "h100" if n % 5 == 0 else None,
         "charge_start": dt.datetime(2026, 10, 1 + n % 28) if n % 7 else None}
        for n in range(1, 120)
    ]  # fmt: skip
    cut = dt.datetime(2026, 10, 6, tzinfo=dt.UTC)
    estate = Estate((
        *EVERYTHING[:2], virtual("move", "CC-200", **{"from": "2026-10-05", "until": "2026-10-10"}),
        platform("aws-0", "CC-104", "a-0", "eu"), team("search", "CC-104", end=cut),
        team("search", "CC-200", start=cut), version("Pool", "h100", POOL, {"cost_center": "P"}),
    ))  # fmt: skip
    held = fact_table("allocations", rows)
    used = [*rows[0], "platform", "provider", "service", "resource_id", "charge_month"]
    table = ibis.memtable(held.select([name for name in used if name != "cost"]))
    names = [f"{kind}_cost_center" for kind in ("tag", "rawtag", "tagfrom", "tagby")]
    found = tagged(table, declared_tags(estate)).select("charge_row", *names).order_by("charge_row")
    ours, theirs = ENGINE.to_pyarrow(found), spark.to_pyarrow(found)
    assert len(set(ours["tagfrom_cost_center"].to_pylist())) >= 4
    assert theirs.cast(ours.schema).to_pylist() == ours.to_pylist()
