"""Finds functions, classes and methods that nothing names: `make check`.

Vulture at its low threshold flags every field of a record and at its high one no function at
all, so its findings are chosen by kind here. What a decorator registers (a command, a route, a
fixture) is in use, and so is what pytest, Alembic, Typer, DuckDB or http.server call by name.
"""

import sys
from collections.abc import Iterable
from pathlib import Path

from vulture import Vulture

from tools.shape import FOLDERS

KINDS = {"function", "class", "method", "property", "import", "unreachable_code"}
SURE = 80  # percent; from here on every kind counts
CALLED_BY_NAME = (
    "test_*",
    "pytest_*",
    "Test*",
    "upgrade",
    "downgrade",
    "us",
    "pages",
    "format_commands",
    "do_[A-Z]*",
    "log_message",
    "date_time_string",
    "handle_error",
    "handle_message",
    "redirect_request",
)


def main(root: Path) -> int:
    """Print what is dead; 1 when anything is."""
    found = dead(root / folder for folder in FOLDERS)
    for finding in found:
        print(finding, file=sys.stderr)
    return 1 if found else 0


def dead(folders: Iterable[Path]) -> list[str]:
    """One sentence for each thing that nothing in `folders` names."""
    scanner = Vulture(ignore_names=CALLED_BY_NAME, ignore_decorators=["@*"])
    scanner.scavenge([str(folder) for folder in folders])
    return [
        f"{item.filename}:{item.first_lineno}: {item.message}; remove it, or call it"
        for item in scanner.get_unused_code(min_confidence=60)
        if item.typ in KINDS or item.confidence >= SURE
    ]


if __name__ == "__main__":
    sys.exit(main(Path(__file__).parents[1]))
