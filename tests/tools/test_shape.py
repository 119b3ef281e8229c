"""The size budget counts what it says it counts."""

from pathlib import Path

import pytest

from tools import shape

LONG_BODY = "\n".join(f"    x{n} = {n}" for n in range(60))


def test_a_function_of_sixty_one_lines_is_too_long_and_one_of_sixty_is_not(tmp_path: Path):
    (tmp_path / "a.py").write_text(f"def long():\n{LONG_BODY}\n\ndef fine():\n{LONG_BODY[:-13]}\n")
    assert list(shape.oversized(tmp_path / "a.py", tmp_path)) == [
        "a.py:1: long has 61 lines; split it, 60 is the limit"
    ]


def test_a_file_of_five_hundred_and_one_lines_is_too_long(tmp_path: Path):
    (tmp_path / "fine.py").write_text("x = 1\n" * 500)
    (tmp_path / "long.py").write_text("x = 1\n" * 501)
    assert list(shape.oversized(tmp_path / "fine.py", tmp_path)) == []
    assert list(shape.oversized(tmp_path / "long.py", tmp_path)) == [
        "long.py: 501 lines; split it, 500 is the limit"
    ]


def test_docstrings_and_blank_lines_are_free(tmp_path: Path):
    (tmp_path / "a.py").write_text(
        'def told():\n    """Says much.\n\n    And more.\n    """\n\n    return 1\n\n'
        "class A:\n    async def plain(self):\n\n        return 2\n"
    )
    found = shape.functions(tmp_path / "a.py", tmp_path)
    assert {(f.name, f.lines) for f in found} == {("told", 2), ("plain", 2)}


@pytest.mark.parametrize(("lengths", "over"), [([10, 10, 60], False), ([11, 11, 2], True)])
def test_half_of_all_functions_have_at_most_ten_lines(lengths: list[int], over: bool):
    every = [shape.Function(f"a.py:{n}", "f", length) for n, length in enumerate(lengths)]
    assert bool(shape.over_median(every)) is over
