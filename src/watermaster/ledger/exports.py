"""Which files of a cloud's export folder count: of each period, those of its newest run.

AWS Data Exports, legacy Cost and Usage Reports and Azure Cost Management write the month to date
again and again, often beside the last run. Each run's manifest names its period and its files.
"""

import datetime as dt
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import fsspec

from watermaster.model.errors import BadInputError, RefusedError

_MANIFEST: Final = re.compile(r"(^|[-/])manifest\.json$", re.IGNORECASE)
_MONTH: Final = re.compile(r"BILLING_PERIOD=(\d{4})-(\d\d)")
_RANGE: Final = re.compile(r"/(\d{8})-(\d{8})/")
_RUN: Final = re.compile(r"(.*(?:/BILLING_PERIOD=\d{4}-\d\d|/\d{8}-\d{8}))/(.+)/[^/]+$")
_STAMP: Final = re.compile(r"/(\d{4}-\d\d-\d\dT\d\d[:-]?\d\d[:-]?\d\d)")
_TWICE: Final = "its cost would count twice"


@dataclass(frozen=True, slots=True)
class _Run:
    """One execution of an export, as its manifest tells."""

    name: str  # of the manifest
    series: str  # runs of one series replace each other
    start: str  # YYYYMMDD
    end: str  # the last day or the first after it, whichever its provider writes
    at: tuple[int, str]  # later is newer
    files: tuple[str, ...]

    def overlaps(self, other: "_Run") -> bool:
        """Whether both hold some day."""
        return self.start == other.start or (self.start < other.end and other.start < self.end)


def newest_runs(store: fsspec.AbstractFileSystem, names: Sequence[str]) -> list[str]:
    """The files that count among all files of a folder; all, where nothing looks like an export.

    RefusedError where two runs of one period cannot be told apart or a run is incomplete.
    """
    manifests = [name for name in names if _MANIFEST.search(name)]
    runs = [run for name in manifests if (run := _read(store, name)) is not None]
    if not runs:
        _refuse_runs(names)
        return list(names)
    counted: dict[str, list[_Run]] = {}
    for run in sorted(runs, key=lambda run: run.at, reverse=True):
        newer = [one for one in counted.get(run.series, []) if one.overlaps(run)]
        if not newer:
            counted.setdefault(run.series, []).append(run)
        elif all(run.start < one.start for one in newer):
            what = f"holds days that {newer[0].name} holds too, and others: {_TWICE}"
            raise RefusedError(run.name, what, "remove one of the two runs")
    _refuse_series(counted)
    found = {_found(run, key, names) for held in counted.values() for run in held
             for key in run.files}  # fmt: skip
    return sorted(found)


def _read(store: fsspec.AbstractFileSystem, name: str) -> _Run | None:
    """The run of a manifest; None for a manifest of something else."""
    try:
        told = json.loads(store.cat_file(name))
    except ValueError:
        raise BadInputError(name, "is no JSON: the export is not whole", "export again") from None
    if not isinstance(told, dict):
        return None
    if isinstance(told.get("blobs"), list):
        return _azure(store, name, told)
    keys = told.get("dataFiles") or told.get("reportKeys")
    return _aws(store, name, told, keys) if isinstance(keys, list) else None


def _azure(store: fsspec.AbstractFileSystem, name: str, told: Mapping[str, Any]) -> _Run:
    run, config = told.get("runInfo") or {}, told.get("exportConfig") or {}
    days = _RANGE.search(f"/{name}")
    start, end = (
        re.sub(r"\D", "", str(run.get(key) or (days and days.group(place)) or ""))[:8]
        for place, key in ((1, "startDate"), (2, "endDate"))
    )
    at = str(run.get("submittedTime") or _modified(store, name))
    above = name[: days.start() - 1] if days else name.rpartition("/")[0]
    return _Run(
        name=name,
        series=f"{config.get('resourceId', '')}/{config.get('exportName', above)} "
        f"{config.get('type', '')}",
        start=start,
        end=end,
        at=(0, re.sub(r"\D", "", at)[:14]),
        files=tuple(str(blob.get("blobName", "")) for blob in told["blobs"]),
    )


def _aws(
    store: fsspec.AbstractFileSystem, name: str, told: Mapping[str, Any], keys: Iterable[object]
) -> _Run:
    days, month = _RANGE.search(f"/{name}"), _MONTH.search(name)
    if month:
        start, end = f"{month[1]}{month[2]}01", f"{month[1]}{month[2]}31"
        series = name[: month.start()].removesuffix("metadata/")
    else:
        period = told.get("billingPeriod")
        held = period if isinstance(period, dict) else {}
        start, end = (
            re.sub(r"\D", "", str(held.get(key) or (days and days.group(place)) or ""))[:8]
            for place, key in ((1, "start"), (2, "end"))
        )
        series = name[: max(days.start() - 1, 0)] if days else name.rpartition("/")[0]
    # the manifest straight below a legacy period names the newest assembly
    is_current = bool(days) and name.count("/", (days.end() if days else 0) - 1) == 0
    stamp = _STAMP.search(name)
    at = stamp.group(1) if stamp else _modified(store, name)
    files = tuple(str(key.get("key", "") if isinstance(key, dict) else key) for key in keys)
    return _Run(name, series, start, end, (int(is_current), re.sub(r"\D", "", at)[:14]), files)


def _modified(store: fsspec.AbstractFileSystem, name: str) -> str:
    at: dt.datetime = store.modified(name)
    return at.astimezone(dt.UTC).isoformat()


def _found(run: _Run, key: str, names: Sequence[str]) -> str:
    """The file that a manifest's key means: the folder may be a copy of part of the bucket."""
    parts = key.partition("://")[2].split("/") if "://" in key else key.split("/")
    for cut in range(len(parts)):
        tail = "/".join(parts[cut:])
        there = [name for name in names if f"/{name}".endswith(f"/{tail}")]
        if len(there) == 1:
            return there[0]
        if there:
            break
    what = f"names {key}, which is not there: the export is not whole"
    raise RefusedError(run.name, what, "copy the whole run, or wait until the export is done")


def _refuse_series(counted: Mapping[str, Sequence[_Run]]) -> None:
    """Two exports of the same days in one location, the two datasets of Azure apart."""
    seen: list[_Run] = []
    for held in counted.values():
        for run in held:
            for other in seen:
                kinds = {_dataset(run.series), _dataset(other.series)}
                if run.overlaps(other) and kinds != {"actualcost", "amortizedcost"}:
                    what = f"is another export of the days of {other.name}: {_TWICE}"
                    raise RefusedError(run.name, what, "name one export's folder as location")
        seen += held


def _dataset(series: str) -> str:
    return series.rpartition(" ")[2].lower()


def _refuse_runs(names: Sequence[str]) -> None:
    runs: dict[str, str] = {}
    for name in names:
        if (match := _RUN.match(f"/{name}")) and match[2] != runs.setdefault(match[1], match[2]):
            what = f"lies beside {runs[match[1]]}, another run of the same period: {_TWICE}"
            fix = "bring the manifests along, or leave only the newest run"
            raise RefusedError(name, what, fix)
