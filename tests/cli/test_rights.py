"""Every command needs a right that one table declares; a token in WM_TOKEN is held to it."""

import datetime as dt

import pytest

from tests.flows.small import declare, resource
from tools import reference_cli
from watermaster.cli.main import run
from watermaster.cli.rights import ADMINISTER, RIGHTS, WITHOUT, rule_of
from watermaster.flows.open import create_project
from watermaster.flows.tokens import TokenAsked, create_token
from watermaster.model.identity import Role


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("WM_HOME", str(tmp_path / "home"))
    project = create_project(tmp_path / "home")
    declare(project, resource("Team", "claims", {"unit": "Claims"}),
            resource("Team", "care", {"unit": "Care"}))  # fmt: skip
    return project


def token(project, role, *teams):
    ends_at = project.ledger.clock() + dt.timedelta(days=1)
    asked = TokenAsked(name=f"{role}-{len(teams)}", role=role, teams=teams, ends_at=ends_at)
    return create_token(project, asked).secret


def test_every_command_has_a_right_and_every_right_a_command():
    known = {name.removeprefix("wm ") for name, _ in reference_cli.commands()}
    ingest = {name for name in known if name.startswith("ingest ")}
    served, declared = known - ingest - WITHOUT, RIGHTS.keys() - {"ingest"}
    assert not served - declared, "declare them in cli/rights.py"
    assert not declared - served


def test_a_command_nobody_thought_of_needs_the_right_to_administer():
    assert rule_of("wm finding explode") is ADMINISTER
    assert rule_of("wm ingest focus") is RIGHTS["ingest"]


def test_a_token_runs_what_it_may_and_nothing_else(home, monkeypatch, capsys):
    monkeypatch.setenv("WM_TOKEN", token(home, Role.VIEWER, "claims"))
    assert run(["whoami"]) == 0
    assert "token/viewer-1 (service)" in capsys.readouterr().out
    assert run(["get", "Team"]) == 0
    for refused in (
        ["glass", "list"],
        ["savings", "show"],
        ["apply", "-f", "."],
        ["audit", "verify"],
    ):
        assert run(refused) == 4, refused
    assert run(["token", "create", "mine", "--role", "admin", "--days", "1"]) == 4
    monkeypatch.setenv("WM_TOKEN", "wmt_made-up")
    assert run(["get", "Team"]) == 4
    assert "made-up" not in capsys.readouterr().err


def test_where_people_sign_in_nobody_chooses_a_name(home, monkeypatch, capsys):
    (home.home / "config.yaml").write_text(
        "signIn: {issuer: 'https://id.example', clientId: w, publicUrl: 'https://w.example'}\n"
    )
    monkeypatch.setenv("WM_ACTOR", "ada@example.com")
    assert run(["whoami"]) == 0
    told = capsys.readouterr().out
    assert "ada@example.com" not in told
    assert told.startswith("local/")


def test_other_addresses_need_sign_in_and_encryption(home, capsys):
    assert run(["serve", "--host", "0.0.0.0"]) == 3
    assert "nobody signs in" in capsys.readouterr().err
    (home.home / "config.yaml").write_text(
        "signIn: {issuer: 'https://id.example', clientId: w, publicUrl: 'https://w.example'}\n"
    )
    assert run(["serve", "--host", "0.0.0.0"]) == 3
    assert "nothing encrypts them" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ("issuer: 'http://id.example', clientId: w, publicUrl: 'https://w'", "impersonated"),
        ("issuer: 'https://id.example', clientId: w, publicUrl: 'http://w'", "plainHttp"),
        ("issuer: 'https://id', clientId: w, publicUrl: 'https://w/x'", "no address"),
        ("issuer: 'https://id', clientId: w, publicUrl: 'https://w', scopes: [email]", "openid"),
    ],
)
def test_a_setting_that_is_not_safe_is_refused(home, capsys, wrong, told):
    (home.home / "config.yaml").write_text(f"signIn: {{{wrong}}}\n")
    assert run(["whoami"]) != 0
    assert told in capsys.readouterr().err
