"""Counts the places where a check is told to look away; the committed count may only fall.

`python -m tools.exceptions --write` writes the present count after a fall.
"""

import io
import json
import re
import sys
import tokenize
from collections import Counter
from pathlib import Path

from tools.shape import FOLDERS

COUNTS = "tools/exceptions.json"
COMMENTS = {
    "noqa": re.compile(r"#\s*noqa"),
    "type: ignore": re.compile(r"#\s*type:\s*ignore"),
    "no cover": re.compile(r"#\s*pragma:\s*no cover"),
}
SKIPS = re.compile(r"pytest\.(skip|importorskip|mark\.(skip|skipif|xfail))\b")


def main(root: Path, *, write: bool) -> int:
    """Compare with the committed count: 1 when one has risen, or fallen unwritten."""
    held = json.loads((root / COUNTS).read_text()) if (root / COUNTS).exists() else {}
    seen = count(root)
    if write:
        (root / COUNTS).write_text(json.dumps(seen, indent=2) + "\n")
        return 0
    found = differences(held, seen)
    for finding in found:
        print(finding, file=sys.stderr)
    return 1 if found else 0


def differences(held: dict[str, int], seen: dict[str, int]) -> list[str]:
    """One sentence for each kind of exception whose number is not the committed one."""
    return [
        f"{COUNTS}: {kind}: {seen[kind]} instead of {held.get(kind, 0)}; "
        + (
            "mend the cause instead of silencing it"
            if seen[kind] > held.get(kind, 0)
            else "well done: python -m tools.exceptions --write"
        )
        for kind in seen
        if seen[kind] != held.get(kind, 0)
    ]


def count(root: Path) -> dict[str, int]:
    """How many exceptions of each kind the tree holds."""
    total = Counter(dict.fromkeys((*COMMENTS, "skip"), 0))
    for path in (p for folder in FOLDERS for p in (root / folder).rglob("*.py")):
        if path != Path(__file__):
            total.update(in_text(path.read_text()))
    return dict(total)


def in_text(text: str) -> Counter[str]:
    """Exceptions in one file: in its comments, and calls that skip a test."""
    found: Counter[str] = Counter()
    code = []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            found.update(kind for kind, mark in COMMENTS.items() if mark.search(token.string))
        elif token.type != tokenize.STRING:
            code.append(token.string)
    found["skip"] = len(SKIPS.findall("".join(code)))
    return found


if __name__ == "__main__":
    sys.exit(main(Path(__file__).parents[1], write="--write" in sys.argv))
