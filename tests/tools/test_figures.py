"""A bench line has the keys its readers rely on, and measures what was used."""

import json

import figures


def test_a_line_has_exactly_the_agreed_keys(capsys):
    figures.say(
        figures.Figure(bench="b", figure="cpu_ratio", value=1.05, unit="", target="<= 1.3"),
        as_json=True,
    )
    line = json.loads(capsys.readouterr().out)
    assert set(line) == {"bench", "figure", "value", "unit", "target", "against", "machine"}
    assert "DuckDB" in line["machine"]


def test_people_read_the_target_beside_the_figure(capsys):
    figures.say(
        figures.Figure(bench="b", figure="f", value=2, unit="s", target="<= 3"), as_json=False
    )
    assert capsys.readouterr().out == "b: f = 2 s (target <= 3)\n"


def test_work_is_counted_as_cpu_seconds():
    with figures.measured() as used:
        sum(n * n for n in range(500_000))
    assert 0 < used.cpu_s <= used.wall_s * 1.5
