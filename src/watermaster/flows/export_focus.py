"""Write allocated costs as FOCUS 1.4, CSV or Parquet."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from watermaster.decide.cost.focus_out import focus_rows
from watermaster.flows.closed import files_of, known_closes
from watermaster.flows.open import Project
from watermaster.ledger.head import Head, read_head
from watermaster.ledger.read import read_files
from watermaster.model.errors import NotFoundError, UsageError
from watermaster.model.tables import Table

NEEDED = ("charges", "allocations")
KINDS = (".csv", ".parquet")
FORMULA = r"^[=+\-@\t\r]"  # what a spreadsheet would run


@dataclass(frozen=True, slots=True, kw_only=True)
class FocusExport:
    """What was written, and from what."""

    rule: str
    snapshot: str
    why: str
    path: Path
    rows: int


def export_focus(project: Project, months: Sequence[str], path: Path) -> FocusExport:
    """The allocations of some billing months (none: all) as one FOCUS 1.4 file."""
    if path.suffix not in KINDS:
        raise UsageError(str(path), "ends in neither .csv nor .parquet", "name one of the two")
    head = read_head(project.ledger.records)
    charges, allocations = (_at(project, head, name, months) for name in NEEDED)
    decision = focus_rows(charges, allocations)
    engine = project.ledger.engine
    rows = int(engine.to_pyarrow(allocations.count()).as_py())
    if not rows:
        named = ", ".join(months) or "any month"
        raise NotFoundError(named, "has no allocations", "run wm allocate first")
    _check_writable(path)
    if path.suffix == ".csv":
        engine.to_csv(_defused(decision.rows), path)
    else:
        engine.to_parquet(decision.rows, path, compression="zstd")
    return FocusExport(
        rule=decision.rule, snapshot=head.name, why=decision.why, path=path, rows=rows
    )


def _check_writable(path: Path) -> None:
    # the engine would say no more than that a file is missing, as it does of the ledger's own
    try:
        path.open("ab").close()
    except OSError as error:
        raise UsageError(
            str(path), str(error.strerror), "name a file that can be written"
        ) from None


def _at(project: Project, head: Head, name: str, months: Sequence[str]) -> Table:
    """A fact table of some months; closed months as they were closed, without adjustments."""
    files = files_of(project, head, name, known_closes(project), months)
    return read_files(project.ledger, name, files)


def _defused(rows: Table) -> Table:
    """Text cells that a spreadsheet would run as formulas get a leading quote."""
    texts = [name for name, kind in rows.schema().items() if kind.is_string()]
    return rows.mutate(**{name: rows[name].re_replace(FORMULA, "'\\0") for name in texts})
