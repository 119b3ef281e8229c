"""Check a ledger, and mend what can be mended."""

from watermaster.flows.open import Project
from watermaster.ledger.audit import append_audit
from watermaster.ledger.doctor import examine, mend
from watermaster.ledger.head import read_head
from watermaster.ledger.lock import write_lock
from watermaster.model.checkup import Checkup


def check_up(project: Project) -> Checkup:
    """What is right and wrong; nothing is changed."""
    ledger = project.ledger
    return Checkup(revision=read_head(ledger.records).name, findings=examine(ledger))


def mend_all(project: Project) -> Checkup:
    """Mend under the write lock, then check again; what was done is in the audit log."""
    ledger = project.ledger
    with write_lock(ledger.lock_path, "doctor", ledger.config.lock_wait_s):
        done = mend(ledger)
        if done.told:
            detail = {"mended": done.told, "freed_bytes": done.freed_bytes}
            with ledger.records.begin() as connection:
                at = ledger.clock().isoformat()
                append_audit(connection, at, project.actor, "doctor", detail)
    return Checkup(
        revision=read_head(ledger.records).name,
        findings=examine(ledger),
        mended=done.told,
        freed_bytes=done.freed_bytes,
    )
