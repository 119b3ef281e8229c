"""A delivered file as an all-text table: what a connector of bills gets."""

import codecs
import csv
import gzip
import hashlib
import shutil
import sys
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Final

import duckdb
import fsspec
import ibis
import pyarrow as pa

from watermaster.ledger.csv_rows import LONGEST_BYTES, ROW, open_bytes, split_rows
from watermaster.ledger.engine import exactly
from watermaster.ledger.exports import newest_runs
from watermaster.ledger.open import Ledger
from watermaster.ledger.spill import own_folder
from watermaster.model.errors import BadInputError, NotFoundError
from watermaster.model.tables import Table

BLOCK_BYTES: Final = 1 << 20
KINDS: Final = (".csv", ".csv.gz", ".parquet")
CLIENT_FAILURES: Final = (
    ("botocore.exceptions", "BotoCoreError"),
    ("botocore.exceptions", "ClientError"),
    ("azure.core.exceptions", "AzureError"),
)
DELIMITERS: Final = (",", ";", "\t", "|")


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


@dataclass(frozen=True, slots=True)
class Text:
    """A delivery's rows as text, and the rows that could not even be read."""

    rows: Table
    unsound: Table  # row, value, reason
    unsound_rows: int


class UnsoundError(BadInputError):
    """The engine cannot read a CSV file as it stands; its sound rows may still be had."""


@contextmanager
def delivered(ledger: Ledger, location: str) -> Iterator[list[Delivered]]:
    """The files at a file, folder, glob, s3:// or abfs:// location, each readable here."""
    spool = own_folder(ledger.home)
    try:
        with _told_store(location):
            store, root = fsspec.core.url_to_fs(location)
            names = _names(store, root, location)
            local = "file" in (
                (store.protocol,) if isinstance(store.protocol, str) else store.protocol
            )
            files = [_fetch(store, name, root, None if local else spool) for name in names]
        yield files
    finally:
        shutil.rmtree(spool, ignore_errors=True)


@contextmanager
def _told_store(location: str) -> Iterator[None]:
    """Whatever a store says when it cannot be read, as one sentence."""
    try:
        yield
    except PermissionError as error:
        who = "give this user the right to read it"
        raise BadInputError(str(error.filename or location), "may not be read", who) from None
    except ImportError as error:
        extra = "s3" if location.startswith("s3") else "azure"
        fix = f"install it: pip install 'watermaster[{extra}]'"
        raise BadInputError(location, f"needs a client that is not there ({error})", fix) from None
    except _failures() as error:
        fix = "check the address, the network and the credentials"
        raise BadInputError(location, f"cannot be read ({error})", fix) from None


def _failures() -> tuple[type[Exception], ...]:
    """What the clients of object stores raise, of those that are at work."""
    own = (getattr(sys.modules[m], name) for m, name in CLIENT_FAILURES if m in sys.modules)
    return OSError, ValueError, *own


