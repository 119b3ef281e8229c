"""init, validate, plan, apply, diff, get, describe, export, schema as a person types them."""

import json

import pytest

from watermaster.cli.main import run
from watermaster.model.resources import KINDS


@pytest.fixture
def wm(tmp_path, monkeypatch, capsys):
    """Run one command line in a folder of its own; code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)

    def call(line: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run(line.split())
        told = capsys.readouterr()
        return code, told.out, told.err

    return call


def test_from_nothing_to_an_applied_estate(wm, tmp_path):
    code, out, _ = wm("init --currency EUR")
    assert code == 0
    assert "next: wm validate -f estate, then wm apply -f estate" in out
    assert wm("validate")[1].endswith("11 resources in 5 files are good\n")
    code, out, _ = wm("plan -f estate --out plan.json")
    assert code == 2
    assert "11 create, 0 unchanged" in out
    code, out, _ = wm("apply --plan plan.json")
    assert (code, out.splitlines()[-1]) == (0, "applied as r1: 11 create, 0 unchanged")
    code, out, _ = wm("plan")
    assert (code, out.split(": ")[1]) == (0, "11 unchanged\n")
    assert json.loads(wm("get team platform -o json")[1])["spec"]["costCenter"] == "1000"
    assert wm("get teams -o csv --columns name,owner")[1] == "name,owner\nassistants,\nplatform,\n"
    pool = wm("get pools -o yaml")[1]
    assert "amount: 1200000\n" in pool
    assert "from: 2026-01-01\n" in pool
    (tmp_path / "pool.yaml").write_text(pool)
    assert wm("plan -f pool.yaml")[1].count("move ") == 1
    assert wm("describe pool/h100-fra")[1] == wm("describe pool h100-fra")[1]
    assert wm("get pool/h100-fra -o json")[1] == wm("get pool h100-fra -o json")[1]
    assert "named by" in wm("describe pool h100-fra")[1]
    assert wm("export team")[1].count("kind: Team") == 2
    code, out, err = wm("get pool h1000-fra")
    assert (code, out, err) == (5, "", "Pool h1000-fra: is not declared; write h100-fra\n")


def test_deletes_need_a_word_and_a_yes(wm, tmp_path):
    wm("init")
    wm("apply")
    (tmp_path / "estate/rules.yaml").unlink()
    assert wm("plan")[1] == (
        "2 no longer declared, and kept: AllocationRule support-plan, TagPolicy tags; "
        "--prune deletes them\nplan " + wm("plan -o json")[1].split('"')[3] + ": 9 unchanged\n"
    )
    assert wm("apply --prune --no-input")[::2] == (
        3, "wm: deleting 2 resources needs a yes; add --yes\n"
    )  # fmt: skip
    assert wm("apply --prune --dry-run")[0] == 0
    assert wm("apply --prune --yes")[1].splitlines()[-1] == "applied as r2: 2 delete, 9 unchanged"
    (tmp_path / "estate/workloads.yaml").unlink()
    (tmp_path / "estate/pools.yaml").unlink()
    assert wm("get -o csv --columns kind")[1].count("\n") == 10


def test_a_diff_exits_2_when_there_are_changes(wm, tmp_path):
    wm("init")
    wm("apply")
    assert wm("diff")[:2] == (0, "")
    pools = tmp_path / "estate/pools.yaml"
    pools.write_text(pools.read_text().replace("count: 32", "count: 40"))
    code, out, _ = wm("diff")
    assert code == 2
    assert [line for line in out.splitlines() if "count" in line] == [
        "-  count: 32", "+  count: 40"
    ]  # fmt: skip


def test_faults_go_to_stderr_all_at_once_and_exit_2(wm, tmp_path):
    (tmp_path / "a.yaml").write_text("kind: Temas\napiVersion: v1\n")
    code, out, err = wm("validate -f a.yaml")
    assert (code, out) == (2, "")
    assert err == (
        "a.yaml:1:7: unknown kind 'Temas'; write Team\n"
        "a.yaml:2:13: apiVersion is 'v1'; "
        "write apiVersion: watermaster/v1 (or openslo/v1 for OpenSLO documents)\n"
        "2 errors\n"
    )


@pytest.mark.parametrize(("line", "code", "told"), [
    ("plan", 5, ".watermaster: there is no ledger here; run wm init, or name --home\n"),
    ("validate", 3, "wm: nothing to read; name files with -f, or make the folder estate\n"),
    ("validate -f nowhere", 5,
     "nowhere: no such file or folder; name YAML files, a folder or a glob\n"),
    ("describe pool", 3, "wm describe: names no resource; write wm describe pool NAME\n"),
    ("schema pol", 3, "kind: 'pol' is none; write Pool\n"),
    ("get team --at soon", 3, "--at: 'soon' is no date; write 2026-10-01\n"),
])  # fmt: skip
def test_each_error_is_one_sentence_with_its_exit_code(wm, line, code, told):
    assert wm(line) == (code, "", told)


def test_a_schema_says_what_the_reader_takes(wm):
    schema = json.loads(wm("schema pool")[1])
    assert schema["properties"]["spec"]["properties"]["gpusPerNode"]["default"] == 8
    assert len(json.loads(wm("schema")[1])["oneOf"]) == len(KINDS)


def test_kinds_and_names_are_completed(wm, monkeypatch):
    wm("init")
    wm("apply")
    monkeypatch.setenv("_WM_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "wm get pla")
    monkeypatch.setenv("COMP_CWORD", "2")
    assert wm("")[1] == "platform\n"
    monkeypatch.setenv("COMP_WORDS", "wm get pool ")
    monkeypatch.setenv("COMP_CWORD", "3")
    assert wm("")[1] == "h100-fra\n"


def test_a_future_resource_is_told_from_none(wm, tmp_path):
    wm("init")
    (tmp_path / "a.yaml").write_text(
        "apiVersion: watermaster/v1\nkind: Team\nmetadata: {name: later, validFrom: 2999-01-01}\n"
        "spec: {unit: u}\n"
    )
    assert wm("apply -f a.yaml")[0] == 0
    assert wm("get team later")[2] == (
        "Team later: does not hold at that moment; see wm describe team later\n"
    )
    assert wm("get team later --at 2999-01-02")[0] == 0
    assert "validFrom: 2999-01-01T00:00:00Z" in wm("get team --at 2999-01-02 -o yaml")[1]
