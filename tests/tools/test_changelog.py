"""A release holds every change once, above the releases before it."""

import datetime as dt
from pathlib import Path

from tools import changelog


def test_changes_move_into_the_changelog_newest_release_first(tmp_path: Path):
    (tmp_path / "changes").mkdir()
    (tmp_path / "changes" / "README.md").write_text("How to.\n")
    (tmp_path / "CHANGELOG.md").write_text("# Changelog\n\nWhat.\n")
    for version, slugs in (("0.1.0", ("a", "b")), ("0.2.0", ("c",))):
        for slug in slugs:
            (tmp_path / "changes" / f"{slug}.md").write_text(f"You can\ndo {slug}.\n")
        assert changelog.main(tmp_path, version, dt.date(2026, 11, 23)) == 0
    assert (tmp_path / "CHANGELOG.md").read_text() == (
        "# Changelog\n\nWhat.\n\n## 0.2.0 (2026-11-23)\n\n- You can do c.\n"
        "\n## 0.1.0 (2026-11-23)\n\n- You can do a.\n- You can do b.\n"
    )
    assert [p.name for p in (tmp_path / "changes").iterdir()] == ["README.md"]


def test_a_release_without_changes_is_refused(tmp_path: Path, capsys):
    (tmp_path / "changes").mkdir()
    assert changelog.main(tmp_path, "0.1.0", dt.date(2026, 11, 23)) == 1
    assert capsys.readouterr().err == "changes/: nothing to release\n"
