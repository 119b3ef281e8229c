"""The command line itself: help, options everywhere, errors and exit codes."""

import subprocess
import sys

import pytest

from watermaster.cli.call import the_call
from watermaster.cli.main import known_commands, run


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
    (tmp_path / "records.db").write_text("no database at all, " * 100)
    assert run(["get", "--home", str(tmp_path)]) == 1
    told = capsys.readouterr().err
    assert told.startswith("wm: DatabaseError: ")
    assert told.rstrip().endswith(
        "this is a defect: run it again with --debug and report what it prints"
    )
    assert run(["get", "--home", str(tmp_path), "--debug"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_a_reader_that_leaves_early_is_no_error(tmp_path):
    code = "from watermaster.__main__ import main; main()"
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -c '{code}' schema 2>err | head -n 1"],
        capture_output=True, text=True, check=True, timeout=60, cwd=tmp_path,
    )  # fmt: skip
    assert done.stdout == "{\n"
    assert (tmp_path / "err").read_text() == ""
