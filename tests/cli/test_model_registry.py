"""`wm model register|versions|promote|withdraw|history`: through the gates, and who did it."""

import json

import pytest

from tests.flows.registry_work import GATE
from tests.flows.small import Clock, declare, project_at, resource
from watermaster.cli.main import run

NAME = "claims-triage"


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("WM_ACTOR", "ada@example.com")
    project = project_at(tmp_path / "home", Clock("2026-10-01T00:00:00"))
    declare(project, resource("Gate", "production", GATE))
    project.ledger.records.dispose()
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights.bin").write_bytes(b"\x01\x02")
    return tmp_path / "home"


def wm(home, *words):
    return run(["--home", str(home), "--yes", *words])


def proven(home, monkeypatch, version="1"):
    for words in (
        ("evaluation", NAME, version, "dataset=d", "cases=9", "metrics.accuracy=0.95"),
        ("scan", NAME, version, "tool=t", "critical=0", "high=0"),
    ):
        assert wm(home, "evidence", "add", *words) == 0
    monkeypatch.setenv("WM_ACTOR", "ben@example.com")
    assert wm(home, "evidence", "add", "approval", NAME, version, "says=fit") == 0
    monkeypatch.setenv("WM_ACTOR", "ada@example.com")


def registered(home):
    place = str(home.parent / "model")
    assert wm(home, "model", "register", NAME, "--source", "s3://models/claims/1") == 0
    assert wm(home, "model", "attach", NAME, "1", "--at", place) == 0


def test_unproven_it_is_refused_with_every_reason_and_proven_it_stands(home, capsys, monkeypatch):
    registered(home)
    assert wm(home, "model", "promote", NAME, "1") == 2
    told = capsys.readouterr().err
    assert "refused for 3 reasons" in told
    proven(home, monkeypatch)
    assert wm(home, "model", "promote", NAME, "1") == 0
    capsys.readouterr()
    assert wm(home, "model", "versions", NAME, "-o", "json") == 0
    (one,) = json.loads(capsys.readouterr().out)
    assert one["aliases"] == ["prod"]


def test_what_stood_where_is_told_with_its_evidence_and_who_put_it_there(home, capsys, monkeypatch):
    registered(home)
    proven(home, monkeypatch)
    assert wm(home, "model", "promote", NAME, "1") == 0
    assert wm(home, "model", "withdraw", NAME, "1") == 0
    capsys.readouterr()
    assert wm(home, "model", "history", NAME, "-o", "json") == 0
    (one,) = json.loads(capsys.readouterr().out)
    assert one["stood"]["set_by"] == "ada@example.com"
    assert one["stood"]["ended_by"] == "ada@example.com"
    assert {given["kind"] for given in one["evidence"]} == {"evaluation", "scan", "approval"}
    assert wm(home, "model", "history", NAME, "--at", "2020-01-01") == 0
    assert "nothing stood in a slot at 2020-01-01" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("promote", NAME, "9"), 5),
        (("promote", NAME, "1", "--to", "prod"), 3),
        (("withdraw", NAME, "1"), 3),
        (("versions", "nowhere"), 5),
        (("history", NAME, "--at", "then"), 3),
    ],
)
def test_mistakes_are_told_with_their_exit_code(home, words, code):
    registered(home)
    assert wm(home, "model", *words) == code
