"""Whose is it: the strongest selector that holds on the day, or nobody's."""

import datetime as dt

from tests.decide.cost.conftest import bill, declared, given, team, workload

TAGS = ("tag_app",)


def day(number):
    return dt.datetime(2026, 10, number)


def owners(engine, rows, *versions):
    found = given(engine, bill(engine, rows, TAGS), [team("ml"), team("ops"), *versions])
    return [row["workload"] or row["rule"] for row in found]


def test_an_id_outranks_an_account_and_an_account_outranks_tags(engine):
    rows = [
        {"resource_id": "i-1", "sub_account_id": "a", "tag_app": "chat"},
        {"resource_id": "i-2", "sub_account_id": "a", "tag_app": "chat"},
        {"resource_id": "i-2", "sub_account_id": "b", "tag_app": "chat"},
        {"resource_id": "i-2", "sub_account_id": "b", "tag_app": "other"},
    ]
    found = owners(
        engine,
        rows,
        workload("by-id", "ml", {"resourceId": "i-1"}),
        workload("by-account", "ml", {"account": "a"}),
        workload("by-tag", "ops", {"tags": {"app": "chat"}}),
    )
    assert found == ["by-id", "by-account", "by-tag", "no-rule"]


def test_more_terms_win_within_a_class(engine):
    rows = [
        {"sub_account_id": "a", "service_name": "S3"},
        {"sub_account_id": "a", "service_name": "EC2"},
    ]
    found = owners(
        engine,
        rows,
        workload("wide", "ml", {"account": "a"}),
        workload("narrow", "ops", {"account": "a", "service": "S3"}),
    )
    assert found == ["narrow", "wide"]


def test_two_equal_matches_are_left_unallocated_and_said_to_be_ambiguous(engine):
    rows = [{"sub_account_id": "a"}, {"sub_account_id": "b"}]
    found = owners(
        engine,
        rows,
        workload("one", "ml", {"account": "a"}, {"account": "b"}),
        workload("two", "ops", {"account": "a"}),
    )
    assert found == ["ambiguous", "one"]


def test_equal_matches_by_different_keys_are_ambiguous_too(engine):
    rows = [
        {"service_name": "S3", "region_id": "eu"},
        {"service_name": "S3", "region_id": "us"},
    ]
    found = owners(
        engine,
        rows,
        workload("service", "ml", {"service": "S3"}),
        workload("region", "ops", {"region": "eu"}),
    )
    assert found == ["ambiguous", "service"]


def test_two_selectors_of_one_workload_are_not_ambiguous(engine):
    rows = [{"service_name": "S3", "region_id": "eu"}, {"service_name": "EC2"}]
    found = owners(engine, rows, workload("one", "ml", {"service": "S3"}, {"region": "eu"}))
    assert found == ["one", "no-rule"]


def test_a_charge_goes_by_the_estate_of_the_day_it_starts(engine):
    rows = [
        {"sub_account_id": "a", "charge_period_start": day(4)},
        {"sub_account_id": "a", "charge_period_start": day(5)},
        {"sub_account_id": "a", "charge_period_start": day(20)},
    ]
    found = owners(
        engine,
        rows,
        workload("before", "ml", {"account": "a"}, end="10-05"),
        workload("after", "ops", {"account": "a"}, start="10-05", end="10-12"),
    )
    assert found == ["before", "after", "no-rule"]


def test_a_team_that_moves_takes_only_later_charges_to_its_new_unit(engine):
    rows = [
        {"sub_account_id": "a", "charge_period_start": day(4)},
        {"sub_account_id": "a", "charge_period_start": day(9)},
    ]
    estate = [
        team("ml", "Research", end="10-05"),
        team("ml", "Claims", start="10-05"),
        workload("chat", "ml", {"account": "a"}),
    ]
    assert [row["unit"] for row in given(engine, bill(engine, rows), estate)] == [
        "Research",
        "Claims",
    ]


def test_the_purchase_of_a_commitment_is_its_owners(engine):
    spec = {"provider": "AWS", "commitmentId": "sp-1", "from": "2026-01-01", "months": 12}
    purchase = {"charge_category": "Purchase", "sub_account_id": "a", "cost": 5}
    rows = [
        purchase | {"commitment_discount_id": "sp-1"},
        purchase | {"commitment_discount_id": "sp-2"},
    ]
    estate = [
        team("ops"),
        team("ml"),
        declared("Commitment", "plan", spec, owner="ops"),
        workload("all", "ml", {"account": "a"}),
    ]
    found = given(engine, bill(engine, rows), estate)
    assert [(row["kind"], row["rule"], row["team"]) for row in found] == [
        ("direct", "purchase:plan", "ops"),
        ("direct", "selector:all", "ml"),
    ]


def test_unused_commitment_is_a_line_of_its_own_with_its_owner(engine):
    unused = {"commitment_discount_status": "Unused", "sub_account_id": "a", "cost": 5}
    rows = [
        unused | {"commitment_discount_id": "sp-1"},
        unused | {"commitment_discount_id": "sp-2"},
        {"commitment_discount_id": "sp-1", "sub_account_id": "a", "cost": 5},
    ]
    spec = {"provider": "AWS", "commitmentId": "sp-1", "from": "2026-01-01", "months": 12}
    estate = [
        team("ops"),
        declared("Commitment", "plan", spec, owner="ops"),
        workload("all", "ops", {"account": "a"}),
    ]
    found = [
        (row["kind"], row["rule"], row["team"]) for row in given(engine, bill(engine, rows), estate)
    ]
    assert found == [
        ("idle", "commitment-unused:plan", "ops"),
        ("idle", "commitment-unused", None),
        ("direct", "selector:all", "ops"),
    ]
