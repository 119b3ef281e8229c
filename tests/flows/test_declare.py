"""From files to the ledger and back: apply, time, plans kept in files."""

import datetime as dt
from dataclasses import replace

import pytest

from tests.flows.small import charge, rows_of, store
from watermaster.flows import declare
from watermaster.flows.init import initialise
from watermaster.flows.kept_plan import read_plan
from watermaster.flows.open import create_project
from watermaster.flows.resources import describe, export, get
from watermaster.ledger.audit_breaks import broken_links
from watermaster.ledger.head import read_head
from watermaster.ledger.records import CLOSES
from watermaster.model.errors import BadResourcesError, NotFoundError, RefusedError
from watermaster.model.events import Step

START = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)


class Clock:
    """A clock that stands still until told."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> dt.datetime:
        return self.now

    def days(self, number: int) -> dt.datetime:
        self.now = START + dt.timedelta(days=number)
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def heard() -> list[object]:
    return []


@pytest.fixture
def project(tmp_path, clock, heard):
    made = create_project(tmp_path / ".watermaster", heard.append, "ann", clock)
    yield made
    made.ledger.records.dispose()


def write(tmp_path, text: str, name: str = "estate/a.yaml") -> list[str]:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return [str(path.parent)]


def team(name: str, unit: str = "Retail", more: str = "") -> str:
    return (
        f"---\napiVersion: watermaster/v1\nkind: Team\nmetadata: {{name: {name}{more}}}\n"
        f"spec: {{unit: {unit}}}\n"
    )


def applied(project, paths, **options):
    return declare.apply(project, declare.plan(project, paths, **options))


def test_apply_twice_changes_nothing_not_even_the_revision(project, tmp_path):
    paths = write(tmp_path, team("a") + team("b"))
    first = applied(project, paths)
    again = applied(project, paths)
    assert (first.revision, again.revision, again.plan.unchanged) == ("r1", "r1", 2)
    assert read_head(project.ledger.records).name == "r1"


def test_a_change_holds_from_its_apply_and_the_past_stays(project, tmp_path, clock):
    applied(project, write(tmp_path, team("a") + team("b")))
    then = clock.days(10)
    applied(project, write(tmp_path, team("a", "Bank") + team("b")))
    clock.days(20)

    def unit(**when) -> str:
        return get(project, "team", "a", **when)[0].resource.spec.unit

    assert unit() == "Bank"
    assert unit(at=then - dt.timedelta(seconds=1)) == "Retail"
    assert unit(at=then) == "Bank"
    assert unit(as_known=then - dt.timedelta(seconds=1)) == "Retail"
    found = describe(project, "teams", "a", at=None, as_known=None)
    assert [(v.resource.spec.unit, v.valid_from, v.valid_to) for v in found.timeline] == [
        ("Retail", None, then),
        ("Bank", then, None),
    ]
    assert [(s.recorded_at, s.revision) for s in found.said] == [(START, 1), (then, 2)]


def test_valid_from_says_since_when_and_the_ledger_when_it_was_told(project, tmp_path, clock):
    applied(project, write(tmp_path, team("a") + team("b")))
    told = clock.days(10)
    applied(project, write(tmp_path, team("a", "Bank", ", validFrom: 2026-03-01") + team("b")))
    march = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
    assert get(project, "team", "a", at=march)[0].resource.spec.unit == "Bank"
    known = get(project, "team", "a", at=march, as_known=told - dt.timedelta(days=1))
    assert known[0].resource.spec.unit == "Retail"


def test_what_is_gone_stays_until_pruned_and_is_told(project, tmp_path):
    applied(project, write(tmp_path, team("a") + team("b")))
    paths = write(tmp_path, team("a"))
    assert applied(project, paths).plan.undeclared == ["Team b"]
    assert applied(project, paths, prune=True).plan.changes[0].name == "b"
    assert [v.resource.metadata.name for v in get(project, "team")] == ["a"]
    assert [v.resource.metadata.name for v in get(project, "team", at=START - dt.timedelta(1))] == [
        "a", "b"
    ]  # fmt: skip


def test_a_delete_leaves_nobody_behind_who_names_what_is_gone(project, tmp_path):
    write(tmp_path, team("c", more=", owner: a"), "other/c.yaml")
    paths = write(tmp_path, team("a") + team("b"))
    applied(project, paths)
    applied(project, [str(tmp_path / "other")])
    write(tmp_path, team("b"))
    with pytest.raises(BadResourcesError) as told:
        declare.plan(project, paths, prune=True)
    assert str(told.value) == (
        "other/c.yaml: Team c names the Team a, which would be deleted; "
        "keep Team a, or change Team c too"
    )


def test_documents_may_name_what_the_ledger_holds(project, tmp_path):
    applied(project, write(tmp_path, team("a") + team("b")))
    later = write(tmp_path, team("c", more=", owner: b"), "more/c.yaml")
    assert applied(project, later).plan.changes[0].name == "c"


def test_a_kept_plan_is_applied_only_to_the_estate_it_was_made_for(project, tmp_path):
    paths = write(tmp_path, team("a") + team("b"))
    kept = tmp_path / "plan.json"
    kept.write_text(declare.plan(project, paths).model_dump_json(by_alias=True))
    declare.apply(project, read_plan(kept))
    assert len(get(project)) == 2
    with pytest.raises(RefusedError, match="the estate was changed since it was made; plan again"):
        declare.apply(project, read_plan(kept))
    with pytest.raises(NotFoundError):
        read_plan(tmp_path / "none.json")


def test_an_export_applied_again_changes_nothing(project, tmp_path):
    made = initialise(project.home, tmp_path / "estate", {})
    applied(project, [made.estate])
    text = export(project)
    (tmp_path / "estate" / "workloads.yaml").unlink()
    for old in (tmp_path / "estate").glob("*.yaml"):
        old.unlink()
    plan = declare.plan(project, write(tmp_path, text, "estate/all.yaml"))
    assert {change.action.value for change in plan.changes} == {"move"}
    assert [change.fields[0].path for change in plan.changes] == ["file"] * 11


def test_a_diff_shows_what_a_person_wrote(project, tmp_path):
    applied(project, write(tmp_path, team("a") + team("b")))
    (found,) = declare.diff(project, write(tmp_path, team("a", "Bank") + team("b")))
    assert [line for line in found.lines if "unit" in line] == ["-  unit: Retail", "+  unit: Bank"]


def test_init_leaves_what_is_there(tmp_path):
    home, estate = tmp_path / ".watermaster", tmp_path / "estate"
    first = initialise(home, estate, {"organisation": 'A "B" C', "currency": "EUR"})
    again = initialise(home, estate, {"currency": "USD"})
    assert len(first.made) == 7
    assert again.made == []
    assert 'organisation: "A \\"B\\" C"' in (home / "config.yaml").read_text()


def test_a_new_tag_key_is_filled_in_for_charges_that_came_before(project, tmp_path):
    tags = ['{"cost-center":"4711","app":"chat"}', '{"app":"a/b"}', None]
    months = ["2026-04", "2026-05", "2026-05"]
    store(project, "charges", [
        charge("aws", month, n, "1.5", tags=text)
        for n, (month, text) in enumerate(zip(months, tags, strict=True), 1)
    ])  # fmt: skip
    before = rows_of(project, "charges")
    policy = (
        "---\napiVersion: watermaster/v1\nkind: TagPolicy\nmetadata: {name: t}\n"
        "spec: {tags: [{key: cost-center}, {key: app}]}\n"
    )
    done = applied(project, write(tmp_path, policy + team("a")))
    assert done.columns == ["tag_app", "tag_cost_center"]
    after = sorted(rows_of(project, "charges"), key=lambda row: row["charge_row"])
    assert [(row.pop("tag_cost_center"), row.pop("tag_app")) for row in after] == [
        ("4711", "chat"), (None, "a/b"), (None, None)
    ]  # fmt: skip
    assert after == sorted(before, key=lambda row: row["charge_row"])
    assert done.revision == "r2"


@pytest.mark.parametrize("step", ["begun", "charges-written", "charges-committed", "head-ready",
                                  "head-moved"])  # fmt: skip
def test_an_apply_killed_at_any_step_is_made_good_by_the_next(project, tmp_path, step):
    charges = [
        charge("aws", month, 1, "1.5", tags='{"app":"chat"}') for month in ("2026-04", "2026-05")
    ]
    store(project, "charges", charges)
    policy = (
        "apiVersion: watermaster/v1\nkind: TagPolicy\nmetadata: {name: t}\n"
        "spec: {tags: [{key: app}]}\n"
    )
    paths = write(tmp_path, policy + team("a"))

    def die(event: object) -> None:
        if event == Step(f"apply.{step}"):
            raise KeyboardInterrupt

    mortal = replace(project, tell=die)
    with pytest.raises(KeyboardInterrupt):
        applied(mortal, paths)
    applied(project, paths)
    assert [row["tag_app"] for row in rows_of(project, "charges")] == ["chat", "chat"]
    assert len(get(project)) == 2
    with project.ledger.records.connect() as connection:
        assert broken_links(connection) == []


def test_a_closed_month_is_not_touched_by_a_new_tag_key(project, tmp_path):
    store(project, "charges", [
        charge("aws", month, 1, "1.5", tags='{"app":"chat"}') for month in ("2026-04", "2026-05")
    ])  # fmt: skip
    with project.ledger.records.begin() as connection:
        connection.execute(CLOSES.insert().values(
            id="close-2026-04", month="2026-04", revision=1, at="", actor="", snapshots="{}",
            gaps="[]",
        ))  # fmt: skip
    applied(project, write(tmp_path, team("a", more="").replace(
        "unit: Retail", "unit: Retail, selectors: [{tags: {app: chat}}]")))  # fmt: skip
    found = {row["billing_month"]: row["tag_app"] for row in rows_of(project, "charges")}
    assert found == {"2026-04": None, "2026-05": "chat"}


def test_an_openslo_document_is_kept_as_it_came_and_found_again(project, tmp_path):
    text = (
        "---\napiVersion: openslo/v1\nkind: SLO\nmetadata:\n  name: chat-latency\nspec:\n"
        "  service: chat\n  objectives:\n    - target: 0.99\n"
    )
    paths = write(tmp_path, text + team("a"))
    applied(project, paths)
    assert applied(project, paths).plan.changes == []
    assert export(project, ["slo"]) == text.removeprefix("---\n")
    (found,) = get(project, "SLOs")
    assert found.resource.spec["spec"]["objectives"] == [{"target": 0.99}]
