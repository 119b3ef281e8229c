"""OpenShift's hourly GPU files, as Cost Management's operator writes them.

The location holds the GPU file (told by its column `gpu_pod_uptime`), and beside it the pod file
(`pod_labels`) and the namespace file (`namespace_labels`), from which subjects get their labels.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from watermaster.model.errors import BadInputError
from watermaster.model.events import Notice, Progress, Tell
from watermaster.model.resources import SourceSpec
from watermaster.model.seen import Seen
from watermaster.observe.batches import (
    BATCH_ROWS,
    Row,
    canonical,
    day_text,
    moment,
    rejection,
    seen_rows,
)
from watermaster.observe.dcgm import share_of
from watermaster.observe.files import Found, found_files, lines_of, records_of
from watermaster.observe.spread import HOUR_S
from watermaster.observe.subjects import Subjects
from watermaster.observe.times import epoch_of
from watermaster.units.periods import Period

GPU: Final = "gpu_pod_uptime"
PODS: Final = "pod_labels"
NAMESPACES: Final = "namespace_labels"
NEEDED: Final = ("interval_start", "node", "namespace", "pod", "gpu_uuid", "gpu_model_name", GPU)
EVIDENCE: Final = "OpenShift GPU file"
Key = tuple[str, str, str | None, int]  # node, gpu, MIG instance, hour


@dataclass(frozen=True, slots=True)
class Use:
    """One pod on one device in one hour; seconds are whole GPU's seconds."""

    key: Key
    namespace: str
    pod: str
    model: str | None
    share: float
    uptime_s: int


def observe(source: SourceSpec, window: Period, tell: Tell) -> Iterator[Seen]:
    """gpu_hours and gpu_supply by hour, subjects by day, rejected.

    A device is known to be there in each hour in which a pod held it; of the other hours these
    files say nothing.
    """
    files = [(_kind(file), file) for file in found_files(source.location)]
    usage = [file for kind, file in files if kind == GPU]
    if not usage:
        fix = "deliver the file with the column gpu_pod_uptime"
        raise BadInputError(source.location, "holds no OpenShift GPU file", fix)
    labels = _labels([one for one in files if one[0] in {PODS, NAMESPACES}])
    platform = source.platform or "openshift"
    subjects = Subjects(window)
    supplied: dict[Key, tuple[str | None, float]] = {}
    for number, file in enumerate(usage):
        tell(Progress(number, len(usage), "files", file.name))
        for some in _batches(file, source.time_zone):
            faults = [one for one in some if not isinstance(one, Use)]
            inside = [one for one in some if isinstance(one, Use) and _is_in(one, window)]
            supplied |= {use.key: (use.model, use.share) for use in inside}
            _name(subjects, inside, platform, labels)
            yield from seen_rows("rejected", faults)
            yield from seen_rows("gpu_hours", [_row(use, platform) for use in inside])
    tell(Progress(len(usage), len(usage), "files"))
    if not labels:
        tell(Notice("no file with pod_labels or namespace_labels: pods have no labels"))
    yield from subjects.rows()
    yield from seen_rows("gpu_supply", [_supply(one, platform) for one in supplied.items()])


def _kind(file: Found) -> str:
    """The column that tells what a file holds, or nothing for one that is not needed."""
    names = next(records_of(lines_of(file), ","))
    kind = next((name for name in (GPU, PODS, NAMESPACES) if name in names), "")
    missing = [name for name in NEEDED if name not in names] if kind == GPU else []
    if missing:
        fix = "see docs/how-to/connect-openshift.md"
        raise BadInputError(file.name, f"lacks the columns {', '.join(missing)}", fix)
    return kind


