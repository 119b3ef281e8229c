"""What pages show of the command line is what the command line prints.

A fence of kind `console` is a transcript: `$ command`, then its output; `...` stands for
anything. The transcripts of one page run one after the other, in a copy of examples/.
"""

import doctest
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def transcripts(page: Path) -> list[tuple[str, str]]:
    """Command and expected output of each step of a page."""
    steps = []
    for fence in FENCE.findall(page.read_text()):
        for step in re.split(r"^\$ ", fence, flags=re.MULTILINE)[1:]:
            command, _, expected = step.partition("\n")
            steps.append((command, expected))
    return steps


PAGES = sorted(p for p in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")] if transcripts(p))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_shows_what_the_commands_print(page: Path, tmp_path: Path):
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    wm = tmp_path / "bin" / "wm"
    wm.parent.mkdir()
    wm.write_text(f'#!/bin/sh\nexec {sys.executable} -m watermaster "$@"\n')
    wm.chmod(0o755)
    folder, checker = tmp_path, doctest.OutputChecker()
    for command, expected in transcripts(page):
        if command.startswith("cd "):
            folder /= command.removeprefix("cd ")
            continue
        done = run(command, folder, wm.parent)
        said = done.stdout + done.stderr
        assert checker.check_output(expected, said, FLAGS), f"$ {command}\n{said}"


def run(command: str, folder: Path, tools: Path) -> subprocess.CompletedProcess[str]:
    """One step, as a person would see it on a terminal of 100 columns without colour."""
    environment = {
        "PATH": f"{tools}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT / "src"),
        "COLUMNS": "100",
        "NO_COLOR": "1",
    }
    return subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