def _names(store: fsspec.AbstractFileSystem, root: str, location: str) -> list[str]:
    # a file may bear the signs of a pattern in its own name
    if any(sign in root for sign in "*?[") and not store.exists(root):
        found = [name for name in store.glob(root) if store.isfile(name)]
    elif store.isdir(root):
        found = store.find(root)
    else:
        found = [root] if store.exists(root) else []
    counted = newest_runs(store, found)
    bills = sorted(name for name in counted if name.endswith(KINDS))
    if not bills:
        what = "is not there" if not found and not store.exists(root) else "holds no bill"
        raise NotFoundError(
            location, what, "name a .csv, .csv.gz or .parquet file, a folder or a glob of them"
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


def as_text(ledger: Ledger, file: Delivered, nulls: Sequence[str]) -> Table:
    """The file's columns as text, with `charge_file` and `charge_row` (1-based data row).

    Texts among `nulls` are NULL. Columns of a Parquet file that hold no text keep their type.
    """
    read = _parquet if file.path.suffix == ".parquet" else _csv
    rows = read(ledger, file, nulls)
    return _named(rows.mutate(charge_row=(ibis.row_number() + 1).cast("int64")), file)


def sound_text(ledger: Ledger, file: Delivered, nulls: Sequence[str]) -> Text:
    """The rows of an unsound CSV file that can be read, and those that cannot."""
    folder = own_folder(ledger.home)
    folder.mkdir(parents=True)
    sound, unsound = folder / "sound.csv", folder / "unsound.csv"
    header = _header(file)
    _, count = split_rows(file.path, header.delimiter, sound, unsound)
    rows = _read_csv(ledger, sound, replace(header, names=[ROW, *header.names]), nulls)
    told = ledger.engine.read_csv(
        exactly(unsound), header=True, types={"row": "int64", "value": "string", "reason": "string"}
    )
    return Text(_named(rows.mutate(charge_row=rows[ROW].cast("int64")), file), told, count)


def _named(rows: Table, file: Delivered) -> Table:
    return rows.mutate(charge_file=ibis.literal(file.charge_file))


def ask(ledger: Ledger, question: Table) -> pa.Table:
    """The answer to a question about a delivery; UnsoundError if it cannot be had."""
    try:
        return ledger.engine.to_pyarrow(question)
    except duckdb.Error as error:
        if "CSV Error" not in str(error) and "Invalid unicode" not in str(error):
            raise
        raise UnsoundError("delivery", first_line(error), "deliver sound CSV in UTF-8") from None


def first_line(error: Exception) -> str:
    """What an engine's error begins with."""
    return str(error).splitlines()[0]


@dataclass(frozen=True, slots=True)
class _Header:
    """The first line of a CSV file."""

    names: list[str]
    delimiter: str


def _header(file: Delivered) -> _Header:
    """The names of the columns; a name that is there twice gets `_1`, as the engine does."""
    line = b""
    try:
        with _unpacked(file) as handle:
            line = handle.readline(LONGEST_BYTES)
        text = line.decode("utf-8-sig")
    except UnicodeDecodeError:
        what = "is UTF-16" if line[:2] in {b"\xff\xfe", b"\xfe\xff"} else "has no UTF-8 header"
        raise BadInputError(file.name, what, "deliver a comma-separated UTF-8 file") from None
    if not text.strip():
        raise BadInputError(file.name, "is empty", "deliver a bill with a header line")
    delimiter = max(DELIMITERS, key=text.count)
    return _Header(_once(next(csv.reader([text], delimiter=delimiter))), delimiter)


def _once(names: Sequence[str]) -> list[str]:
    taken: set[str] = set()
    found = []
    for place, name in enumerate(names):
        given = name.strip() or f"column{place}"
        free, number = given, 0
        while free.lower() in taken:
            number += 1
            free = f"{given}_{number}"
        taken.add(free.lower())
        found.append(free)
    return found


def _csv(ledger: Ledger, file: Delivered, nulls: Sequence[str]) -> Table:
    header = _header(file)
    _read_through(file)
    return _read_csv(ledger, file.path, header, nulls)


def _read_through(file: Delivered) -> None:
    """Meet what the engine would meet late or never: a packed file cut off, bytes of no UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with _unpacked(file) as handle:
            while block := handle.read(BLOCK_BYTES):
                decoder.decode(block)
    except UnicodeDecodeError:
        raise UnsoundError(file.name, "is not UTF-8", "deliver a UTF-8 file") from None


@contextmanager
def _unpacked(file: Delivered) -> Iterator[IO[bytes]]:
    try:
        with open_bytes(file.path) as handle:
            yield handle
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        what = f"is no whole gzip file ({error})"
        fix = "deliver it again; it was cut off, or is not packed at all"
        raise BadInputError(file.name, what, fix) from None


def _read_csv(ledger: Ledger, path: Path, header: _Header, nulls: Sequence[str]) -> Table:
    # nothing is guessed: a guess that fails on row 3 is told as a fault of the header
    return ledger.engine.read_csv(
        exactly(path), columns=dict.fromkeys(header.names, "VARCHAR"), header=True,
        auto_detect=False, delim=header.delimiter, quote='"', escape='"', null_padding=False,
        strict_mode=True, nullstr=list(nulls),
    )  # fmt: skip


def _parquet(ledger: Ledger, file: Delivered, nulls: Sequence[str]) -> Table:
    try:
        rows = ledger.engine.read_parquet(exactly(file.path))
    except duckdb.Error as error:
        raise BadInputError(
            file.name, f"is no whole Parquet file ({first_line(error)})", "deliver it again"
        ) from None
    return without_nulls(rows, nulls)


def without_nulls(rows: Table, nulls: Sequence[str]) -> Table:
    """The rows with NULL for each text that stands for it.

    One comparison per spelling and only for short texts: the engine would make IN a join.
    """
    nothing, longest_bytes = ibis.null("string"), max(map(len, nulls))
    texts = {}
    for name, kind in rows.schema().items():
        if kind.is_string():
            text = rows[name]
            said = ibis.cases(*((text == null, nothing) for null in nulls), else_=text)
            texts[name] = (text.length() <= longest_bytes).ifelse(said, text)
    return rows.mutate(**texts).view() if texts else rows
