"""What a daily figure would have gone on to be, with honest ranges from few days.

figure = driver x (weekday + e), where e remembers the day before (AR(1)). What drives it and how
strong the memory is are not guessed but averaged over, each weighed by how well it explains the
days that were (flat priors on weekdays and memory, 1 / sd on the spread); given both, what is to
come is a Student t. Zellner, An Introduction to Bayesian Inference in Econometrics (1971), 4.1;
Harville, Journal of the American Statistical Association 72 (1977), 320, for the likelihood.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from watermaster.decide.review.student import mixture_quantiles

Numbers = NDArray[Any]
MEMORIES: Final = (0.05, 0.15, 0.25, 0.35, 0.45, 0.55, 0.65, 0.75, 0.85, 0.95)
WEEKDAYS_FROM: Final = 28  # days: four of each weekday
LEAST_EACH: Final = 3
LEAST_WEIGHT: Final = 1e-4  # fits that count for less are left out
LEAST_DRIVER: Final = 0.01  # and drivers
_STILL: Final = 1e-9  # of the level: less is rounding


@dataclass(frozen=True, slots=True)
class Driver:
    """What a figure may be in proportion to; one number for every day, before and after."""

    name: str
    volume: Numbers
    prior: float


@dataclass(frozen=True, slots=True)
class _Fit:
    """For one driver and one strength of memory."""

    driver: Driver  # its volume around 1 on the days before
    memory: float
    likelihood: float  # log, marginal
    effects: Numbers
    inverse: Numbers  # of X'X, whitened
    spread: float  # standard deviation of e
    last: float  # e of the last day


@dataclass(frozen=True, slots=True)
class Forecast:
    """Weighted sums of days to come, given the days that were."""

    fits: tuple[_Fit, ...]
    shares: Numbers  # how much each fit counts; they sum to 1
    df: int
    last_day: int
    design: Numbers  # row per day: which weekday it is

    @property
    def by_driver(self) -> dict[str, float]:
        """How much each driver counts."""
        found: dict[str, float] = {}
        for one, share in zip(self.fits, self.shares, strict=True):
            found[one.driver.name] = found.get(one.driver.name, 0.0) + float(share)
        return found

    def mean(self, days: Numbers, weights: Numbers) -> float:
        """The expected sum of weights x figure."""
        centres, _ = self._parts(days, weights)
        return float(centres @ self.shares)

    def quantiles(self, days: Numbers, weights: Numbers, shares: Sequence[float]) -> Numbers:
        """What the sum stays under with each of some probabilities."""
        return mixture_quantiles(
            np.array(shares), *self._parts(days, weights), self.shares, self.df
        )

    def _parts(self, days: Numbers, weights: Numbers) -> tuple[Numbers, Numbers]:
        """Centre and scale of each fit."""
        apart = np.abs(days[:, None] - days[None, :])
        kept = {one.memory: _power(one.memory, apart) for one in self.fits}
        told = [self._one(one, days, weights, kept[one.memory]) for one in self.fits]
        return np.array([one[0] for one in told]), np.array([one[1] for one in told])

    def _one(
        self, fit: _Fit, days: Numbers, weights: Numbers, alike: Numbers
    ) -> tuple[float, float]:
        rows, pull = self.design[days], weights * fit.driver.volume[days]
        kept = float(pull @ _power(fit.memory, days - self.last_day))
        centre = float(pull @ rows @ fit.effects) + kept * fit.last
        own = float(pull @ alike @ pull) - kept**2
        way = pull @ rows - kept * self.design[self.last_day]
        return centre, fit.spread * float(np.sqrt(max(own + way @ fit.inverse @ way, 0.0)))


def fit(days: Numbers, figures: Numbers, weekdays: Numbers, drivers: Sequence[Driver]) -> Forecast:
    """days: numbers of the days of the figures, ascending; weekdays: of every day, 0 to 6.

    Every driver is known and above 0 on those days.
    """
    design = _design(weekdays, days)
    fits = [one for driver in drivers for one in _fits(driver, days, figures, design[days])]
    logs = np.array([one.likelihood + np.log(one.driver.prior) for one in fits])
    shares = np.exp(logs - logs.max())
    shares /= shares.sum()
    names = np.array([one.driver.name for one in fits])
    likely = {name for name in names if shares[names == name].sum() >= LEAST_DRIVER}
    kept = (shares >= LEAST_WEIGHT) & np.isin(names, list(likely))
    return Forecast(
        tuple(one for one, is_kept in zip(fits, kept, strict=True) if is_kept),
        shares[kept] / shares[kept].sum(), len(days) - design.shape[1], int(days[-1]), design,
    )  # fmt: skip


def _design(weekdays: Numbers, days: Numbers) -> Numbers:
    """A level; and what each weekday differs from Monday, where most have four days."""
    ones = np.ones((len(weekdays), 1))
    if len(days) < WEEKDAYS_FROM or np.bincount(weekdays[days], minlength=7).min() < LEAST_EACH:
        return ones
    return np.concatenate([ones, (weekdays[:, None] == np.arange(1, 7)).astype(float)], axis=1)


def _fits(driver: Driver, days: Numbers, figures: Numbers, rows: Numbers) -> Iterator[_Fit]:
    """Volumes around 1 (geometric mean), so that likelihoods of drivers can be compared."""
    level = float(np.exp(np.log(driver.volume[days]).mean()))
    own = Driver(driver.name, driver.volume / level, driver.prior)
    costs = figures / own.volume[days]
    for memory in MEMORIES:
        yield _fit_one(own, memory, (np.diff(days), costs, rows))


def _fit_one(driver: Driver, memory: float, past: tuple[Numbers, Numbers, Numbers]) -> _Fit:
    gaps, costs, rows = past
    kept = _power(memory, gaps)
    fresh = np.sqrt(1 - kept**2)
    y, x = _fresh(costs, kept, fresh), _fresh(rows, kept[:, None], fresh[:, None])
    square = x.T @ x
    inverse = np.linalg.inv(square)
    effects = inverse @ (x.T @ y)
    left = y - x @ effects
    df = len(y) - x.shape[1]
    floor = len(y) * (_STILL * float(np.abs(costs).mean())) ** 2  # it never moved
    squares = max(float(left @ left), floor, 1e-300)
    likelihood = (
        -float(np.log(fresh).sum())
        - float(np.linalg.slogdet(square)[1]) / 2
        - df / 2 * float(np.log(squares))
    )
    last = float(costs[-1] - rows[-1] @ effects)
    return _Fit(driver, memory, likelihood, effects, inverse, float(np.sqrt(squares / df)), last)


def _fresh(values: Numbers, kept: Numbers, fresh: Numbers) -> Numbers:
    """What each day adds to what the day before told."""
    return np.concatenate([values[:1], (values[1:] - kept * values[:-1]) / fresh])


def _power(memory: float, days: Numbers) -> Numbers:
    return np.asarray(np.power(memory, days.astype(float)))