def _labels(files: list[tuple[str, Found]]) -> dict[tuple[str, str], dict[str, str]]:
    """(namespace, pod) and (namespace, "") to labels; the last row of each stands."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    for kind, file in files:
        records = records_of(lines_of(file), ",")
        names = next(records)
        for cells in records:
            row = dict(zip(names, cells, strict=False))
            key = row.get("namespace", ""), row.get("pod", "") if kind == PODS else ""
            found[key] = labels_of(row.get(kind, ""))
    return found


def labels_of(text: str) -> dict[str, str]:
    """Labels as OpenShift writes them.

    >>> labels_of("label_team:ml|label_image:repo:8")
    {'team': 'ml', 'image': 'repo:8'}
    """
    pairs = (part.partition(":") for part in text.split("|") if ":" in part)
    return {key.removeprefix("label_"): value for key, _, value in pairs}


def _batches(file: Found, zone: str) -> Iterator[list[Use | Row]]:
    told = file.told()
    records = records_of(lines_of(file), ",")
    names = next(records)
    some: list[Use | Row] = []
    for number, cells in enumerate(records, start=1):
        fault: tuple[str, str, str] | Use
        if len(cells) == len(names):
            fault = _use(dict(zip(names, cells, strict=True)), zone)
        else:
            reason = f"has {len(cells)} cells where the header has {len(names)}"
            fault = "", ",".join(cells), f"{reason}; deliver the file again"
        some.append(fault if isinstance(fault, Use) else rejection(told, number, *fault))
        if len(some) >= BATCH_ROWS:
            yield some
            some = []
    yield some


def _use(row: Mapping[str, str], zone: str) -> Use | tuple[str, str, str]:
    start = epoch_of(row["interval_start"], zone)
    if start is None or start % HOUR_S:
        return "interval_start", row["interval_start"], "is not the start of an hour"
    try:
        uptime = float(row[GPU])
    except ValueError:
        uptime = -1.0
    if not 0 <= uptime <= HOUR_S:
        return GPU, row[GPU], "is no number of seconds from 0 to 3600"
    if not row["node"] or not row["gpu_uuid"]:
        return "gpu_uuid", row["gpu_uuid"], "is empty, or the node is: no device is named"
    model = row["gpu_model_name"] or None
    mig = row.get("mig_instance_id") or None
    share = share_of(row.get("mig_profile", ""), model or "") if mig else 1.0
    key = row["node"], row["gpu_uuid"], mig, start
    return Use(key, row["namespace"], row["pod"], model, share, round(uptime * share))


def _is_in(use: Use, window: Period) -> bool:
    return window.start.timestamp() <= use.key[3] < window.end.timestamp()


def _name(
    subjects: Subjects,
    uses: list[Use],
    platform: str,
    labels: Mapping[tuple[str, str], dict[str, str]],
) -> None:
    """Pods with the labels of their namespace, their own ones first."""
    for use in uses:
        hour_s = use.key[3]
        own = labels.get((use.namespace, ""), {}) | labels.get((use.namespace, use.pod), {})
        about: dict[str, Any] = {"name": use.pod, "namespace": use.namespace}
        if own:
            about["labels"] = canonical(own)
        times = {"first_seen": moment(hour_s), "last_seen": moment(hour_s + HOUR_S)}
        subjects.see(day_text(hour_s), (platform, "pod", _uid(use)), times, about)


def _uid(use: Use) -> str:
    return f"{use.namespace}/{use.pod}"


def _row(use: Use, platform: str) -> dict[str, Any]:
    return _device(use.key, use.model, platform) | {
        "subject_kind": "pod",
        "subject_uid": _uid(use),
        "reserved_s": use.uptime_s,
    }


def _supply(one: tuple[Key, tuple[str | None, float]], platform: str) -> dict[str, Any]:
    key, (model, share) = one
    seconds = dict.fromkeys(("present_s", "healthy_s", "schedulable_s"), round(HOUR_S * share))
    return _device(key, model, platform) | seconds | {"evidence": EVIDENCE}


def _device(key: Key, model: str | None, platform: str) -> dict[str, Any]:
    node, gpu, mig, hour_s = key
    return {
        "day": day_text(hour_s),
        "platform": platform,
        "node": node,
        "gpu": gpu,
        "mig": mig,
        "hour": moment(hour_s),
        "model": model,
    }
