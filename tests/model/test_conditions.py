"""Conditions: typed when written, and unknown where they hang on what nobody told."""

import datetime as dt

import pytest

from watermaster.model import conditions
from watermaster.model.conditions import ConditionError, Unknown, condition

ACCURATE = "evidence.evaluation.metrics.accuracy >= 0.9"
SAFE = "evidence.scan.critical == 0"
METRICS = "evidence.evaluation.metrics"


@pytest.fixture(params=["typed", "plain"])
def evaluator(request, monkeypatch):
    """Both evaluators of CEL: the one with types, and the one that stands in for it."""
    if request.param == "plain":
        monkeypatch.setattr(conditions, "_typed", lambda: None)
    return request.param


@pytest.mark.usefixtures("evaluator")
@pytest.mark.parametrize(
    ("text", "values", "said"),
    [
        (SAFE, {"evidence.scan.critical": 0}, True),
        (SAFE, {"evidence.scan.critical": 2}, False),
        (ACCURATE, {METRICS: {"accuracy": 0.93}}, True),
        (
            f"{ACCURATE} && {SAFE}",
            {"evidence.scan.critical": 1, METRICS: {"accuracy": 0.95}},
            False,
        ),
        ('model.risk_class in ["minimal", "limited"]', {"model.risk_class": "high"}, False),
        (
            'now - evidence.evaluation.at < duration("720h")',
            {
                "now": dt.datetime(2026, 11, 20, tzinfo=dt.UTC),
                "evidence.evaluation.at": dt.datetime(2026, 11, 1, tzinfo=dt.UTC),
            },
            True,
        ),
        ('"evidence.scan.foo" == version.source', {"version.source": "s3://a"}, False),
    ],
)
def test_a_condition_says_yes_or_no_of_what_is_known(text, values, said):
    assert condition(text).judge(values) is said


@pytest.mark.usefixtures("evaluator")
@pytest.mark.parametrize(
    ("text", "values", "missing"),
    [
        (SAFE, {}, ("evidence.scan.critical",)),
        (f"{ACCURATE} && {SAFE}", {METRICS: {"accuracy": 0.95}}, ("evidence.scan.critical",)),
        (ACCURATE, {METRICS: {"recall": 0.99}}, (f"{METRICS}.accuracy",)),
        ("evidence.approval.count >= 2", {}, ("evidence.approval.count",)),
    ],
)
def test_what_nobody_told_is_named_and_is_not_false(text, values, missing):
    said = condition(text).judge(values)
    assert isinstance(said, Unknown)
    assert said.missing == missing


def test_what_is_certain_whatever_is_missing_is_said():
    either = f'model.risk_class == "minimal" || {SAFE}'
    assert condition(either).judge({"model.risk_class": "minimal"}) is True
    assert condition(f"{ACCURATE} && {SAFE}").judge({"evidence.scan.critical": 3}) is False


@pytest.mark.parametrize(
    ("text", "what", "fix"),
    [
        ("evidence.scan.critcal == 0", "nothing that is known", "write evidence.scan.critical"),
        ("evidence.latency.p95_ms < 200", "double, int", "with a point: 200.0"),
        ("evidence.scan.critical", "answers int", "compare it"),
        ('evidence.scan.tool == "a" +', "Syntax error", "mend the condition"),
        ("model.risk_clas == 'high'", "nothing that is known", "write model.risk_class"),
    ],
)
def test_a_condition_that_could_never_be_judged_is_told_when_it_is_written(text, what, fix):
    with pytest.raises(ConditionError, match=what) as told:
        condition(text)
    assert fix in told.value.fix
