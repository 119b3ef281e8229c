"""The sound rows of a CSV file that has unsound ones, and the unsound ones by row and reason.

The slow way, taken only where the engine refuses a file: row by row, memory flat whatever a cell
holds. A sound row has as many cells as the header, is UTF-8 and is no longer than `LONGEST_BYTES`.
"""

import csv
import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, cast

LONGEST_BYTES: Final = 1 << 20  # one row, in the file
SHOWN: Final = 200  # characters of a value that are kept
ROW: Final = "charge_row"


@dataclass(frozen=True, slots=True)
class Unsound:
    """One row that cannot be read, and why."""

    row: int  # 1-based data row
    value: str
    reason: str


@dataclass(frozen=True, slots=True)
class Record:
    """One row as it stands in the file, quotes and line breaks included."""

    text: bytes  # up to LONGEST_BYTES of it
    size_bytes: int
    is_open: bool = False  # the file, or the longest row, ended within quotes


def open_bytes(path: Path) -> IO[bytes]:
    """The bytes of a file, unpacked."""
    if path.suffix == ".gz":
        return cast("IO[bytes]", gzip.open(path))
    return path.open("rb")


def split_rows(path: Path, delimiter: str, sound: Path, unsound: Path) -> tuple[int, int]:
    """Write the sound rows, each led by its number, and the unsound ones; how many of both."""
    counts = [0, 0]
    with (
        open_bytes(path) as rows,
        sound.open("wb") as good,
        unsound.open("w", newline="", encoding="utf-8") as bad,
    ):
        records = _records(rows)
        header = next(records).text
        width = len(_cells(header.decode("utf-8-sig"), delimiter))
        told = csv.writer(bad)
        told.writerow(("row", "value", "reason"))
        good.write(f"{ROW}{delimiter}".encode() + header.removeprefix(b"\xef\xbb\xbf"))
        number = 0
        for record in records:
            if not record.text.strip(b"\r\n"):
                continue
            number += 1
            fault = _fault(record, number, width, delimiter)
            if fault is None:
                good.write(f"{number}{delimiter}".encode() + record.text)
            else:
                told.writerow((fault.row, fault.value, fault.reason))
            counts[fault is not None] += 1
    return counts[0], counts[1]


def _fault(record: Record, number: int, width: int, delimiter: str) -> Unsound | None:
    shown = record.text[: SHOWN * 4].decode("utf-8", "backslashreplace").strip()[:SHOWN]
    if record.is_open and record.size_bytes <= LONGEST_BYTES:
        return Unsound(number, shown, "a quote is opened and never closed; close it")
    if record.size_bytes > LONGEST_BYTES:
        size = f"the row has {record.size_bytes:,} bytes"
        return Unsound(number, shown, f"{size}; rows have at most {LONGEST_BYTES:,}: shorten it")
    try:
        text = record.text.decode("utf-8")
    except UnicodeDecodeError as error:
        near = record.text[max(0, error.start - 20) : error.start + 20]
        value = near.decode("utf-8", "backslashreplace").strip()
        byte = f"byte 0x{record.text[error.start]:02X} is not UTF-8"
        return Unsound(number, value, f"{byte}; write the file as UTF-8")
    cells = len(_cells(text, delimiter))
    if cells == width:
        return None
    return Unsound(number, shown, f"has {cells} cells where the header has {width}; quote cells "
                   f"that hold {delimiter!r}, or give each its cell")  # fmt: skip


def _cells(text: str, delimiter: str) -> list[str]:
    return next(csv.reader([text], delimiter=delimiter), [])


def _records(rows: IO[bytes]) -> Iterator[Record]:
    """Rows by line break outside quotes; a row that grows too long is cut, its rest skipped."""
    held, size, quotes = b"", 0, 0
    while line := rows.readline(LONGEST_BYTES + 1):
        size += len(line)
        quotes += line.count(b'"')
        if size <= LONGEST_BYTES:
            held += line
        is_whole = line.endswith(b"\n")
        if is_whole and (quotes % 2 == 0 or size > LONGEST_BYTES):
            yield Record(held or line[: SHOWN * 4], size)
            held, size, quotes = b"", 0, 0
        elif not held:
            held = line[: SHOWN * 4]
    if size:
        yield Record(held, size, is_open=quotes % 2 == 1)
