"""A delivered file as an all-text table: what a connector of bills gets."""

import hashlib
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb
import fsspec
import ibis

from watermaster.ledger.open import Ledger
from watermaster.ledger.spill import own_folder
from watermaster.model.errors import BadInputError, NotFoundError
from watermaster.model.tables import Table

BLOCK_BYTES: Final = 1 << 20
KINDS: Final = (".csv", ".csv.gz", ".parquet")


@dataclass(frozen=True, slots=True)
class Delivered:
    """One file as it arrived."""

    name: str  # path relative to the location
    path: Path  # where it can be read from
    sha256: str
    modified_at: float  # seconds since 1970, as its store says

    @property
    def charge_file(self) -> str:
        """How charges name the file."""
        return self.sha256[:16]


@contextmanager
def delivered(ledger: Ledger, location: str) -> Iterator[list[Delivered]]:
    """The files at a file, folder, glob, s3:// or abfs:// location, each readable here."""
    store, root = fsspec.core.url_to_fs(location)
    names = _names(store, root, location)
    local = store.protocol == "file" or "file" in tuple(store.protocol)
    spool = own_folder(ledger.home)
    try:
        yield [_fetch(store, name, root, None if local else spool) for name in names]
    finally:
        shutil.rmtree(spool, ignore_errors=True)


def _names(store: fsspec.AbstractFileSystem, root: str, location: str) -> list[str]:
    if any(sign in root for sign in "*?["):
        found = store.glob(root)
    elif store.isdir(root):
        found = store.find(root)
    else:
        found = [root] if store.exists(root) else []
    bills = sorted(name for name in found if name.endswith(KINDS))
    if not bills:
        raise NotFoundError(
            location, "holds no .csv, .csv.gz or .parquet file", "name a file, folder or glob"
        )
    return bills


def _fetch(store: fsspec.AbstractFileSystem, name: str, root: str, spool: Path | None) -> Delivered:
    path = Path(name)
    if spool is not None:
        path = spool / hashlib.sha256(name.encode()).hexdigest() / Path(name).name
        path.parent.mkdir(parents=True, exist_ok=True)
        store.get_file(name, str(path))
    seal = hashlib.sha256()
    with path.open("rb") as handle:
        while block := handle.read(BLOCK_BYTES):
            seal.update(block)
    relative = name.removeprefix(root).lstrip("/") or Path(name).name
    return Delivered(relative, path, seal.hexdigest(), store.modified(name).timestamp())


def as_text(ledger: Ledger, file: Delivered) -> Table:
    """The file's columns as text, with `charge_file` and `charge_row` (1-based data row)."""
    reader = _parquet if file.path.suffix == ".parquet" else _csv
    rows = reader(ledger, file)
    return rows.mutate(
        charge_file=ibis.literal(file.charge_file),
        charge_row=(ibis.row_number() + 1).cast("int64"),
    )


def ask(ledger: Ledger, question: Table) -> Mapping[str, object]:
    """The one row a question about a delivery is answered with."""
    row: Mapping[str, object] = ledger.engine.to_pyarrow(question).to_pylist()[0]
    return row


def _csv(ledger: Ledger, file: Delivered) -> Table:
    try:
        return ledger.engine.read_csv(
            file.path, all_varchar=True, header=True, null_padding=False, strict_mode=True
        )
    except duckdb.Error as error:
        raise BadInputError(
            file.name, str(error).splitlines()[0], "deliver a comma-separated UTF-8 file"
        ) from None


def _parquet(ledger: Ledger, file: Delivered) -> Table:
    return ledger.engine.read_parquet(file.path)
