"""The reference names everything a user can touch, and links lead somewhere."""

from pathlib import Path

from tools import docs, reference, surface

ROOT = Path(__file__).parents[2]


def test_every_part_of_the_surface_is_in_the_reference():
    assert surface.missing(ROOT) == []


def test_the_surface_is_counted_and_not_empty():
    counted = {kind: len(names) for kind, names in surface.surface().items()}
    assert counted["column"] > 100
    assert counted["kind"] >= 11
    assert counted["field"] > 80
    assert counted["error"] >= 8


def test_a_column_that_no_page_names_is_missed(tmp_path: Path):
    (tmp_path / reference.FOLDER).mkdir(parents=True)
    (tmp_path / reference.FOLDER / "tables.md").write_text("`billed_cost` and `charge_row`")
    missed = surface.missing(tmp_path)
    assert any("column effective_cost" in finding for finding in missed)
    assert not any("column billed_cost" in finding for finding in missed)


def test_generated_pages_say_what_the_code_says():
    assert reference.stale(ROOT) == []


def test_a_page_changed_by_hand_is_stale(tmp_path: Path):
    (tmp_path / reference.FOLDER).mkdir(parents=True)
    reference.main(tmp_path)
    assert reference.stale(tmp_path) == []
    (tmp_path / reference.FOLDER / "errors.md").write_text("mine")
    assert reference.stale(tmp_path) == [
        "docs/reference/errors.md: not what the code says; run make docs"
    ]


def test_broken_paths_and_headings_are_found_and_good_ones_are_not(tmp_path: Path):
    (tmp_path / "b.md").write_text("# What it `means`, in short\n")
    page = tmp_path / "a.md"
    page.write_text(
        "# Top\n[good](b.md) [good](b.md#what-it-means-in-short) [good](#top) [web](https://x.y)\n"
        "```\n[code](nowhere.md)\n```\n[bad](gone.md) [bad](b.md#gone)\n"
    )
    assert list(docs.broken_links(page, tmp_path)) == [
        "a.md: link to gone.md, which is not there; mend the path",
        "a.md: link to b.md#gone; no such heading",
    ]
