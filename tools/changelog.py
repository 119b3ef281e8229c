"""Joins changes/*.md into CHANGELOG.md at a release: `python -m tools.changelog 0.2.0`."""

import datetime as dt
import sys
from pathlib import Path

FIRST_LINES = 3  # title, blank, what the file is


def main(root: Path, version: str, day: dt.date) -> int:
    """Write the release at the top of CHANGELOG.md and remove the files it holds."""
    files = sorted(p for p in (root / "changes").glob("*.md") if p.name != "README.md")
    if not files:
        print("changes/: nothing to release", file=sys.stderr)
        return 1
    entries = "".join(f"- {' '.join(path.read_text().split())}\n" for path in files)
    held = (root / "CHANGELOG.md").read_text().splitlines(keepends=True)
    release = f"\n## {version} ({day.isoformat()})\n\n{entries}"
    text = "".join(held[:FIRST_LINES]) + release + "".join(held[FIRST_LINES:])
    (root / "CHANGELOG.md").write_text(text)
    for path in files:
        path.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(__file__).parents[1], sys.argv[1], dt.datetime.now(tz=dt.UTC).date()))
