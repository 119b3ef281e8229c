"""Where a finding stands, after what was decided and done."""

import datetime as dt
from typing import Final

from watermaster.model.acts import FixState
from watermaster.model.decided import FindingDecision, Standing, Status, Verb

MENDED: Final = frozenset({FixState.DONE, FixState.CONFIRMED})
PLAIN: Final = {Verb.ASK: Status.ASKED, Verb.DECLINE: Status.DECLINED, Verb.REOPEN: Status.NEW}


def standing(
    last: FindingDecision | None, fix: FixState | None, today: dt.date, *, is_found: bool
) -> Standing:
    """last: the newest decision; fix: the state of the newest fix; is_found: by the newest look."""
    return Standing(status=_status(last, fix, today, is_found=is_found), last=last, fix=fix)


def _status(
    last: FindingDecision | None, fix: FixState | None, today: dt.date, *, is_found: bool
) -> Status:
    if fix in MENDED:
        return Status.FIXED  # a month keeps its figures after its cause is gone
    if not is_found:
        return Status.GONE
    if last is None:
        return Status.NEW
    if last.verb is Verb.ACCEPT:
        return Status.OVERDUE if last.due and last.due < today else Status.ACCEPTED
    if last.verb is Verb.SNOOZE:
        return Status.SNOOZED if last.due and last.due > today else Status.NEW
    return PLAIN[last.verb]
