"""Contrast as WCAG 2.2 counts it; distance in OKLab (Ottosson 2020), times 100; colour blindness
simulated by the matrices of Machado, Oliveira and Fernandes 2009 at full severity."""

import itertools

import pytest

from watermaster.serve.tokens import CATEGORIES, DARK, GROUNDS, LIGHT, TEXT, WASHES

SIGHT = {
    "usual": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protan": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deutan": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritan": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}


def linear(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    return [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]


def contrast(one, other):
    def light(colour):
        r, g, b = linear(colour)
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    high, low = sorted([light(one), light(other)], reverse=True)
    return (high + 0.05) / (low + 0.05)


def oklab(rgb):
    r, g, b = rgb
    cone_l = (0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b) ** (1 / 3)
    cone_m = (0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b) ** (1 / 3)
    cone_s = (0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b) ** (1 / 3)
    return (
        0.2104542553 * cone_l + 0.7936177850 * cone_m - 0.0040720468 * cone_s,
        1.9779984951 * cone_l - 2.4285922050 * cone_m + 0.4505937099 * cone_s,
        0.0259040371 * cone_l + 0.7827717662 * cone_m - 0.8086757660 * cone_s,
    )


def seen(colour, matrix):
    rgb = linear(colour)
    return oklab(
        [min(1, max(0, sum(m * c for m, c in zip(row, rgb, strict=True)))) for row in matrix]
    )


def distance(one, other, matrix):
    pairs = zip(seen(one, matrix), seen(other, matrix), strict=True)
    return 100 * sum((a - b) ** 2 for a, b in pairs) ** 0.5


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_text_can_be_read_on_every_ground(theme):
    pairs = [(text, ground) for text in TEXT for ground in GROUNDS] + list(WASHES.items())
    pairs += [("ink", wash) for wash in WASHES.values()]
    weak = {pair: contrast(theme[pair[0]], theme[pair[1]]) for pair in pairs}
    assert {pair: ratio for pair, ratio in weak.items() if ratio < 4.5} == {}


@pytest.mark.parametrize("sight", SIGHT)
@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_categories_can_be_told_apart_by_everybody(theme, sight):
    found = {
        (one, other): distance(theme[one], theme[other], SIGHT[sight])
        for one, other in itertools.combinations(CATEGORIES, 2)
    }
    assert {pair: far for pair, far in found.items() if far < 11} == {}


def test_both_themes_have_the_same_tokens():
    assert LIGHT.keys() == DARK.keys()
