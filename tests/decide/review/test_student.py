"""Student's t against printed tables, and mixtures of it."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from watermaster.decide.review.student import mixture_quantiles, t_cdf, t_far_below


@pytest.mark.parametrize(
    ("share", "df", "value"),  # Abramowitz and Stegun, table 26.10
    [(0.9, 1, 3.078), (0.975, 1, 12.706), (0.9, 2, 1.886), (0.975, 5, 2.571),
     (0.9, 10, 1.372), (0.975, 30, 2.042), (0.995, 9, 3.250), (0.95, 120, 1.658)],
)  # fmt: skip
def test_quantiles_are_those_of_the_printed_table(share, df, value):
    one = np.ones(1)
    assert mixture_quantiles(np.array([share]), one * 0, one, one, df)[0] == pytest.approx(
        value, abs=6e-4
    )
    assert t_cdf(np.array([value, -value]), df) == pytest.approx([share, 1 - share], abs=2e-4)


@given(
    st.lists(st.tuples(st.floats(-50, 50), st.floats(0.1, 9)), min_size=1, max_size=6),
    st.integers(1, 80),
)
def test_quantiles_of_a_mixture_are_where_its_share_is(parts, df):
    centres, scales = (np.array(column) for column in zip(*parts, strict=True))
    weights = np.full(len(parts), 1 / len(parts))
    shares = np.array([0.025, 0.1, 0.5, 0.9, 0.975])
    found = mixture_quantiles(shares, centres, scales, weights, df)
    assert (np.diff(found) >= 0).all()
    below = t_cdf((found[:, None] - centres) / scales, df) @ weights
    assert below == pytest.approx(shares, abs=1e-6)


@pytest.mark.parametrize(
    ("df", "value"), [(3, -30.0), (4, -5.0), (9, -12.0), (51, -6.0), (104, -9.0)]
)
def test_far_below_nothing_is_lost_to_rounding(df, value):
    """Against the density, summed."""
    steps = value / np.linspace(0, 1, 200_001)[1:]
    scale = np.exp(math.lgamma((df + 1) / 2) - math.lgamma(df / 2)) / np.sqrt(df * np.pi)
    density = scale * (1 + steps**2 / df) ** (-(df + 1) / 2) * steps**2 / -value
    true = float(np.sum((density[1:] + density[:-1]) / 2) / 200_000)
    assert t_far_below(np.array([value]), df)[0] == pytest.approx(true, rel=1e-5)


def test_a_mixture_that_never_varies_is_its_mean():
    told = mixture_quantiles(
        np.array([0.1, 0.9]), np.array([4.0, 4.0]), np.zeros(2), np.array([0.5, 0.5]), 9
    )
    assert told.tolist() == [4.0, 4.0]
