"""Promote and sunset: by hand, in order, and right as often as declared however often one looks."""

import datetime as dt
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from watermaster.decide.release.promote import AGAINST, e_value, judge, probability
from watermaster.decide.release.weeks import Known, net_of
from watermaster.model.outcomes import OutcomeSpec, Trial, Verdict
from watermaster.testing.simulate.experiments import Drawn, draw_weeks

GOOD = (3.0, 5.0, 4.0, 6.0, 5.0, 2.0, 4.0, 5.0)
TRIAL = Trial(workload="sweep", owner="rag", stage="experiment", outcome="letters", alpha=0.2,
              net=GOOD, gates_pass=True, artefact="sha256:1")  # fmt: skip
LOOKS = [round(month * 365.25 / 12 / 7) for month in range(2, 25)]
BAD = tuple(-one for one in GOOD)


@pytest.mark.parametrize(
    ("change", "verdict", "said"),
    [
        ({}, Verdict.PROMOTE, "gates pass, owner set"),
        ({"gates_pass": None}, Verdict.GO_ON, "whether its gates pass is not known"),
        ({"gates_pass": False}, Verdict.GO_ON, "its gates do not pass"),
        ({"owner": None}, Verdict.GO_ON, "nobody owns it"),
        ({"net": GOOD[:7]}, Verdict.GO_ON, "7 of 8 periods counted"),
        ({"net": (3.0, -5.0, 4.0, -3.0, 1.0, 2.0, -4.0, 2.0)}, Verdict.GO_ON, "P(net benefit"),
        ({"net": BAD}, Verdict.SUNSET, "evidence against it"),
        ({"net": (-1.0, -4.0, 1.0, -3.0, 2.0, -2.0, -3.0, 1.0)}, Verdict.GO_ON, "of 10.0 needed"),
        ({"quiet_days": 30}, Verdict.SUNSET, "no request and no commit for 30 days"),
        ({"quiet_days": 29}, Verdict.PROMOTE, "evidence for it"),
        ({"outcome": None}, Verdict.NO_VALUE, "no Outcome"),
        ({"outcome": None, "quiet_days": 44}, Verdict.SUNSET, "44 days"),
        ({"note": "other currency"}, Verdict.GO_ON, "other currency"),
    ],
)
def test_the_verdict_of_each_case_says_why(change, verdict, said):
    told = judge(replace(TRIAL, **change))
    assert (told.verdict, said in told.why) == (verdict, True)


def test_a_sunset_keeps_the_artefact_before_it_releases_the_gpus():
    told = judge(replace(TRIAL, net=BAD))
    assert told.next_step == (
        "snapshot sha256:1, then scale sweep to 0 and release its GPUs; "
        "it can be undone for 30 days"
    )


def test_evidence_by_hand():
    """Two periods 1 and 3: t = 2, BF = (1+2g)^-1/2 [(1+t2)/(1+t2/(1+2g))], g = 1/2, half-normal.

    2^-1/2 x (1 + 4) / (1 + 4/2) = 1.1785; the share above 0 is t with 2 degrees at
    sqrt(2 x 1/2 / (1 + 2)) x 2 = 1.1547: 0.8162; twice their product is 1.9238.
    """
    assert float(e_value(np.array([1.0, 3.0]))) == pytest.approx(1.9238, abs=2e-4)
    assert float(probability(np.array([1.0, 3.0]))) == pytest.approx(0.8524, abs=1e-4)


steady = arrays(np.float64, st.integers(4, 30), elements=st.floats(-100, 100, width=32))


@given(steady, st.floats(0, 50))
def test_a_better_mean_is_never_less_evidence(net, more):
    """So that 0 is the worst case of all means that are not above it."""
    spread = net.std()
    if spread > 1e-3:
        assert float(e_value(net + more)) >= float(e_value(net)) * (1 - 1e-9)
        assert float(probability(net + more)) >= float(probability(net)) - 1e-12


