"""`wm estate adopt`: from a ledger that nobody declared anything for."""

import json

import pytest

from tests.flows.small import Clock, charge, project_at, store, supplied, used
from watermaster.cli.main import run

MONTH = "2026-09"


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Two teams' bills and pods; the home lies in the folder the test stands in."""
    monkeypatch.chdir(tmp_path)
    project = project_at(tmp_path / "home", Clock("2026-10-05T08:00:00"))
    tags = [
        '{"app":"reader","team":"rag"}', '{"app":"score","team":"fraud"}', '{"team":"rag"}', None,
    ]  # fmt: skip
    store(project, "charges", [
        charge("aws", MONTH, n, str(10 * n), resource_id=f"i-{n % 3}", tags=held)
        for n, held in enumerate(tags, 1)
    ])  # fmt: skip
    day = f"{MONTH}-05"
    store(project, "subjects", [
        {"source": "k8s", "day": day, "platform": "fra", "subject_kind": "pod",
         "subject_uid": f"{team}/{team}-0", "namespace": team, "labels": f'{{"app":"{app}"}}'}
        for team, app in (("rag", "reader"), ("fraud", "score"))
    ])  # fmt: skip
    store(project, "gpu_hours", [
        used(day, "n-1", hour, f"{team}/{team}-0", 3600 // hour, model="L40S")
        for hour, team in ((1, "rag"), (2, "fraud"))
    ])  # fmt: skip
    store(project, "gpu_supply", [
        supplied(day, node, 1, 8 * 3600, model="L40S") for node in ("n-1", "n-2")
    ])  # fmt: skip
    return tmp_path / "home"


def wm(home, *words):
    return run(["--home", str(home), *words])


def listed(capsys, home):
    assert wm(home, "estate", "adopt", "-o", "json") == 0
    return json.loads(capsys.readouterr().out)


def test_three_commands_lead_from_nothing_to_owners(home, capsys):
    found = listed(capsys, home)
    assert {"Team", "Workload", "Pool", "Platform"} <= {one["kind"] for one in found["proposals"]}
    assert all(one["reason"] and 0 < one["confidence"] <= 1 for one in found["proposals"])

    assert wm(home, "estate", "adopt", "--accept", "all") == 0
    assert wm(home, "allocate") == 0
    capsys.readouterr()
    assert wm(home, "cost", "by", "team", "-o", "json") == 0
    costs = {row["team"]: float(row["cost"]) for row in json.loads(capsys.readouterr().out)["rows"]}
    assert costs["rag"] == 5 + 20 + 15  # its tagged rows, and the row of i-1 without any tag
    assert costs["fraud"] == 10


def test_what_was_accepted_is_not_proposed_again(home, capsys):
    before = listed(capsys, home)
    assert wm(home, "estate", "adopt", "--accept", "all") == 0
    capsys.readouterr()
    after = {(one["kind"], one["name"]) for one in listed(capsys, home)["proposals"]}
    sure = {(one["kind"], one["name"]) for one in before["proposals"] if one["confidence"] >= 0.6}
    assert sure
    assert not after & sure


def test_some_may_be_accepted_and_the_rest_edited(home, capsys):
    assert wm(home, "estate", "adopt", "--accept", "team/rag", "--accept", "Platform/fra") == 0
    assert wm(home, "get", "team", "-o", "json") == 0
    assert '"rag"' in capsys.readouterr().out
    assert wm(home, "estate", "adopt", "--write", "yaml") == 0
    assert wm(home, "apply", "-f", "yaml", "--yes") == 0


def test_a_name_that_is_not_proposed_is_told(home, capsys):
    assert wm(home, "estate", "adopt", "--accept", "Team/nobody") == 5
    assert "Team/nobody: is not proposed" in capsys.readouterr().err
