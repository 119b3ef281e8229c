"""Words for tests that change moto's AWS."""

import functools
import os
from uuid import uuid4

from tests.act.conftest import REGION
from tests.doors import Answer, through
from watermaster.act import aws as aws_target
from watermaster.model.acts import Held, Remedy, TargetSpec
from watermaster.testing.act_conformance import Case


def target(**options):
    """One for each server and options: it keeps nothing but clients, which are slow to make."""
    return _target(os.environ["AWS_ENDPOINT_URL"], tuple(options.items()))


@functools.cache
def _target(address, options):
    spec = TargetSpec(type="aws", platform=f"aws-{REGION}", location=REGION,
                      options={"profile": "writer"} | dict(options))  # fmt: skip
    return aws_target.target(spec)


def remedy(verb, kind, uid, **asked):
    return Remedy(verb=verb, platform="aws", kind=kind, uid=uid, asked=asked, why="nobody uses it")


def case(one, world, **options):
    return Case(opened=lambda: target(**options), remedy=one, world=world, patience_s=5,
                fix=uuid4().hex[:12])  # fmt: skip


def held(one, number=0, **told):
    return Held(token=one.token(number), before=told.pop("before", {}), left=told)


def lost_answer(door, words):
    """The call comes through once, but its answer is lost on the way back."""
    lost = []

    def rule(asked):
        if words not in asked.text or lost:
            return None
        lost.append(asked)
        through(door.behind, asked)
        return Answer(500, b"")

    return rule
