"""A plan: twice is nothing, order does not matter, time is kept, danger is refused."""

import datetime as dt
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watermaster.model.errors import RefusedError
from watermaster.model.estate import Estate
from watermaster.model.plan import Action, Plan, Scope, Start, check_applicable, make_plan
from watermaster.model.resources import Resource, ResourceVersion, load_resource

NOW = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)
ALL = Scope(paths=["estate"])
PRUNE = Scope(paths=["estate"], prune=True)


def day(number: int) -> dt.datetime:
    return NOW + dt.timedelta(days=number)


def team(name: str, unit: str = "Retail", since: dt.datetime | None = None) -> Resource:
    metadata = {"name": name} | ({"validFrom": since} if since else {})
    return load_resource({"kind": "Team", "metadata": metadata, "spec": {"unit": unit}})


def files(*resources: Resource) -> list[tuple[Resource, str]]:
    return [(resource, "estate/teams.yaml") for resource in resources]


def applied(estate: Estate, plan: Plan, now: dt.datetime) -> Estate:
    """What the ledger's history says after a plan: later statements cut off earlier ones."""
    held = {key: [v for v in estate.versions if v.resource.key == key]
            for key in {v.resource.key for v in estate.versions}}  # fmt: skip
    for change in plan.changes:
        key = (change.kind, change.name)
        for planned in change.versions:
            start = planned.begins(now)
            kept = [
                v.model_copy(update={"valid_to": start})
                if v.valid_to is None or v.valid_to > start else v
                for v in held.get(key, [])
                if start is not None and (v.valid_from is None or v.valid_from < start)
            ]  # fmt: skip
            if planned.document is not None:
                kept.append(ResourceVersion(resource=load_resource(planned.document),
                                            valid_from=start, recorded_at=now,
                                            file=change.file))  # fmt: skip
            held[key] = kept
    return Estate(tuple(v for versions in held.values() for v in versions))


def units(estate: Estate, name: str) -> list[tuple[str, object, object]]:
    return [(v.resource.spec.unit, v.valid_from, v.valid_to)
            for v in estate.of("Team") if v.resource.metadata.name == name]  # fmt: skip


series = st.lists(
    st.builds(
        team,
        st.sampled_from(["a", "b", "c"]),
        st.sampled_from(["Retail", "Bank"]),
        st.one_of(st.none(), st.integers(-9, 9).map(day)),
    ),
    max_size=6,
    unique_by=lambda r: (r.key, r.metadata.valid_from),
)


@given(series, series)
def test_apply_twice_changes_nothing(first, second):
    estate = applied(Estate(), make_plan(files(*first), Estate(), PRUNE, NOW), NOW)
    plan = make_plan(files(*second), estate, PRUNE, day(1))
    after = applied(estate, plan, day(1))
    again = make_plan(files(*second), after, PRUNE, day(2))
    assert again.changes == []
    assert again.unchanged == len({r.key for r in second})


@given(series, st.randoms(use_true_random=False))
def test_the_order_of_documents_does_not_matter(resources, dice):
    shuffled = list(resources)
    dice.shuffle(shuffled)
    one = make_plan(files(*resources), Estate(), ALL, NOW)
    assert make_plan(files(*shuffled), Estate(), ALL, NOW) == one


@given(series, series)
def test_what_is_declared_holds_after_apply(first, second):
    estate = applied(Estate(), make_plan(files(*first), Estate(), ALL, NOW), NOW)
    after = applied(estate, make_plan(files(*second), estate, ALL, day(1)), day(1))
    for key, group in itertools.groupby(sorted(second, key=lambda r: r.key), lambda r: r.key):
        last = max(group, key=lambda r: (r.metadata.valid_from is not None, r.metadata.valid_from))
        assert after.of("Team")
        held = [v for v in after.versions if v.resource.key == key and v.valid_to is None]
        assert [v.resource.spec.unit for v in held] == [last.spec.unit]


def test_the_first_apply_holds_from_the_beginning_and_a_later_one_from_its_moment():
    estate = applied(Estate(), make_plan(files(team("a"), team("b")), Estate(), ALL, NOW), NOW)
    assert units(estate, "a") == [("Retail", None, None)]
    plan = make_plan(files(team("a", "Bank"), team("b")), estate, ALL, day(3))
    assert [(c.action, c.name, c.versions[0].start) for c in plan.changes] == [
        (Action.CHANGE, "a", Start.APPLY)
    ]
    assert [(f.path, f.before, f.after) for f in plan.changes[0].fields] == [
        ("spec.unit", "Retail", "Bank")
    ]
    estate = applied(estate, plan, day(4))
    assert units(estate, "a") == [("Retail", None, day(4)), ("Bank", day(4), None)]
    assert units(estate, "b") == [("Retail", None, None)]


