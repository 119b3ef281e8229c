"""Every figure of the tour is what its command prints on the demo."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

TOUR = Path(__file__).parents[1] / "docs" / "tour.md"
LINE = re.compile(r"^\d+\. (?P<told>.*): `(?P<command>[^`]+)`$", re.MULTILINE)
FIGURE = re.compile(r"\*\*([\d,.]+)\*\*")


def wm(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "watermaster", *arguments],
        capture_output=True, text=True, check=False, env=os.environ | {"COLUMNS": "200"},
    )  # fmt: skip
    assert done.returncode in {0, 2}, done.stderr  # 2: there are findings
    return done.stdout


@pytest.mark.deep  # a year of demo
def test_every_figure_of_the_tour_is_what_its_command_prints(tmp_path: Path):
    wm("demo", "--no-serve", "--quiet", "--home", str(tmp_path / "demo"))
    home = str(tmp_path / "demo" / "home")
    lines = LINE.findall(TOUR.read_text())
    printed = {command: wm("--home", home, *command.split()) for _, command in lines}
    missing = [
        (figure, command)
        for told, command in lines
        for figure in FIGURE.findall(told)
        if figure not in printed[command].split()
    ]
    assert missing == []
    done = printed["finding fix d107e25755ce --approve newest --yes"]
    assert "replicas=0" in done
    assert " done" in done
    assert "undone" in printed["finding undo d107e25755ce --yes"]
    assert "decline" in printed["review close 2026-10 --yes"]
    explained = json.loads(printed["gate explain claims-triage 13 -o json"])
    against = [one["requirement"] for one in explained["reasons"] if one["verdict"] == "refused"]
    assert against == ["accurate", "fair", "approved"]
    assert "production/fair" in printed["waiver list -o csv"]
    assert "weights.bin" in printed["model verify claims-triage 11"]
    assert "rows follow from each other" in printed["audit verify"]
    assert "refused" in printed["gate check claims-triage/13"]
    assert len(lines) == 32
