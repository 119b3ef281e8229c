"""A page that nothing links to is a page that nobody finds."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
LINK = re.compile(r"\]\(([^)\s#]+)(?:#[^)]*)?\)")
PAGES = [*ROOT.glob("*.md"), *DOCS.rglob("*.md")]


def linked(page: Path) -> set[Path]:
    """The files of this tree that a page links to."""
    found = [to for to in LINK.findall(page.read_text()) if "://" not in to]
    return {(page.parent / to).resolve() for to in found}


def test_every_page_is_reached_from_the_index():
    seen: set[Path] = set()
    ahead = {DOCS / "README.md"}
    while ahead:
        page = ahead.pop()
        seen.add(page)
        ahead |= {to for to in linked(page) if to.suffix == ".md" and to.exists()} - seen
    assert sorted(str(p.relative_to(ROOT)) for p in set(DOCS.rglob("*.md")) - seen) == []


@pytest.mark.parametrize("part", ["how-to", "reference"])
def test_the_index_itself_links_what_one_does_and_looks_up(part):
    assert set((DOCS / part).glob("*.md")) <= linked(DOCS / "README.md")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_link_leads_nowhere(page):
    assert [str(to) for to in linked(page) if not to.exists()] == []


def test_the_readme_links_the_index():
    assert DOCS / "README.md" in linked(ROOT / "README.md")
