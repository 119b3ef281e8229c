"""What verifying found: rows, files and signatures that are not what they were."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """One thing that was changed, removed or slipped in after it was sealed."""

    thing: str  # audit 7, evidence 3f9a..., file weights/part-1.bin
    column: str | None  # what of it; None: the whole, or nobody can tell
    what: str  # in words, with what it was where that can be told

    @property
    def sentence(self) -> str:
        """Thing and what became of it."""
        return f"{self.thing}: {self.what}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What an exported audit log was when it was exported; the last line of its file."""

    at: str
    organisation: str
    rows: int
    first: int  # `seq` of its first row
    last_hash: str  # of its last row; 64 zeros where it has none
    evidence: int  # pieces of evidence with it
    sha256: str  # of all lines before the proof's
