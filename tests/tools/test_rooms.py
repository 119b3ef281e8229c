"""The import contracts refuse what they are there to refuse."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def lint(tmp_path: Path):
    """Lint a copy of the source with one more file in it; what the linter says, and its code."""
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / ".importlinter", tmp_path)

    def run(name: str, text: str) -> tuple[int, str]:
        (tmp_path / "src" / "watermaster" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "src" / "watermaster" / name).write_text(text)
        done = subprocess.run(
            [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(tmp_path / "src"), "COLUMNS": "200"},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout

    return run


@pytest.mark.parametrize(
    ("name", "text", "broken"),
    [
        ("decide/cost/bad.py", "import os\n", "Deciding touches no disk"),
        ("units/bad.py", "import random\n", "Deciding touches no disk"),
        ("observe/bad.py", "import watermaster.ledger\n", "Data flows one way"),
        ("decide/bad.py", "import watermaster.flows\n", "Data flows one way"),
        ("brandnew/__init__.py", "", "Data flows one way"),
        ("flows/bad.py", "import rich\n", "Web and terminal libraries"),
        ("serve/bad.py", "import watermaster.testing\n", "Nobody but the demo command"),
    ],
)
def test_a_wrong_import_breaks_its_contract(lint, name: str, text: str, broken: str):
    code, said = lint(name, text)
    assert code == 1
    assert any(broken in line and " BROKEN" in line for line in said.splitlines())


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("flows/fine.py", "import watermaster.ledger\nimport watermaster.decide\n"),
        ("cli/demo.py", "import watermaster.testing\n"),
        ("testing/fine.py", "import watermaster.cli\nimport os\n"),
    ],
)
def test_an_allowed_import_breaks_none(lint, name: str, text: str):
    code, said = lint(name, text)
    assert code == 0, said
