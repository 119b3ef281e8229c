"""The purposes of the simulated company are recognised from its ledger alone."""

import secrets

from tests.testing.purposes import planted_purposes
from watermaster.decide.estate.purpose import disagrees, infer


def test_training_and_serving_are_told_apart_and_no_true_declaration_disagrees(tmp_path):
    cases = planted_purposes(secrets.randbelow(2**31), tmp_path)
    told = [(next(iter(one.truth)), infer(one.seen).activity) for one in cases]
    for name in ("training", "inference"):
        true = [activity for truth, activity in told if truth == name]
        assert true
        assert sum(activity == name for activity in true) >= 0.8 * len(true)
    served = [truth for truth, activity in told if activity == "inference"]
    assert served.count("inference") >= 0.8 * len(served)
    assert not any(disagrees(infer(one.seen), one.purpose) for one in cases if one.purpose)
