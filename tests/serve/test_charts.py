import datetime as dt
import xml.etree.ElementTree as ET
from decimal import Decimal

import pytest

from watermaster.serve.charts.bars import Bars, Series, stacked
from watermaster.serve.charts.heat import heat
from watermaster.serve.charts.paint import Paint
from watermaster.serve.charts.sankey import Band, Flow, sankey
from watermaster.serve.charts.spark import spark
from watermaster.serve.tokens import LIGHT

SVG = "{http://www.w3.org/2000/svg}"
DAYS = [dt.date(2026, 10, day) for day in (1, 2)]
NASTY = 'a<b> & "c"'


def bars():
    series = [
        Series(NASTY, "c1", [Decimal(100), Decimal(-30)]),
        Series("Idle", "c2", [Decimal(20), Decimal(0)]),
    ]
    return Bars(days=DAYS, series=series, name="Spend", money=str, link=lambda day: f"/?d={day}&x")


def flow():
    return Flow(
        columns=[["AWS", NASTY], ["Research", "Claims"]],
        bands=[
            Band(0, "AWS", "Research", 60.0), Band(0, "AWS", "Claims", 20.0),
            Band(0, NASTY, "Claims", 20.0),
        ],
        name="Flow", money=str, colour=lambda _, name: "c1", link=lambda *place: None,
    )  # fmt: skip


CHARTS = {
    "spark": lambda paint: spark([Decimal(1), None, Decimal(3), Decimal(2)], NASTY, paint=paint),
    "bars": lambda paint: stacked(bars(), paint=paint),
    "heat": lambda paint: heat(
        {NASTY: [Decimal("0.5"), None] * 12, "b": [Decimal(1)] * 24}, "Use", "Busy", paint=paint
    ),
    "sankey": lambda paint: sankey(flow(), paint=paint),
}


@pytest.mark.parametrize("chart", CHARTS)
@pytest.mark.parametrize("paint", [Paint(), Paint(LIGHT)], ids=["page", "report"])
def test_a_chart_is_sound_and_has_a_name(chart, paint):
    root = ET.fromstring(CHARTS[chart](paint))
    assert root.get("aria-label")
    assert root.get("role") in {"img", "group"}


@pytest.mark.parametrize("chart", CHARTS)
def test_a_report_gets_literal_colours_and_a_page_none(chart):
    literal, classes = CHARTS[chart](Paint(LIGHT)), CHARTS[chart](Paint())
    assert "#" in literal
    assert 'class="f-' not in literal
    assert "#" not in classes


def test_every_mark_says_its_figure():
    root = ET.fromstring(stacked(bars()))
    titles = [title.text for title in root.iter(f"{SVG}title")]
    assert titles == [
        f"Thu 1 Oct: Idle 20; {NASTY} 100; Total 120",
        f"Fri 2 Oct: {NASTY} -30; Total -30",
    ]


def test_bars_stand_on_zero_and_credits_hang_below():
    root = ET.fromstring(stacked(bars()))
    lines = {line.get("y1") for line in root.iter(f"{SVG}line")}
    groups = [list(group.iter(f"{SVG}rect"))[:-1] for group in root.iter(f"{SVG}g")]
    first, credit = groups[0][0], groups[1][0]
    foot = float(first.get("y")) + float(first.get("height"))
    zero = float(credit.get("y"))
    assert abs(foot - zero) <= 1
    assert any(abs(float(line) - zero) <= 1 for line in lines)


def test_bands_are_as_wide_as_their_money():
    root = ET.fromstring(sankey(flow()))
    rects = list(root.iter(f"{SVG}rect"))
    tall = {r.find(f"{SVG}title").text.split(":")[0]: float(r.get("height")) for r in rects}
    assert tall["AWS"] == pytest.approx(4 * tall[NASTY], rel=0.01)
    assert tall["Research"] + tall["Claims"] == pytest.approx(tall["AWS"] + tall[NASTY], rel=0.01)


def test_a_missing_hour_is_empty_and_not_zero():
    told = heat({"a": [None] + [Decimal(0)] * 23, "b": [Decimal(1)] * 24}, "Use", "Busy")
    assert told.count('fill="none"') == 1
