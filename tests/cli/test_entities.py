"""wm workload|model|dataset|platform: listed, shown, owned, retired; YAML stays in step."""

import json

import pytest

from watermaster.cli.main import run

ESTATE = """\
apiVersion: watermaster/v1
kind: Team
metadata: {name: rag}
spec: {unit: Care}
---
apiVersion: watermaster/v1
kind: Team
metadata: {name: ops}
spec: {unit: Platform}
---
apiVersion: watermaster/v1
kind: Team
metadata: {name: new}
spec: {unit: Care}
---
apiVersion: watermaster/v1
kind: Model
metadata: {name: llama, owner: rag}   # the base of most
spec: {purpose: chat}
---
apiVersion: watermaster/v1
kind: Dataset
metadata: {name: notes, owner: rag}
spec: {locations: [s3://notes], classification: health}
---
apiVersion: watermaster/v1
kind: Platform
metadata: {name: fra, owner: ops}
spec: {type: kubernetes}
---
# answers questions about notes
apiVersion: watermaster/v1
kind: Workload
metadata: {name: reader, owner: rag}
spec: {purpose: online-inference, model: llama, datasets: [notes], selectors: [{namespace: rag}]}
"""


@pytest.fixture
def wm(tmp_path, monkeypatch, capsys):
    """A small estate that was applied; run one command line: code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "estate").mkdir()
    (tmp_path / "estate" / "all.yaml").write_text(ESTATE)

    def call(line: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run(line.split())
        told = capsys.readouterr()
        return code, told.out, told.err

    assert run(["init"]) == 0
    assert run(["apply", "-f", "estate/all.yaml", "--yes"]) == 0
    return call


@pytest.mark.parametrize(
    ("noun", "name"),
    [("workload", "reader"), ("model", "llama"), ("dataset", "notes"), ("platform", "fra")],
)
def test_owned_and_retired_in_the_ledger_and_in_the_yaml(wm, tmp_path, noun, name):
    file = tmp_path / "estate" / "all.yaml"
    code, told, _ = wm(f"{noun} own {name} --team new --yes")
    assert (code, "estate/all.yaml says so too" in told) == (0, True), told
    assert "+  owner: new" in told
    assert wm("plan -f estate/all.yaml")[0] == 0  # nothing is left to apply
    code, told, _ = wm(f"{noun} retire {name} --at 2026-01-31 --yes")
    assert code == 0
    assert wm("plan -f estate/all.yaml")[0] == 0
    text = file.read_text()
    assert "# the base of most" in text
    assert "# answers questions about notes" in text
    assert "2026-01-31" in text
    held = json.loads(wm(f"get {noun} {name} -o json")[1])
    assert held["metadata"]["owner"] == "new"


def test_what_is_so_already_changes_nothing(wm, tmp_path):
    before = (tmp_path / "estate" / "all.yaml").read_text()
    code, told, _ = wm("workload own reader --team rag --yes")
    assert (code, "nothing was changed; it is so already" in told) == (0, True)
    assert (tmp_path / "estate" / "all.yaml").read_text() == before


def test_yaml_that_is_gone_is_said_so(wm, tmp_path):
    (tmp_path / "estate" / "all.yaml").unlink()
    _, told, _ = wm("workload own reader --team ops --yes")
    assert "estate/all.yaml was not changed: say it there too" in told


@pytest.mark.parametrize(
    ("line", "code", "told"),
    [
        (
            "workload own reader --team opps --yes",
            5,
            "team opps: is not declared; write ops",
        ),
        (
            "workload own raeder --team ops --yes",
            5,
            "workload raeder: is not declared; write reader",
        ),
        ("workload own reader --team ops --no-input", 3, "a change needs a yes; add --yes"),
        ("model retire llama --at tomorrow --yes", 3, "'tomorrow' is no day; write YYYY-MM-DD"),
    ],
)
def test_what_cannot_be_said_is_told_with_what_to_do(wm, line, code, told):
    found, _, error = wm(line)
    assert found == code
    assert told in error


def test_without_bills_and_telemetry_a_list_says_what_is_missing(wm):
    code, _, error = wm("model list")
    assert code == 5
    assert "has nothing allocated or seen yet; run wm sync" in error
