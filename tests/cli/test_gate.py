"""`wm gate|evidence|waiver`: what is missing is said, given, and then let pass."""

import json

import pytest

from tests.flows.registry_work import MODEL, digest, registry_at
from watermaster.cli.main import run
from watermaster.flows.gates import rule
from watermaster.flows.open import open_project
from watermaster.ledger.audit import chained
from watermaster.ledger.registry_records import STANDINGS
from watermaster.model.gates import Change


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("WM_ACTOR", "ben@example.com")
    project = registry_at(tmp_path / "home", 3)
    project.ledger.records.dispose()
    return tmp_path / "home"


def wm(home, *words):
    return run(["--home", str(home), *words])


def test_what_is_missing_is_named_and_how_to_give_it(home, capsys):
    assert wm(home, "gate", "explain", MODEL, "3") == 2
    assert f"give it: wm evidence add scan {MODEL} 3 ..." in capsys.readouterr().out
    assert wm(home, "gate", "explain", MODEL, "3", "-o", "json") == 2
    reasons = json.loads(capsys.readouterr().out)["reasons"]
    assert reasons[0]["missing"] == ["evidence.evaluation.metrics.accuracy"]


def test_given_it_passes_and_the_evidence_is_listed(home, capsys, monkeypatch, tmp_path):
    (tmp_path / "e.json").write_text('{"dataset": "claims 7", "cases": 900}')
    file = str(tmp_path / "e.json")
    words = ("evaluation", MODEL, "3", "-f", file, "metrics.accuracy=0.94")
    assert wm(home, "evidence", "add", *words) == 0
    assert (
        wm(home, "evidence", "add", "scan", MODEL, "3", "tool=trivy", "critical=0", "high=2") == 0
    )
    assert wm(home, "evidence", "add", "approval", MODEL, "3", "says=fit for production") == 0
    monkeypatch.setenv("WM_ACTOR", "dan@example.com")
    assert wm(home, "gate", "explain", MODEL, "3") == 0
    capsys.readouterr()
    assert wm(home, "evidence", "list", MODEL, "3", "-o", "json") == 0
    kinds = [one["kind"] for one in json.loads(capsys.readouterr().out)]
    assert kinds == ["evaluation", "scan", "approval"]


def test_a_slot_nobody_guards_is_said_to_be_open(home, capsys):
    assert wm(home, "gate", "explain", MODEL, "3", "--to", "alias/candidate") == 0
    assert "no gate guards alias/candidate" in capsys.readouterr().out


def test_a_waiver_is_asked_granted_and_ended(home, capsys, monkeypatch):
    words = ("production/safe", MODEL, "3", "--until", "2026-12-31", "--why", "mended")
    assert wm(home, "waiver", "ask", *words) == 0
    capsys.readouterr()
    assert wm(home, "waiver", "list", "-o", "json") == 0
    (one,) = json.loads(capsys.readouterr().out)
    assert wm(home, "waiver", "grant", one["id"], "--yes") == 4  # who asked for it
    monkeypatch.setenv("WM_ACTOR", "cleo@example.com")
    assert wm(home, "waiver", "grant", one["id"][:6], "--yes") == 0
    assert wm(home, "waiver", "end", one["id"], "--why", "over") == 0
    capsys.readouterr()
    assert wm(home, "waiver", "list") == 0
    assert "over" in capsys.readouterr().out


def test_a_gate_that_is_not_declared_yet_is_held_against_history(home, capsys, tmp_path):
    project = open_project(home)
    with chained(project.ledger.records) as connection:
        row = {"model": MODEL, "version": 3, "slot": "alias/prod", "set_by": "ada@example.com",
               "from_at": "2026-10-13T00:00:00+00:00"}  # fmt: skip
        connection.execute(STANDINGS.insert().values(**row))
    (tmp_path / "gate.yaml").write_text(
        "apiVersion: watermaster/v1\nkind: Gate\nmetadata: {name: strict}\n"
        "spec: {require: [{name: safe, condition: evidence.scan.critical == 0}]}\n"
    )
    assert wm(home, "gate", "test", "-f", str(tmp_path / "gate.yaml")) == 2
    assert "1 of 1 past promotions would not have passed" in capsys.readouterr().out
    assert wm(home, "gate", "test", "nowhere") == 3


def test_what_the_gates_said_is_listed_and_explained(home, capsys):
    project = open_project(home, actor="ada@example.com")
    change = Change(model=MODEL, version=3, digest=digest(3), gains=frozenset({"alias/prod"}),
                    way="registered-models/alias")  # fmt: skip
    with chained(project.ledger.records) as connection:
        ruling = rule(connection, project, change)
    assert wm(home, "gate", "rulings") == 0
    assert ruling.id in capsys.readouterr().out
    assert wm(home, "gate", "explain", ruling.id) == 0
    assert "asked by ada@example.com" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("evidence", "add", "scan", MODEL, "3", "critical"), 3),
        (("evidence", "add", "scna", MODEL, "3", "critical=0"), 3),
        (("evidence", "add", "scan", MODEL, "3", "a=1", "a.b=2"), 3),
        (("evidence", "add", "scan", MODEL, "9", "tool=x", "critical=0", "high=0"), 5),
        (("evidence", "add", "scan", MODEL, "3", "-f", "nowhere.json"), 1),
        (("gate", "explain", "nowhere", "3"), 5),
        (("gate", "explain", "0000"), 5),
        (("waiver", "ask", "production/safe", MODEL, "--until", "soon", "--why", "x"), 3),
    ],
)
def test_mistakes_are_told_with_their_exit_code(home, words, code):
    assert wm(home, *words) == code
