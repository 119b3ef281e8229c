"""What a wrong tag should be: near misses are found, numbers and other names are let alone."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from watermaster.decide.cost.spelling import distance, normal
from watermaster.decide.cost.tag_fix import Known, sure, tag_fixes
from watermaster.decide.cost.tagged import Tag
from watermaster.model.resources import TagRule
from watermaster.model.tag_fixes import TagSet

CENTERS = TagRule(key="cost-center", values=["CC-104", "CC-105", "CC-200", "Research"])
FREE = TagRule(key="team")


def bill(*tags):
    return [
        TagSet(tags=held, currency="USD", cost=Decimal(cost), charges=1)
        for held, cost in ((one if isinstance(one, tuple) else (one, 10)) for one in tags)
    ]


def fixes(delivered, *rules, **known):
    return {one.name: one for one in tag_fixes(delivered, Known(rules=rules, **known))}


@pytest.mark.parametrize(
    "key", ["cost_center", "CostCenter", "cost-centre", "costcentre", "cost center"]
)
def test_other_spellings_of_a_key_are_found(key):
    (one,) = fixes(bill({key: "CC-104"}), CENTERS).values()
    assert (one.name, one.meant) == (f"cost-center:{key}", "cost-center")
    assert one.confidence >= 0.85
    assert one.costs == {"USD": 10}


@pytest.mark.parametrize("key", ["account", "cost", "center", "environment"])
def test_other_keys_are_let_alone(key):
    assert not fixes(bill({key: "CC-104"}), CENTERS)


@pytest.mark.parametrize(
    ("value", "meant"),
    [("cc104", "CC-104"), ("CC 104", "CC-104"), ("cc_200", "CC-200"), ("Reserach", "Research"),
     ("researh", "Research"), ("104", "CC-104")],
)  # fmt: skip
def test_near_misses_of_a_value_are_found(value, meant):
    (one,) = fixes(bill({"cost-center": value}), CENTERS).values()
    assert (one.name, one.meant) == (f"cost-center={value}", meant)


@pytest.mark.parametrize("value", ["CC-106", "CC-1040", "CC-14", "10", "Search", "", "CC"])
def test_numbers_are_never_guessed_at(value):
    assert not fixes(bill({"cost-center": value}), CENTERS)


def test_a_value_as_near_to_two_is_nobodys_and_is_never_sure():
    rule = TagRule(key="env", values=["staging-a1", "staging_a1", "prod"])
    (one,) = fixes(bill({"env": "Staging A1"}), rule).values()
    assert one.meant is None
    assert set(one.candidates) == {"staging-a1", "staging_a1"}
    assert not sure([one])


def test_a_key_near_to_two_policies_is_nobodys():
    (one,) = fixes(bill({"tagkex": "x"}), TagRule(key="tagkey"), TagRule(key="tagked")).values()
    assert one.meant is None


def test_a_key_that_stands_beside_the_right_one_with_other_values_is_another_key():
    told = bill({"team": "search", "teams": "ads"}, {"team": "ads", "teams": "search"})
    (one,) = fixes(told, FREE).values()
    assert one.confidence < 0.1


def test_without_a_list_the_spelling_of_most_cost_is_right():
    told = bill(({"team": "search"}, 80), ({"team": "Search"}, 20))
    (one,) = fixes(told, FREE).values()
    assert (one.found, one.meant, one.costs) == ("Search", "search", {"USD": 20})
    even = bill(({"team": "search"}, 50), ({"team": "Search"}, 50))
    assert [one.meant for one in fixes(even, FREE).values()] == [None, None]


def test_without_a_list_a_rare_near_miss_is_proposed_and_a_common_one_is_another_word():
    rare = bill(({"team": "retrieval"}, 900), ({"team": "retreival"}, 10))
    assert [one.meant for one in fixes(rare, FREE).values()] == ["retrieval"]
    common = bill(({"team": "retrieval"}, 90), ({"team": "retreival"}, 80))
    assert not fixes(common, FREE)
    names = bill(({"team": "triage-assistant"}, 900), ({"team": "triage-assistant-b"}, 1))
    assert not fixes(names, FREE)


def test_the_values_selectors_name_are_right():
    told = bill(({"team": "serach"}, 900), ({"team": "search"}, 1))
    found = fixes(told, FREE, selected={"team": frozenset({"search", "ads"})})
    assert [(one.found, one.meant) for one in found.values()] == [("serach", "search")]


def test_what_is_repaired_already_is_not_proposed_again():
    done = Tag(
        key="cost-center", spellings={"CostCenter": "a"}, values={("a", "CC-104"): ("cc104",)}
    )
    told = bill({"CostCenter": "cc104"}, {"CostCenter": "cc200"})
    assert list(fixes(told, CENTERS, tags=[done])) == ["cost-center=cc200"]


def test_aliases_of_the_policy_are_sure():
    rule = TagRule(key="cost-center", aliases=["kst"], values=["CC-104"])
    (one,) = fixes(bill({"kst": "CC-104"}), rule).values()
    assert (one.meant, one.confidence) == ("cost-center", 1.0)


WORDS = st.text("abcde", min_size=1, max_size=7)


@settings(max_examples=60, deadline=None)
@given(WORDS, WORDS)
def test_distances_are_symmetric_and_zero_only_for_the_same(one, other):
    assert distance(one, other) == distance(other, one)
    assert (distance(one, other) == 0) == (one == other)
    assert abs(len(one) - len(other)) <= distance(one, other) <= max(len(one), len(other))


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["cost-center", "CostCenter", "kst"]), WORDS), max_size=6)
)
def test_no_right_value_is_ever_touched_and_every_answer_is_allowed(told):
    for one in tag_fixes(bill(*({key: value} for key, value in told)), Known(rules=[CENTERS])):
        assert one.found not in CENTERS.values
        assert one.meant in {None, "cost-center", *CENTERS.values}
        assert 0 <= one.confidence <= 1
        if one.meant and one.confidence >= 0.98:
            assert normal(one.found) == normal(one.meant)
