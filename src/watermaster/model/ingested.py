"""What ingest flows return."""

from dataclasses import dataclass, field
from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class FileIngested:
    """One delivered file."""

    file: str
    sha256: str
    version: str
    rows: int
    rejected: int
    rounding: dict[str, Decimal] = field(default_factory=dict)  # exact sum - stored sum
    notices: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceIngested:
    """What one slice holds now."""

    period: str  # billing month or day
    part: str
    rows: int
    cost: Decimal | None  # billed; None for telemetry
    was_rows: int | None = None  # before, if it was held
    was_cost: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingested:
    """The outcome of one `wm ingest` run."""

    source: str
    table: str
    revision: str
    files: list[FileIngested]
    slices: list[SliceIngested]
    unchanged: int  # files held already, byte for byte

    @property
    def rejected(self) -> int:
        """Rows that could not be used."""
        return sum(file.rejected for file in self.files)
