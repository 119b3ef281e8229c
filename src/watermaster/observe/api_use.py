"""Requests to models behind an API, brought together by hour: what all formats of them share.

A format reads its documents (JSON of any layout, JSON lines, CSV) into `Use`; here they become rows
of `requests`, one per subject, model, version, consumer and hour, and `subjects`, one per API key
or deployment, its tags and day. The same request told twice counts once.
"""

import csv
import datetime as dt
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from watermaster.model.events import Notice, Progress, Tell
from watermaster.model.resources import SourceSpec
from watermaster.model.seen import Seen
from watermaster.observe.batches import Row, canonical, rejection, seen_rows
from watermaster.observe.files import Found, found_files, lines_of, records_of
from watermaster.units.periods import Period

Document = Mapping[str, Any]
LONGEST: Final = 1 << 28  # characters of one line: a page or log may be written without an end
MOST_FAULTS: Final = 10_000  # of one file that are listed; the rest is counted
COUNTS: Final = ("requests", "failed", "tokens_in", "tokens_out", "tokens_cached")
_NO_TIME: Final = dt.datetime.min.replace(tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """One request, or what an API counted for one key and model in some time. None: not told."""

    at: dt.datetime
    model: str
    key: str  # id of the API key or name of the deployment
    kind: str = "api-key"
    account: str | None = None  # project, workspace, subscription, cloud account
    version: str | None = None
    consumer: str | None = None
    creator: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    resource_id: str | None = None
    requests: int | None = None
    failed: int | None = None
    tokens_in: int | None = None  # cached ones included
    tokens_out: int | None = None
    tokens_cached: int | None = None
    same_as: str | None = None  # id of the request, or what tells this count from all others


Read = Callable[[Document], Iterable[Use]]  # ValueError, KeyError: why it cannot be used


def observe_uses(source: SourceSpec, window: Period, tell: Tell, read: Read) -> Iterator[Seen]:
    """Rows of `requests`, `subjects` and `rejected` of all files at the location.

    Of a count told by several files the last file's stands; files are read in order of their age.
    The option `labels` names those that are kept; without it all are.
    """
    files = sorted(found_files(source.location), key=lambda one: (one.modified_s(), one.name))
    named = source.options.get("labels")
    kept = None if named is None else frozenset(one.strip() for one in named.split(","))
    hours = _Hours(source.platform or str(source.type), window, kept)
    for number, file in enumerate(files):
        tell(Progress(number, len(files), "files", file.name))
        yield from seen_rows("rejected", _taken(file, read, hours))
    if hours.repeated:
        tell(Notice(f"{hours.repeated} requests or counts are told again; each counts once"))
    yield from hours.rows()


def _taken(file: Found, read: Read, hours: "_Hours") -> list[Row]:
    """Let the uses of a file be counted; what cannot be used is told."""
    told, more = file.told(), 0
    faults: list[Row] = []
    for number, document in enumerate(documents_of(file), start=1):
        try:
            if isinstance(document, ValueError):
                raise document
            for use in read(document):
                hours.count(use)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            reason = f"lacks {error}" if isinstance(error, KeyError) else str(error)
            more += len(faults) >= MOST_FAULTS
            if len(faults) < MOST_FAULTS:
                faults.append(rejection(told, number, "", _brief(document), reason))
    if more:
        faults.append(rejection(told, 0, "", None, f"{more} more documents like these"))
    return faults


def documents_of(file: Found) -> Iterator[Document | ValueError]:
    """The objects in a file: of a CSV its rows, of JSON lines each line, else the whole or a list.

    An object that cannot be read comes as the ValueError that says why.
    """
    if file.path.removesuffix(".gz").endswith(".csv"):
        yield from _csv(file)
        return
    lines = lines_of(file, LONGEST)
    first = next((line for line in lines if line.strip()), "")
    try:
        yield from _each(json.loads(first))
    except json.JSONDecodeError:
        yield from _whole(first, lines)
        return
    for line in lines:
        if line.strip():
            try:
                yield from _each(json.loads(line))
            except json.JSONDecodeError as error:
                yield ValueError(f"is no JSON: {error}")


def _whole(first: str, lines: Iterator[str]) -> Iterator[Document | ValueError]:
    """One JSON over many lines; where it is none, the first line is at fault."""
    rest = list(lines)
    try:
        yield from _each(json.loads(first + "".join(rest)))
    except json.JSONDecodeError as error:
        yield ValueError(f"is no JSON: {error}")
        for line in rest:
            try:
                yield from _each(json.loads(line)) if line.strip() else ()
            except json.JSONDecodeError as fault:
                yield ValueError(f"is no JSON: {fault}")


def _each(told: object) -> Iterator[Document | ValueError]:
    for one in told if isinstance(told, list) else [told]:
        yield one if isinstance(one, Mapping) else ValueError("is no object; deliver it again")


def _csv(file: Found) -> Iterator[Document | ValueError]:
    csv.field_size_limit(1 << 24)
    records = records_of(lines_of(file), ",;\t")
    names = [name.strip() for name in next(records)]
    for cells in records:
        if len(cells) == len(names):
            yield dict(zip(names, cells, strict=True))
        else:
            yield ValueError(f"has {len(cells)} cells where the header has {len(names)}")


@dataclass(slots=True)
class _Seen:
    """One key or deployment on one day."""

    about: dict[str, Any]
    first: dt.datetime
    last: dt.datetime


class _Hours:
    """Sums by hour; holds one entry per hour and key, and one hash per request."""

    def __init__(self, platform: str, window: Period, kept: frozenset[str] | None) -> None:
        self.platform, self.window, self.kept, self.repeated = platform, window, kept, 0
        self._sums: dict[tuple[Any, ...], list[int | None]] = {}
        self._subjects: dict[tuple[str, str, str], _Seen] = {}
        self._told: dict[int, tuple[tuple[Any, ...], list[int | None]] | None] = {}

    def count(self, use: Use) -> None:
        """One more use; a later telling of the same one takes the place of the earlier."""
        if not self.window.start <= use.at < self.window.end:
            return
        if self.kept is not None and use.labels:
            use = replace(use, labels={k: v for k, v in use.labels.items() if k in self.kept})
        amounts = _amounts(use)
        hour = use.at.replace(minute=0, second=0, microsecond=0)
        uid = _uid(use)
        key = (f"{hour:%Y-%m-%d}", use.kind, uid, hour, use.model, use.version, use.consumer,
               canonical(use.labels), use.resource_id)  # fmt: skip
        if use.same_as is not None and self._is_told(use, key, amounts):
            return
        _add(self._sums.setdefault(key, [None] * len(COUNTS)), amounts, 1)
        self._see(use, key[0], uid)

    def _is_told(self, use: Use, key: tuple[Any, ...], amounts: list[int | None]) -> bool:
        """Whether it needs no counting; a count that is told again takes the place of the last."""
        mark = hash((use.kind, use.same_as))
        if mark not in self._told:
            # a single request never changes: to know that it was told is enough
            self._told[mark] = None if use.requests == 1 else (key, amounts)
            return False
        self.repeated += 1
        before = self._told[mark]
        if before is None:
            return True
        _add(self._sums[before[0]], before[1], -1)
        self._told[mark] = (key, amounts)
        return False

    def _see(self, use: Use, day: str, uid: str) -> None:
        held = self._subjects.setdefault(
            (day, use.kind, uid),
            _Seen(
                {"name": use.key, "account": use.account, "creator": use.creator,
                 "labels": canonical(use.labels), "model": use.model,
                 "resource_id": use.resource_id}, use.at, use.at,
            ),
        )  # fmt: skip
        held.first, held.last = min(held.first, use.at), max(held.last, use.at)

    def rows(self) -> Iterator[Seen]:
        """All that was counted."""
        here = {"platform": self.platform}
        names = ("day", "subject_kind", "subject_uid", "hour", "model", "version", "consumer",
                 "labels", "resource_id")  # fmt: skip
        yield from seen_rows("requests", [
            here | dict(zip(names, key, strict=True)) | dict(zip(COUNTS, sums, strict=True))
            for key, sums in self._sums.items()
            if any(amount is not None for amount in sums)
        ])  # fmt: skip
        yield from seen_rows("subjects", [
            here | {"day": day, "subject_kind": kind, "subject_uid": uid, "first_seen": one.first,
                    "last_seen": one.last, "last_used": one.last} | one.about
            for (day, kind, uid), one in self._subjects.items()
        ])  # fmt: skip


def _uid(use: Use) -> str:
    """The key; requests with tags of their own are a thing of their own, so that tags find owners.

    >>> _uid(Use(at=_NO_TIME, model="m", key="k", labels={"team": "rag"}))
    'k?team=rag'
    """
    tags = "&".join(f"{name}={value}" for name, value in sorted(use.labels.items()))
    return f"{use.key}?{tags}" if tags else use.key


def _amounts(use: Use) -> list[int | None]:
    amounts = [getattr(use, name) for name in COUNTS]
    if any(amount is not None and amount < 0 for amount in amounts):
        raise ValueError("counts fewer than none; deliver it again")
    return amounts


def _add(sums: list[int | None], amounts: list[int | None], sign: int) -> None:
    for place, amount in enumerate(amounts):
        if amount is not None:
            sums[place] = (sums[place] or 0) + sign * amount


def told_apart(held: Document) -> str:
    """All that tells one count from another, whatever an API may add to it: all but amounts.

    >>> told_apart({"model": "m", "service_tier": "flex", "input_tokens": 7, "batch": None})
    'model=m service_tier=flex'
    """
    return " ".join(
        f"{name}={value}"
        for name, value in sorted(held.items())
        if isinstance(value, str | bool) and value != "" and not _AMOUNT.search(name)
    )


_AMOUNT: Final = re.compile(r"tokens|_requests|_count$|characters|seconds|images")


def whole(value: object) -> int | None:
    """A count from JSON or CSV; None where it is not told. ValueError where it is none."""
    if value is None or value == "":
        return None
    number = float(str(value))
    if number != int(number):
        raise ValueError(f"counts {value!r}; write digits without a fraction")
    return int(number)


def moment(value: object) -> dt.datetime:
    """A time as ISO 8601 or in seconds since 1970. ValueError where it is none."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return dt.datetime.fromtimestamp(value, dt.UTC)
    text = str(value).strip()
    if text.isdecimal():
        return dt.datetime.fromtimestamp(int(text), dt.UTC)
    try:
        found = dt.datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text[:40]!r} is no time; write ISO 8601") from None
    return found.astimezone(dt.UTC) if found.tzinfo else found.replace(tzinfo=dt.UTC)


def _brief(document: object) -> str | None:
    return None if isinstance(document, ValueError) else json.dumps(document, default=str)
