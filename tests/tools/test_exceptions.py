"""Exceptions are counted in code and comments, not in prose."""

from tools import exceptions

SOURCE = '''
"""Prose about # noqa and pytest.skip is none."""
import os  # noqa: F401
x: int = "a"  # type: ignore[assignment]
y: int = "b"  # type: ignore[assignment]
def test_a():
    pytest.skip("needs slurm")
'''


def test_each_kind_is_counted_where_it_takes_effect():
    assert dict(exceptions.in_text(SOURCE)) == {"noqa": 1, "type: ignore": 2, "skip": 1}


def test_a_rise_is_refused_and_a_fall_must_be_written():
    held = {"noqa": 1, "skip": 5}
    assert exceptions.differences(held, {"noqa": 1, "skip": 5}) == []
    assert exceptions.differences(held, {"noqa": 2, "skip": 4}) == [
        "tools/exceptions.json: noqa: 2 instead of 1; mend the cause instead of silencing it",
        "tools/exceptions.json: skip: 4 instead of 5; well done: "
        "python -m tools.exceptions --write",
    ]
