"""Who read, wrote and deleted what, from the access logs of object stores.

Location: a folder, glob or address of log files: S3 server access logs, CloudTrail data events,
or Azure's resource logs of blob storage; each file is taken for what its first line is.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from watermaster.model.access import Verb
from watermaster.model.errors import BadInputError, BadResourceError
from watermaster.model.events import Notice, Progress, Tell
from watermaster.model.resources import SourceSpec
from watermaster.model.seen import ACCESSES, Seen
from watermaster.observe.access_lines import Access, Fault, accesses_of
from watermaster.observe.batches import BATCH_ROWS, Row, canonical, rejection, seen_rows
from watermaster.observe.files import Found, found_files
from watermaster.units.periods import Period

MOST_FAULTS: Final = 100  # of a file that are told line by line
KIND: Final = "identity"
Use = tuple[str, str, str]  # day, location, identity
Asking = tuple[datetime, str, str, Verb]  # hour, folder, identity with its session


@dataclass(slots=True)
class Used:
    """What one identity did at one location on one day."""

    bytes: int = 0
    reads: int = 0
    writes: int = 0
    first: datetime | None = None
    last: datetime | None = None

    def add(self, one: Access) -> None:
        """One more request."""
        is_read = one.verb is Verb.READ
        self.bytes += one.bytes if is_read else 0
        self.reads += is_read
        self.writes += not is_read
        self.first = min(self.first or one.at, one.at)
        self.last = max(self.last or one.at, one.at)


class _Log:
    """All that was used, summed; one entry per day, location and identity."""

    def __init__(self, source: SourceSpec, window: Period) -> None:
        self.window, self.platform = window, source.platform
        text = source.options.get("depth", "1")
        if not text.isdigit() or int(text) > 10:
            raise BadResourceError("options.depth", f"{text!r} is no depth", "write 0 to 10")
        self.depth = int(text)
        self.used: dict[Use, Used] = {}
        self.about: dict[str, Access] = {}  # identity to a request of it
        self.stores: dict[str, str] = {}  # location to what the bill calls its store
        self.asked: dict[Asking, list[int]] = {}  # requests and bytes of the file at hand

    def add(self, one: Access) -> None:
        """A request that was answered, in the window."""
        if not self.window.start <= one.at < self.window.end:
            return
        self._ask(one)
        if one.verb not in {Verb.READ, Verb.WRITE}:
            return
        folders = one.key.split("/")[:-1][: self.depth]
        location = "/".join((one.store, *folders))
        key = f"{one.at:%Y-%m-%d}", location, one.who
        self.used.setdefault(key, Used()).add(one)
        self.about.setdefault(one.who, one)
        if one.resource_id:
            self.stores[location] = one.resource_id

    def _ask(self, one: Access) -> None:
        """For the access log: refused or not, by the folder it lies in."""
        hour = one.at.replace(minute=0, second=0, microsecond=0)
        store = one.store if one.store.startswith("s3:") else f"{one.store}@{one.platform}"
        folder = "/".join((store, *one.key.split("/")[:-1]))
        held = self.asked.setdefault((hour, folder, one.whole, one.verb), [0, 0])
        held[0] += 1
        held[1] += one.bytes if one.verb is Verb.READ else 0

    def told(self) -> Iterator[Seen]:
        """What the file at hand told, for the access log."""
        rows = [
            {"hour": hour, "folder": folder, "subject": who, "verb": verb.value,
             "requests": requests, "bytes": size_bytes}
            for (hour, folder, who, verb), (requests, size_bytes) in self.asked.items()
        ]  # fmt: skip
        self.asked = {}
        yield from seen_rows(ACCESSES, rows)


def observe(source: SourceSpec, window: Period, tell: Tell) -> Iterator[Seen]:
    """`transfers` by day, prefix and identity, each identity with what it used as `subjects`, and
    who asked for what in which hour for the access log.

    A file that cannot be read is a stated gap, a line that cannot be used a rejected row.
    """
    log = _Log(source, window)
    files = found_files(source.location)
    for number, file in enumerate(files):
        tell(Progress(number, len(files), "files", file.name))
        try:
            yield from seen_rows("rejected", _read(file, log))
            yield from log.told()
        except (BadInputError, OSError) as error:
            reason = f"{getattr(error, 'what', error)}; {getattr(error, 'fix', 'try again')}"
            tell(Notice(f"{file.name}: {reason}"))
            row = {"delivery": "", "file": file.name, "row": 0, "column": "access log",
                   "reason": reason}  # fmt: skip
            yield from seen_rows("rejected", [row])
    yield from _batches("transfers", _transfers(log))
    yield from _batches("subjects", _identities(log))


def _read(file: Found, log: _Log) -> list[Row]:
    faults: list[tuple[int, Fault]] = []
    count = 0
    for number, one in accesses_of(file):
        if isinstance(one, Fault):
            count += 1
            faults += [(number, one)] if count <= MOST_FAULTS else []
        else:
            log.add(one)
    if not faults:
        return []
    told = file.told()
    more = f" ({count} lines of the file)" if count > MOST_FAULTS else ""
    return [
        rejection(told, number, "line", fault.text, fault.reason + more) for number, fault in faults
    ]


def _transfers(log: _Log) -> Iterator[Row]:
    for (day, location, who), used in sorted(log.used.items()):
        if used.reads:
            about = log.about[who]
            yield {
                "day": day, "location": location, "resource_id": log.stores.get(location),
                "platform": log.platform or about.platform, "subject_kind": KIND,
                "subject_uid": who, "bytes": used.bytes,
            }  # fmt: skip


def _identities(log: _Log) -> Iterator[Row]:
    held: dict[tuple[str, str], dict[str, Used]] = {}
    for (day, location, who), used in log.used.items():
        held.setdefault((day, who), {})[location] = used
    for (day, who), places in sorted(held.items()):
        about = log.about[who]
        last = max(used.last for used in places.values() if used.last)
        yield {
            "day": day, "platform": log.platform or about.platform, "subject_kind": KIND,
            "subject_uid": who, "name": about.name, "account": about.account,
            "first_seen": min(used.first for used in places.values() if used.first),
            "last_seen": last, "last_used": last,
            "uses": json.dumps(sorted(places), separators=(",", ":")),
            "attributes": canonical({
                "reads": str(sum(used.reads for used in places.values())),
                "writes": str(sum(used.writes for used in places.values())),
                "read_bytes": str(sum(used.bytes for used in places.values())),
            }),
        }  # fmt: skip


def _batches(table: str, rows: Iterator[Row]) -> Iterator[Seen]:
    held: list[Row] = []
    for row in rows:
        held.append(row)
        if len(held) >= BATCH_ROWS:
            yield from seen_rows(table, held)
            held = []
    yield from seen_rows(table, held)
