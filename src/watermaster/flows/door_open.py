"""When the door was closed: its beats on disk tell the next start since when nobody answered."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from watermaster.flows.open import Project
from watermaster.ledger.audit import append_audit, chained

BEATS: Final = "door.json"
BEAT_S: Final = 5.0
ACTOR: Final = "door"


@dataclass(slots=True)
class Beats:
    """What this door has told of itself; one a home."""

    project: Project
    unanswered: int = 0  # questions that ended in a fault, so that the cluster chose
    first_fault: str | None = None
    path: Path = field(init=False)

    def __post_init__(self) -> None:
        self.path = self.project.home / BEATS

    def begin(self) -> None:
        """Log that the door opens, since when it was closed, and what clusters did meanwhile."""
        was = self._read()
        now = self.project.ledger.clock().isoformat()
        detail: dict[str, Any] = {"event": "opened", "when_down": self._choice}
        if was:
            detail |= {
                "event": "was closed", "from": was.get("at"), "to": now,
                "when_down": was.get("when_down", self._choice),
                "how": "stopped" if was.get("ended") else "killed or lost",
            }  # fmt: skip
            detail |= {"unanswered": was["unanswered"]} if was.get("unanswered") else {}
        with chained(self.project.ledger.records) as connection:
            append_audit(connection, now, ACTOR, "door", detail)
        self.unanswered, self.first_fault = 0, None
        self.beat()

    def beat(self, *, ended: bool = False) -> None:
        """Say on disk that the door is open, or that it ends now."""
        told = {
            "at": self.project.ledger.clock().isoformat(), "ended": ended,
            "when_down": self._choice, "unanswered": self.unanswered,
        }  # fmt: skip
        part = self.path.with_suffix(".part")
        part.write_text(json.dumps(told))
        part.replace(self.path)

    def fault(self, what: str) -> None:
        """A question ended in a fault: the cluster does what was declared, and this is logged."""
        self.unanswered += 1
        self.first_fault = self.first_fault or what
        self.beat()

    def confess(self) -> None:
        """Log the faults, now that the ledger can be written again."""
        if not self.unanswered:
            return
        detail = {"event": "did not answer", "times": self.unanswered, "first": self.first_fault,
                  "when_down": self._choice}  # fmt: skip
        at = self.project.ledger.clock().isoformat()
        with chained(self.project.ledger.records) as connection:
            append_audit(connection, at, ACTOR, "door", detail)
        self.unanswered, self.first_fault = 0, None
        self.beat()

    @property
    def _choice(self) -> str:
        return self.project.config.door.when_down

    def _read(self) -> dict[str, Any]:
        try:
            told = json.loads(self.path.read_text())
        except (OSError, ValueError):
            return {}
        return told if isinstance(told, dict) else {}
