"""Checks the pages: generated ones are fresh, every link leads somewhere, nothing is left out."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tools import reference, surface

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)[^)]*\)")
HEADING = re.compile(r"^#+\s+(.*)$", re.MULTILINE)
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def main(root: Path) -> int:
    """Print what is wrong with the pages; 1 when anything is."""
    pages = committed_pages(root)
    found = reference.stale(root) + surface.missing(root)
    found += [finding for page in pages for finding in broken_links(page, root)]
    for finding in found:
        print(finding, file=sys.stderr)
    return 1 if found else 0


def committed_pages(root: Path) -> list[Path]:
    """All Markdown files that git knows or would add."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=root,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    return [root / name for name in listed if (root / name).exists()]


def broken_links(page: Path, root: Path) -> Iterator[str]:
    """One sentence for each link to a file or heading that is not there; the web is not asked."""
    for target in LINK.findall(FENCE.sub("", page.read_text())):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        there = (page.parent / name).resolve() if name else page
        if not there.exists():
            yield f"{page.relative_to(root)}: link to {target}, which is not there; mend the path"
        elif anchor and there.suffix == ".md" and anchor not in anchors(there.read_text()):
            yield f"{page.relative_to(root)}: link to {target}; no such heading"


def anchors(text: str) -> set[str]:
    """The anchors that headings get where pages are shown."""
    words = (re.sub(r"[^\w\- ]", "", h.lower()) for h in HEADING.findall(FENCE.sub("", text)))
    return {word.strip().replace(" ", "-") for word in words}


if __name__ == "__main__":
    sys.exit(main(Path(__file__).parents[1]))