def test_a_series_of_one_name_holds_piece_by_piece():
    declared = files(team("a", "Retail"), team("a", "Bank", day(10)), team("b"))
    estate = applied(Estate(), make_plan(declared, Estate(), ALL, NOW), NOW)
    assert units(estate, "a") == [("Retail", None, day(10)), ("Bank", day(10), None)]


def test_a_stated_start_may_be_moved_later():
    estate = applied(Estate(), make_plan(files(team("a"), team("b")), Estate(), ALL, NOW), NOW)
    estate = applied(estate, make_plan(files(team("a", "Bank", day(5))), estate, ALL, NOW), NOW)
    moved = make_plan(files(team("a", "Bank", day(9))), estate, ALL, NOW)
    assert units(applied(estate, moved, NOW), "a") == [
        ("Retail", None, day(5)), ("Retail", day(5), day(9)), ("Bank", day(9), None)
    ]  # fmt: skip


def test_what_is_no_longer_declared_stays_unless_pruned():
    estate = applied(Estate(), make_plan(files(team("a"), team("b")), Estate(), ALL, NOW), NOW)
    kept = make_plan(files(team("a")), estate, ALL, day(1))
    assert (kept.changes, kept.undeclared) == ([], ["Team b"])
    pruned = make_plan(files(team("a")), estate, PRUNE, day(1))
    assert [(c.action, c.name) for c in pruned.changes] == [(Action.DELETE, "b")]
    assert units(applied(estate, pruned, day(1)), "b") == [("Retail", None, day(1))]


def test_pruning_a_folder_leaves_other_folders_alone():
    declared = [(team("a"), "estate/a.yaml"), (team("b"), "estates/b.yaml")]
    estate = applied(Estate(), make_plan(declared, Estate(), ALL, NOW), NOW)
    plan = make_plan([(team("c"), "estate/c.yaml")], estate, PRUNE, NOW)
    assert [(c.action, c.name) for c in plan.changes] == [
        (Action.CREATE, "c"), (Action.DELETE, "a")
    ]  # fmt: skip


def test_a_moved_document_belongs_to_its_new_file():
    estate = applied(Estate(), make_plan(files(team("a"), team("b")), Estate(), ALL, NOW), NOW)
    plan = make_plan([(team("a"), "shared/a.yaml"), *files(team("b"))], estate, ALL, day(1))
    assert [(c.action, c.fields[0].after) for c in plan.changes] == [(Action.MOVE, "shared/a.yaml")]
    after = applied(estate, plan, day(1))
    assert units(after, "a") == [("Retail", None, None)]
    assert make_plan(files(team("b")), after, PRUNE, day(2)).changes == []


def test_names_come_before_those_who_use_them_and_go_after_them():
    spec = {"platform": "p", "accelerator": "H100", "count": 1}
    pool = load_resource({"kind": "Pool", "metadata": {"name": "a"}, "spec": spec})
    platform = load_resource(
        {"kind": "Platform", "metadata": {"name": "p"}, "spec": {"type": "slurm"}}
    )
    plan = make_plan(files(pool, platform, team("x"), team("y")), Estate(), ALL, NOW)
    assert [c.kind for c in plan.changes] == ["Team", "Team", "Platform", "Pool"]
    estate = applied(Estate(), plan, NOW)
    gone = make_plan(files(team("x")), estate, PRUNE, day(1))
    assert [c.kind for c in gone.changes] == ["Pool", "Platform", "Team"]


@pytest.mark.parametrize(("kept", "of", "refused"), [(6, 10, True), (7, 10, False),
                                                     (1, 9, False), (13, 20, True)])  # fmt: skip
def test_over_30_percent_of_10_or_more_is_not_deleted_unless_told(kept, of, refused):
    teams = [team(f"t{n}") for n in range(of)]
    estate = applied(Estate(), make_plan(files(*teams), Estate(), ALL, NOW), NOW)
    plan = make_plan(files(*teams[:kept]), estate, PRUNE, day(1))
    check_applicable(plan, estate, allow_deletes=True)
    if not refused:
        check_applicable(plan, estate, allow_deletes=False)
        return
    with pytest.raises(RefusedError) as told:
        check_applicable(plan, estate, allow_deletes=False)
    assert str(told.value) == (
        f"plan {plan.id}: it deletes {of - kept} of {of} resources; "
        "add --allow-deletes if that is what you want"
    )


def test_a_plan_is_refused_when_the_estate_has_moved():
    plan = make_plan(files(team("a"), team("b")), Estate(), ALL, NOW)
    moved = applied(Estate(), plan, NOW)
    with pytest.raises(RefusedError) as told:
        check_applicable(plan, moved, allow_deletes=False)
    assert str(told.value) == (
        f"plan {plan.id}: the estate was changed since it was made; plan again"
    )


def test_a_plan_survives_being_kept_as_text():
    plan = make_plan(files(team("a"), team("b", since=day(3))), Estate(), ALL, NOW)
    assert Plan.model_validate_json(plan.model_dump_json(by_alias=True)) == plan
