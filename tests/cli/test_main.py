"""The command line itself: help, options everywhere, errors and exit codes."""

import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from watermaster.cli.call import the_call
from watermaster.cli.main import known_commands, run
from watermaster.ledger.migrate import NEWEST


def test_help_imports_no_engine():
    code = (
        "import sys; from watermaster.cli.main import run; run(['--help']);"
        "print([m for m in ('duckdb','ibis','pyarrow','sqlalchemy','rich','ruamel.yaml',"
        "'pyiceberg') if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stderr.strip() == "[]"
    assert all(command.name in done.stdout for command in known_commands())


@pytest.mark.parametrize("line", ["-o json completion bash", "completion bash -o json",
                                  "-o csv completion -o json bash"])  # fmt: skip
def test_options_may_stand_before_or_after_the_command(line, capsys):
    assert run(line.split()) == 0
    assert the_call().output == "json"


def test_asking_for_records_imports_no_engine():
    code = (
        "import sys, watermaster.flows.declare, watermaster.flows.resources;"
        "print([m for m in ('duckdb', 'ibis', 'pyarrow', 'pyiceberg') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"


def test_an_unknown_command_is_a_usage_error_with_the_nearest_name(capsys):
    assert run(["complet"]) == 3
    assert capsys.readouterr().err == (
        "wm: No such command 'complet'. Did you mean 'completion'?; see wm --help\n"
    )


def test_a_wrong_option_value_is_a_usage_error(capsys):
    assert run(["completion", "dash"]) == 3
    assert capsys.readouterr().err == (
        "wm completion: Invalid value for 'shell': 'dash' is not one of 'bash', 'zsh', 'fish'; "
        "see wm completion --help\n"
    )


def test_bare_wm_shows_help(capsys):
    assert run([]) == 0
    assert "Commands:" in capsys.readouterr().out


@pytest.mark.parametrize(("shell", "sign"), [("bash", "COMPREPLY"), ("zsh", "compdef"),
                                             ("fish", "complete --")])  # fmt: skip
def test_completion_prints_a_script_of_the_shell(shell, sign, capsys):
    assert run(["completion", shell]) == 0
    assert sign in capsys.readouterr().out


def test_a_defect_is_one_sentence_and_debug_adds_the_trace(capsys, tmp_path):
    home = str(tmp_path)
    with closing(sqlite3.connect(tmp_path / "records.db")) as records, records:
        records.execute("CREATE TABLE alembic_version (version_num TEXT)")
        records.execute("INSERT INTO alembic_version VALUES (?)", [NEWEST])  # and no other table
    assert run(["get", "--home", home]) == 1
    told = capsys.readouterr().err
    assert told.startswith("wm: OperationalError: ")
    assert told.rstrip().endswith(
        "this is a defect: run it again with --debug and report what it prints"
    )
    assert run(["get", "--home", home, "--debug"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_a_reader_that_leaves_early_is_no_error(tmp_path):
    code = "from watermaster.__main__ import main; main()"
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -c '{code}' schema 2>err | head -n 1"],
        capture_output=True, text=True, check=True, timeout=60, cwd=tmp_path,
    )  # fmt: skip
    assert done.stdout == "{\n"
    assert (tmp_path / "err").read_text() == ""


def test_the_version_is_told(capsys):
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("wm 0.")


@pytest.mark.parametrize(("held", "what"), [
    ("no database at all, " * 100, "the disk or the file is damaged (file is not a database)"),
    ("", "hold no ledger: it was never begun, or records.db is lost"),
])  # fmt: skip
def test_damaged_records_are_told_and_no_defect(held, what, capsys, tmp_path):
    (tmp_path / "records.db").write_text(held)
    assert run(["get", "--home", str(tmp_path)]) == 1
    told = capsys.readouterr().err
    assert what in told
    assert "defect" not in told


def test_a_terminal_obeys_nothing_that_an_error_quotes(capsys):
    assert run(["get", "--home", "no\x1b[2Jwhere"]) == 5
    assert "no\\x1b[2Jwhere: there is no ledger here" in capsys.readouterr().err


@pytest.mark.parametrize("line", ["cost show --most 0", "cost show --most -1",
                                  "cost why a:\u00b2", "cost why a:one"])  # fmt: skip
def test_a_number_that_is_none_is_a_usage_error(line, capsys):
    assert run(line.split()) == 3
    assert "defect" not in capsys.readouterr().err


def test_a_file_that_cannot_be_written_is_named(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    home, out = str(tmp_path / "home"), tmp_path / "nowhere" / "estate.yaml"
    assert run(["init", "--home", home, "-q"]) == 0
    assert run(["export", "--home", home, "--out", str(out)]) == 3
    assert capsys.readouterr().err == (
        f"{out}: No such file or directory; name a file that can be written\n"
    )


@pytest.mark.parametrize(("settings", "what"), [
    ("{{{", "is not YAML ("), ("currency: 5", "currency: Input should be a valid string"),
])  # fmt: skip
def test_bad_settings_fail_and_are_no_findings(settings, what, capsys, tmp_path):
    (tmp_path / "config.yaml").write_text(settings)
    assert run(["status", "--home", str(tmp_path)]) == 1
    told = capsys.readouterr().err
    assert told.startswith(f"{tmp_path / 'config.yaml'}: {what}")
    assert told.count("\n") == 1


def test_a_file_in_the_place_of_a_home_is_told(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "home").write_text("mine")
    for line in ("init", "status"):
        assert run([line, "--home", str(tmp_path / "home")]) in {1, 5}
        assert "defect" not in capsys.readouterr().err
