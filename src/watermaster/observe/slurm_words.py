"""How Slurm writes things down: `Key=value` records, durations, counts, and words for nothing."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from watermaster.observe.times import epoch_of

NOTHING: Final = frozenset({
    "", "(null)", "N/A", "n/a", "n/s", "None", "NONE", "none", "UNLIMITED", "Unknown",
    "None assigned",
})  # fmt: skip
_KEY: Final = re.compile(r"(?:^|\s)([A-Z][A-Za-z_/:]*)=")
_DURATION: Final = re.compile(r"(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+)$")
MIB: Final = 1 << 20
FREE: Final = "\x1f"  # a separator that no name holds


def records(lines: Iterable[str], first_key: str) -> Iterator[dict[str, str]]:
    """What `scontrol show` prints, with or without -o: one record from each `first_key=` on.

    >>> list(records(["NodeName=a Reason=bad fan [ops@1]", "   State=IDLE", ""], "NodeName"))
    [{'NodeName': 'a', 'Reason': 'bad fan [ops@1]', 'State': 'IDLE'}]
    """
    found: dict[str, str] = {}
    for line in lines:
        told = pairs(line.strip())
        if first_key in told and found:
            yield found
            found = {}
        if found or first_key in told:
            for key, value in told.items():
                found.setdefault(key, value)
    if found:
        yield found


def pairs(line: str) -> dict[str, str]:
    """`Key=value Key=value`, where a value may hold spaces; of a key told twice the first stands.

    >>> pairs("Name=a b State=UP Name=c")
    {'Name': 'a b', 'State': 'UP'}
    """
    marks = list(_KEY.finditer(line))
    ends = [*(mark.start() for mark in marks[1:]), len(line)]
    found: dict[str, str] = {}
    for mark, end in zip(marks, ends, strict=False):
        found.setdefault(mark[1], line[mark.end() : end].strip())
    return found


def cells_of(lines: Iterable[str]) -> Iterator[list[str]]:
    """Cells of `--parsable2` output, the header first. It quotes nothing, so quotes are text."""
    lines = iter(lines)
    header = next(lines, "").rstrip("\r\n")
    separator = FREE if FREE in header else "|"
    yield header.split(separator)
    for line in lines:
        if told := line.rstrip("\r\n"):
            yield told.split(separator)


def word(value: str | None) -> str | None:
    """The text, or None where Slurm says that there is none."""
    return None if value is None or value in NOTHING else value


def moment_s(value: str | None, zone: str) -> int | None:
    """Epoch seconds of a time as Slurm prints it."""
    return None if word(value) is None else epoch_of(value or "", zone)


def duration_s(value: str | None) -> int | None:
    """Seconds of `[days-][hours:]minutes:seconds`; None where there is no limit.

    >>> duration_s("1-02:00:00"), duration_s("30:00"), duration_s("UNLIMITED")
    (93600, 1800, None)
    """
    parts = _DURATION.match(value or "")
    if not parts:
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in parts.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


def count(value: str | None) -> int | None:
    """A plain whole number, else None."""
    return int(value) if value and value.isdigit() else None


def mebibytes(value: str | None) -> int | None:
    """Bytes of a plain number of MiB."""
    held = count(value)
    return None if held is None else held * MIB


def known(told: Mapping[str, Any]) -> dict[str, Any]:
    """Only what is known."""
    return {key: value for key, value in told.items() if value not in (None, "", [], {})}
