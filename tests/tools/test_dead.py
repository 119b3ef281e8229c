"""What nothing names is found; records, routes and tests are left alone."""

from pathlib import Path

from tools import dead

SOURCE = """
import dataclasses
import json

@dataclasses.dataclass
class Row:
    cost: int
    owner: str

class Forgotten:
    def stray(self):
        return 1

@app.get("/")
def route():
    return Row(1, "a")

def called():
    return 1

def orphan():
    return called()

def test_claim():
    pass
"""


def test_dead_functions_classes_and_imports_are_found_and_nothing_else(tmp_path: Path):
    (tmp_path / "a.py").write_text(SOURCE)
    found = dead.dead([tmp_path])
    assert [finding.split(": ", 1)[1] for finding in sorted(found, key=_line)] == [
        "unused import 'json'; remove it, or call it",
        "unused class 'Forgotten'; remove it, or call it",
        "unused method 'stray'; remove it, or call it",
        "unused function 'orphan'; remove it, or call it",
    ]


def _line(finding: str) -> int:
    return int(finding.rsplit(":", 2)[1])
