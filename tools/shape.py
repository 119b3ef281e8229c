"""The budget of size: a file has at most 500 lines, a function 60, half of all functions 10.

Blank lines and docstrings of a function are free, so that nobody saves on the words.
"""

import ast
import statistics
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FILE_LINES = 500
FUNCTION_LINES = 60
MEDIAN_LINES = 10
FOLDERS = ("src", "tests", "tools", "bench")


@dataclass(frozen=True, slots=True)
class Function:
    """One function or method and the lines of code in it, its first line included."""

    where: str  # file:line
    name: str
    lines: int


def main(root: Path) -> int:
    """Print what is over budget; 1 when anything is."""
    files = sorted(path for folder in FOLDERS for path in (root / folder).rglob("*.py"))
    found = [finding for path in files for finding in oversized(path, root)]
    found += over_median([f for p in files if "src" in p.parts for f in functions(p, root)])
    for finding in found:
        print(finding, file=sys.stderr)
    return 1 if found else 0


def oversized(path: Path, root: Path) -> Iterator[str]:
    """One sentence for the file and for each function in it that is too long."""
    lines = len(path.read_text().splitlines())
    if lines > FILE_LINES:
        yield f"{path.relative_to(root)}: {lines} lines; split it, {FILE_LINES} is the limit"
    for function in functions(path, root):
        if function.lines > FUNCTION_LINES:
            yield (
                f"{function.where}: {function.name} has {function.lines} lines; "
                f"split it, {FUNCTION_LINES} is the limit"
            )


def over_median(every: list[Function]) -> list[str]:
    """One sentence when half of the functions are longer than the budget."""
    if not every or statistics.median(f.lines for f in every) <= MEDIAN_LINES:
        return []
    return [f"src: half of all functions have more than {MEDIAN_LINES} lines; shorten some"]


def functions(path: Path, root: Path) -> list[Function]:
    """All functions and methods of a file."""
    text = path.read_text()
    return [
        Function(f"{path.relative_to(root)}:{node.lineno}", node.name, _length(node, text))
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def _length(node: ast.FunctionDef | ast.AsyncFunctionDef, text: str) -> int:
    lines = text.splitlines()[node.lineno - 1 : node.end_lineno]
    first = node.body[0]
    told = 0
    if ast.get_docstring(node, clean=False) is not None and first.end_lineno is not None:
        told = sum(1 for n in range(first.lineno, first.end_lineno + 1) if _line(text, n).strip())
    return sum(1 for line in lines if line.strip()) - told


def _line(text: str, number: int) -> str:
    return text.splitlines()[number - 1]


if __name__ == "__main__":
    sys.exit(main(Path(__file__).parents[1]))
