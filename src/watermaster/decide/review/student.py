"""Student's t for whole degrees of freedom: all that intervals here need, without a dependency.

Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.3 and 26.7.4: a finite sum.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
_FAR: Final = 0.9  # squared cosine: further out the terms shrink fast
_TERMS: Final = 300
_STEPS: Final = 40  # halvings: 1e-12 of the first bracket


def t_cdf(values: Numbers, df: int) -> Numbers:
    """P(T <= value) for T with `df` >= 1 degrees of freedom.

    >>> t_cdf(np.array([0.0, 2.131847]), 4).round(6).tolist()
    [0.5, 0.95]
    """
    angle = np.arctan(values / np.sqrt(df))
    sine, cosine = np.sin(angle), np.cos(angle)
    term = cosine if df % 2 else np.ones_like(cosine)
    total = np.zeros_like(cosine) if df == 1 else term.copy()
    for step in range(3 if df % 2 else 2, df - 1, 2):
        term = term * cosine**2 * ((step - 1) / step)
        total = total + term
    inside = 2 / np.pi * (angle + sine * total) if df % 2 else sine * total
    return np.asarray((1 + inside) / 2, dtype=np.float64)


def t_far_below(values: Numbers, df: int) -> Numbers:
    """P(T <= value) for values far below 0, where `t_cdf` would be the rest of a subtraction.

    The terms that 26.7.3 and 26.7.4 leave out, all positive: they go on for ever, and shrink.
    Above -sqrt(df / 9) it is `t_cdf`.

    >>> [f"{value:.5g}" for value in t_far_below(np.array([-12.0, -30.0]), 30)]
    ['2.7901e-13', '3.1259e-24']
    """
    angle = np.arctan(values / np.sqrt(df))
    square = np.minimum(np.cos(angle) ** 2, _FAR)
    factor = np.cos(angle) * 2 / np.pi if df % 2 else np.ones_like(angle)
    for step in range(2 + df % 2, df + 1, 2):
        factor = factor * square * (step - 1) / step
    left = np.zeros_like(factor)
    for step in range(df + 2, df + 2 + 2 * _TERMS, 2):
        left, factor = left + factor, factor * square * (step - 1) / step
    return np.where(
        (values < 0) & (np.cos(angle) ** 2 < _FAR), -np.sin(angle) * left / 2, t_cdf(values, df)
    )


def mixture_quantiles(
    shares: Numbers, centres: Numbers, scales: Numbers, weights: Numbers, df: int
) -> Numbers:
    """Where a mixture of shifted and scaled t, all with `df`, has each share of itself below.

    >>> one = np.ones(1)
    >>> mixture_quantiles(np.array([0.5, 0.9]), one * 5, one * 2, one, 4).round(4).tolist()
    [5.0, 8.0664]
    """
    widest = float(scales.max(initial=0.0))
    if widest == 0:
        return np.full(len(shares), float(centres @ weights))
    safe = np.maximum(scales, widest * 1e-12)

    def below(values: Numbers) -> Numbers:
        return t_cdf((values[:, None] - centres) / safe, df) @ weights

    reach = widest
    low, high = np.full(len(shares), centres.min()), np.full(len(shares), centres.max())
    while (below(low) > shares).any() or (below(high) < shares).any():
        low, high, reach = low - reach, high + reach, reach * 2
    for _ in range(_STEPS):
        middle = (low + high) / 2
        is_above = below(middle) >= shares
        low, high = np.where(is_above, low, middle), np.where(is_above, middle, high)
    return (low + high) / 2
