"""What lies in object stores and folders: buckets, prefixes and checkpoints with their bytes.

Location: `s3://BUCKET[/PREFIX]`, `s3://` for every bucket, `abfs://CONTAINER[/PREFIX]`, or a
folder. Only the listing is read, unless samples of the content are asked for.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from watermaster.model.errors import BadInputError, BadResourceError
from watermaster.model.events import Notice, Progress, Tell
from watermaster.model.resources import SourceSpec
from watermaster.model.seen import Seen
from watermaster.observe.batches import Row, canonical, seen_rows
from watermaster.observe.store_azure import azure_stores
from watermaster.observe.store_folder import folder_stores
from watermaster.observe.store_place import Store, UnreadError
from watermaster.observe.store_s3 import s3_stores
from watermaster.observe.store_tree import Branch, Entry, Unread, branches, digest
from watermaster.units.periods import Period

ROWS: Final = 5_000  # told at once
TOLD_EVERY: Final = 100_000  # objects
MOST_FORMATS: Final = 3


class Digest(StrEnum):
    """What tells that two folders hold the same."""

    ETAGS = "etags"  # names, sizes and the store's own digests: nothing is opened
    SAMPLED = "sampled"  # names, sizes and some of the content: the same in every store
    NONE = "none"


class _Pull:
    """One reading of one source."""

    def __init__(self, source: SourceSpec, at: datetime, tell: Tell) -> None:
        usual = Digest.ETAGS if "://" in source.location else Digest.SAMPLED
        self.digest = _choice(source, usual)
        self.depth = _depth(source)
        self.at, self.tell = at, tell
        self.gaps: dict[tuple[str, str, str], int] = {}  # address, kind, reason

    def miss(self, address: str, kind: str, reason: str) -> None:
        """Keep that something was not told."""
        key = address, kind, reason
        self.gaps[key] = self.gaps.get(key, 0) + 1


def observe(source: SourceSpec, window: Period, tell: Tell) -> Iterator[Seen]:
    """One row of `subjects` per bucket, prefix and checkpoint, on the last day of the window."""
    pull = _Pull(source, window.end - timedelta(microseconds=1), tell)
    seen = 0
    for store in _stores(source, pull):
        held: list[Row] = []
        for branch in branches(_entries(store, pull)):
            held += _rows(store, branch, pull)
            seen += branch.objects
            if len(held) >= ROWS:
                yield from seen_rows("subjects", held)
                held = []
        yield from seen_rows("subjects", held)
    broken = [gap for gap in pull.gaps if gap[1] == "listing"]
    if broken and not seen:
        raise BadInputError(broken[0][0], broken[0][2], "see docs/how-to/connect-stores.md")
    yield from _unread(pull)


def _stores(source: SourceSpec, pull: _Pull) -> Iterator[Store]:
    location = source.location
    try:
        if location.startswith("s3://"):
            yield from s3_stores(source, pull.miss)
        elif location.startswith(("abfs://", "abfss://", "az://")):
            yield from azure_stores(source, pull.miss)
        elif "://" in location.removeprefix("file://"):
            fix = "write s3://, abfs:// or a folder"
            raise BadResourceError("location", f"{location} is no store known here", fix)
        else:
            yield from folder_stores(source)
    except UnreadError as error:
        raise BadInputError(location, error.reason, "see docs/how-to/connect-stores.md") from None


def _entries(store: Store, pull: _Pull) -> Iterator[Entry | Unread]:
    """The listing; where it breaks off, what was open is told as not whole."""
    last, number = "", 0
    try:
        for number, one in enumerate(store.entries(), start=1):
            last = one.key
            if isinstance(one, Unread):
                pull.miss(f"{store.address}/{one.key}".rstrip("/"), "listing", one.reason)
                yield one
            else:
                yield one if pull.digest is Digest.ETAGS else one._replace(mark=None)
            if number % TOLD_EVERY == 0:
                pull.tell(Progress(number, None, "objects", store.address))
    except UnreadError as error:
        pull.miss(store.address, "listing", f"{error.reason}, after {number:,} objects")
        yield Unread(last, error.reason)


def _rows(store: Store, branch: Branch, pull: _Pull) -> Iterator[Row]:
    level = len(branch.path)
    address = "/".join((store.address, *branch.path))
    if level and branch.is_checkpoint:
        above = store.address if level <= pull.depth else "/".join(
            (store.address, *branch.path[: pull.depth])
        )  # fmt: skip
        yield _row(store, branch, ("checkpoint", address, above), pull)
    elif level == pull.depth and level:
        yield _row(store, branch, ("prefix", address, store.address), pull)
    elif not level:
        yield _row(store, branch, ("bucket" if store.is_whole else "prefix", address, None), pull)


def _row(store: Store, branch: Branch, told: tuple[str, str, str | None], pull: _Pull) -> Row:
    """Sizes of what is not whole are unknown, never less."""
    kind, address, above = told
    whole = branch.whole
    made = _digest(store, branch, pull) if kind != "bucket" else None
    formats = sorted((branch.formats or {}).items(), key=lambda one: (-one[1], one[0]))
    attributes = {
        "objects": str(branch.objects) if whole else None,
        "last_write": branch.newest and branch.newest.isoformat(timespec="seconds"),
        "last_read": branch.read.isoformat(timespec="seconds") if branch.read else "unknown",
        "formats": ", ".join(name for name, _ in formats[:MOST_FORMATS]),
        "digest": f"folder/1 {pull.digest}" if made else None,
    }
    times = [one for one in (branch.newest, branch.read) if one]
    return {
        "day": f"{pull.at:%Y-%m-%d}", "platform": store.platform, "subject_kind": kind,
        "subject_uid": address, "name": address.rpartition("/")[2], "account": store.account,
        "parent_uid": above, "labels": canonical(store.labels), "first_seen": pull.at,
        "last_seen": pull.at, "resource_id": None if above else store.resource_id,
        "created_at": branch.oldest, "last_used": max(times, default=None) if whole else None,
        "bytes": branch.bytes if whole else None, "artefact": made or address,
        "attributes": canonical({key: text for key, text in attributes.items() if text}),
    }  # fmt: skip


def _digest(store: Store, branch: Branch, pull: _Pull) -> str | None:
    if pull.digest is Digest.NONE or not branch.whole or not branch.bytes:
        return None
    if pull.digest is Digest.ETAGS:
        return digest(branch, "etags") if branch.marked else None
    folder = "".join(f"{name}/" for name in branch.path)
    try:
        samples = [
            store.sample(f"{folder}{name}", size) for _, name, size in sorted(branch.chosen or [])
        ]
    except UnreadError as error:
        pull.miss(store.address, "digest", error.reason)
        return None
    return digest(branch, "sampled", samples)


def _unread(pull: _Pull) -> Iterator[Seen]:
    rows = []
    for (address, kind, reason), count in pull.gaps.items():
        text = f"{reason} ({count} times)" if count > 1 else reason
        pull.tell(Notice(f"{address}: {kind}: {text}"))
        rows.append({"delivery": "", "file": address, "row": 0, "column": kind, "reason": text})
    yield from seen_rows("rejected", rows)


def _choice(source: SourceSpec, usual: Digest) -> Digest:
    word = source.options.get("digest", usual.value)
    if word not in set(Digest):
        fix = f"write {', '.join(Digest)}"
        raise BadResourceError("options.digest", f"{word!r} is no way to make one", fix)
    return Digest(word)


def _depth(source: SourceSpec) -> int:
    text = source.options.get("depth", "1")
    if not text.isdigit() or int(text) > 10:
        raise BadResourceError("options.depth", f"{text!r} is no depth", "write 0 to 10")
    return int(text)