@given(steady, st.sampled_from([0.01, 3.0, 1000.0]))
def test_the_currency_does_not_matter(net, rate):
    if net.std() > 1e-3:
        assert float(e_value(net * rate)) == pytest.approx(float(e_value(net)), rel=1e-6)


def looked_at(weeks, alpha):
    """Shares promoted and ended by the first verdict of monthly looks."""
    going, good, bad = (np.full(len(weeks), value) for value in (True, False, False))
    for last in LOOKS:
        held, needed = weeks[:, :last], 1 / alpha
        chance = probability(held)
        is_good = going & (chance >= 0.8) & (e_value(held) >= needed)
        is_bad = going & (chance <= 0.2) & (e_value(-held) >= AGAINST * needed)
        good, bad, going = good | is_good, bad | is_bad, going & ~is_good & ~is_bad
    return float(good.mean()), float(bad.mean())


@pytest.mark.parametrize("alpha", [0.2, 0.05])
@pytest.mark.parametrize("noise", [{}, {"memory": 0.5}, {"is_skewed": True}])
def test_monthly_looks_promote_worthless_experiments_no_more_often_than_declared(
    alpha, noise, record_property
):
    """2,000 experiments worth exactly nothing: the hardest not to promote."""
    wrong, ended = looked_at(draw_weeks(20261123, Drawn(**noise)), alpha)
    record_property(f"wrong promotions, alpha {alpha}, {noise}", wrong)
    assert wrong <= alpha
    assert ended <= alpha


def test_plain_probability_under_monthly_looks_is_wrong_half_of_the_time():
    weeks = draw_weeks(20261123, Drawn())
    plain = np.zeros(len(weeks), bool)
    for last in LOOKS:
        plain |= probability(weeks[:, :last]) >= 0.8
    assert plain.mean() > 0.4


def test_good_experiments_are_seen(record_property):
    power = [looked_at(draw_weeks(7, Drawn(worth=worth)), 0.2)[0] for worth in (0.2, 0.4, 0.8)]
    record_property("power at 0.2, 0.4, 0.8 sd a week", power)
    assert power[1] > 0.9
    assert power[2] > 0.99


MONDAY = dt.date(2026, 6, 1)


def known(days, missing=()):
    every = [MONDAY + dt.timedelta(n) for n in range(days)]
    told = frozenset(day for n, day in enumerate(every) if n not in missing)
    return Known(cost=dict.fromkeys(every, Decimal(10)), cost_days=frozenset(every),
                 volume=dict.fromkeys(told, 100.0), volume_days=told)  # fmt: skip


def spec(**more):
    return OutcomeSpec.model_validate(
        {"measure": "x", "valuePerUnit": "0.5", "source": "c", "approvedBy": "rag",
         "workload": "sweep"} | more
    )  # fmt: skip


def test_weeks_are_whole_and_known():
    weeks = net_of(spec(), known(23, missing=(9,)))
    assert [one.start for one in weeks] == [MONDAY, MONDAY + dt.timedelta(14)]
    assert {(one.value, one.cost, one.net) for one in weeks} == {(350, 70, 280)}


def test_a_declared_unit_cost_of_production_takes_the_place_of_what_it_costs_now():
    assert [one.cost for one in net_of(spec(unitCost="0.2"), known(14))] == [140, 140]


def test_declared_counts_run_as_long_as_their_period():
    counts = [{"from": "2026-06-01", "volume": 900}, {"from": "2026-07-01", "volume": 100}]
    (one,) = net_of(spec(counted="declared", counts=counts), known(40))
    assert (one.value, one.cost) == (450, 300)  # July is not over


@pytest.mark.parametrize(
    "wrong",
    [{"model": "m"}, {"workload": None}, {"counted": "declared"}, {"alpha": 0.9},
     {"counts": [{"from": "2026-06-01", "volume": 1}]}],
)  # fmt: skip
def test_an_outcome_belongs_to_one_thing_and_is_counted_in_one_way(wrong):
    with pytest.raises(ValueError, match=r"outcome belongs|go together|0\.5"):
        spec(**wrong)
