"""What MLflow tells as rows: experiments, runs by day, versions of models."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from watermaster.model.resources import SourceSpec
from watermaster.observe.batches import Row, canonical, day_text, each_day, moment
from watermaster.observe.gaps import Gaps
from watermaster.units.periods import Period

OWN: Final = "mlflow."  # tags that MLflow writes, not people
MODEL_KEYS: Final = "model,model_name,base_model,model_id,model_name_or_path"
_GPU: Final = re.compile(r"system/gpu_(\d+)_")
_PLACES: Final = ("uri", "path", "url", "delta_table_name", "table_name")
_OTHERS: Final = {"s3a://": "s3://", "s3n://": "s3://"}
Entry = Mapping[str, Any]
SKEW_S: Final = 300  # how far ahead of ours another clock may be


@dataclass
class Scope:
    """Of what platform, which time and seen when; what was told so far."""

    platform: str
    start_s: int
    end_s: int
    now_s: int
    model_keys: Sequence[str]
    names: Mapping[str, str] = field(default_factory=dict)  # experiment id to name
    told: set[str] = field(default_factory=set)  # runs
    used: dict[str, int] = field(default_factory=dict)  # experiment id to its newest run
    runs: dict[str, int] = field(default_factory=dict)  # experiment id to how many

    @classmethod
    def of(cls, source: SourceSpec, window: Period, now_s: int) -> "Scope":
        """The scope of one pull."""
        keys = source.options.get("modelKeys", MODEL_KEYS).split(",")
        edges = int(window.start.timestamp()), int(window.end.timestamp())
        return cls(source.platform or "mlflow", *edges, now_s, [key.strip() for key in keys])

    @property
    def is_current(self) -> bool:
        """Whether what is there now is asked for."""
        return self.start_s <= self.now_s < self.end_s

    @property
    def start_ms(self) -> int:
        """The first moment asked for, as MLflow counts."""
        return self.start_s * 1000

    @property
    def end_ms(self) -> int:
        """The end of what was asked for, as MLflow counts."""
        return self.end_s * 1000

    def row(self, kind: str, uid: str, attributes: Entry, **told: Any) -> dict[str, Any]:
        """One thing, as it is now."""
        known = {key: value for key, value in attributes.items() if value not in (None, "", [], {})}
        text = json.dumps(known, sort_keys=True, separators=(",", ":")) if known else None
        return {
            "day": day_text(self.now_s), "platform": self.platform, "subject_kind": kind,
            "subject_uid": uid, "first_seen": moment(self.now_s),
            "last_seen": moment(self.now_s), "attributes": text, **told,
        }  # fmt: skip


def experiment_row(one: Entry, scope: Scope) -> Row:
    """An experiment: last used when the newest of its runs of the window was."""
    uid, tags = str(one["experiment_id"]), _pairs(one.get("tags"))
    used = scope.used.get(uid)
    about = {"runs": scope.runs.get(uid), "note": _short(tags.get(f"{OWN}note.content"))}
    return scope.row(
        "experiment", uid, about, name=one.get("name") or uid, state=one.get("lifecycle_stage"),
        creator=tags.get(f"{OWN}ownerEmail") or tags.get(f"{OWN}user"),
        created_at=moment(_seconds(one.get("creation_time"))), labels=canonical(_peoples(tags)),
        last_used=moment(used), artefact=one.get("artifact_location"),
    )  # fmt: skip


def run_rows(one: Entry, scope: Scope, gaps: Gaps) -> Iterator[tuple[str, Row]]:
    """A run on each day it ran, and as an attempt; a run told twice stands once."""
    told, data = one.get("info") or {}, one.get("data") or {}
    uid = str(told.get("run_id") or "")
    start, end = _seconds(told.get("start_time")), _seconds(told.get("end_time"))
    if uid in scope.told:
        return
    scope.told.add(uid)
    if not uid or start is None:
        gaps.reject("start_time", told.get("start_time"), "this run has no start")
        return
    if end is not None and end < start:
        what = f"run {uid} ends before it starts: a clock was wrong; its times are left out"
        gaps.reject("end_time", told.get("end_time"), what)
        start = end
    if start > scope.now_s + SKEW_S:
        what = f"run {uid} starts after now: a clock is wrong, here or there"
        gaps.reject("start_time", told.get("start_time"), what)
        start = scope.now_s
    about = _about(one, scope)
    last = _last_sign(data, start) if end is None else end
    experiment = str(told.get("experiment_id"))
    scope.used[experiment] = max(min(last, scope.now_s), scope.used.get(experiment, 0))
    scope.runs[experiment] = scope.runs.get(experiment, 0) + 1
    for day in _days(start, last, scope, is_open=end is None):
        yield "subjects", {**about, **day}
    if end is not None or scope.is_current:
        yield "runs", _attempt(told, about, scope.now_s if end is None else end)


def _attempt(told: Entry, about: Row, seen_s: int) -> Row:
    """The run as an attempt, on the day it ended or is seen to be open."""
    kept = ("platform", "subject_kind", "subject_uid", "name", "gpus")
    start, end = (_seconds(told.get(name)) for name in ("start_time", "end_time"))
    began = moment(start if end is None or start is None or start <= end else None)
    return {name: about[name] for name in kept} | {
        "day": day_text(seen_s), "attempt": 0, "user": about["creator"],
        "state": told.get("status"), "submitted_at": began, "started_at": began,
        "ended_at": moment(end),
    }  # fmt: skip


def _about(one: Entry, scope: Scope) -> dict[str, Any]:
    told, data = one.get("info") or {}, one.get("data") or {}
    tags, params = _pairs(data.get("tags")), _pairs(data.get("params"))
    experiment = str(told.get("experiment_id"))
    inputs = (one.get("inputs") or {}).get("dataset_inputs") or []
    artefact = told.get("artifact_uri")
    labels = {"experiment": scope.names.get(experiment, experiment)} | _peoples(tags)
    uses = {place for place in (_location(each) for each in inputs) if place}
    return scope.row(
        "run", str(told["run_id"]), {
            "experiment": experiment, "source": _short(tags.get(f"{OWN}source.name")),
            "commit": tags.get(f"{OWN}source.git.commit"),
            "repository": _short(tags.get(f"{OWN}source.git.repoURL")),
            "datasets": [_dataset(each) for each in inputs],
            "is_deleted": told.get("lifecycle_stage") == "deleted" or None,
        },
        name=told.get("run_name") or told["run_id"], labels=canonical(labels),
        creator=tags.get(f"{OWN}user") or told.get("user_id") or None,
        parent_uid=tags.get(f"{OWN}parentRunId") or experiment,
        state=str(told.get("status") or "unknown").lower(),
        created_at=moment(_seconds(told.get("start_time"))),
        last_used=moment(_last_sign(data, 0) or None), gpus=_gpus(data), artefact=artefact,
        model=next((v for k in scope.model_keys if (v := params.get(k) or tags.get(k))), None),
        uses=_listed(uses | _remote(artefact)),
    )  # fmt: skip


def _listed(places: set[str]) -> str | None:
    return json.dumps(sorted(places), separators=(",", ":")) if places else None


def is_prompt(version: Entry) -> bool:
    """Prompts are kept beside the models, as versions of their own."""
    return _pairs(version.get("tags")).get(f"{OWN}prompt.is_prompt", "").lower() == "true"


def version_row(one: Entry, scope: Scope) -> Row:
    """A version of a registered model: what made it, where its weights lie."""
    model, tags = one.get("model") or {}, _pairs(one.get("tags"))
    name, version = str(one.get("name")), str(one.get("version"))
    aliases = [a.get("alias") for a in model.get("aliases") or [] if a.get("version") == version]
    labels = _peoples(_pairs(model.get("tags")) | tags)
    stage = one.get("current_stage")
    digests = [value for value in tags.values() if value.startswith("sha256:")]
    about = {
        "version": version, "aliases": aliases, "stage": None if stage == "None" else stage,
        "source": one.get("source") if one.get("source") != one.get("location") else None,
        "location": one.get("location") if digests else None,
        "description": _short(one.get("description") or model.get("description")),
    }  # fmt: skip
    return scope.row(
        "model-version", f"{name}/{version}", about, name=f"{name} {version}", model=name,
        creator=one.get("user_id") or None, parent_uid=one.get("run_id") or None,
        state=str(one.get("status") or "unknown").lower(), labels=canonical(labels),
        created_at=moment(_seconds(one.get("creation_timestamp"))),
        artefact=digests[0] if len(digests) == 1 else one.get("location"),
    )  # fmt: skip


def _days(start: int, last: int, scope: Scope, *, is_open: bool) -> Iterator[Row]:
    """The days of the window it ran on. Of one that never ended only signs of life count, and
    that it is listed now: a client that was killed leaves its run open for ever.
    """
    first, until = max(start, scope.start_s), min(last, scope.now_s, scope.end_s - 1)
    days = {row["day"]: row for row in each_day(first, until)}
    if is_open and scope.is_current:
        now = moment(scope.now_s)
        today = {"day": day_text(scope.now_s), "first_seen": now}
        days[today["day"]] = days.get(today["day"], today) | {"last_seen": now}
    yield from days.values()


def _last_sign(data: Entry, start: int) -> int:
    """When it last wrote a metric, else its start."""
    stamps = (_seconds(one.get("timestamp")) for one in data.get("metrics") or [])
    return max((stamp for stamp in stamps if stamp is not None), default=start) or start


def _gpus(data: Entry) -> int | None:
    """GPUs of which it wrote system metrics; None where it wrote none."""
    seen = {m[1] for one in data.get("metrics") or [] if (m := _GPU.match(str(one.get("key"))))}
    return len(seen) or None


def _location(given: Entry) -> str | None:
    """Where an input dataset lies, as MLflow's source of it says."""
    dataset = given.get("dataset") or {}
    text = dataset.get("source") or ""
    try:
        held = json.loads(text)
    except ValueError:
        return _plain(text) if "://" in text else None
    if not isinstance(held, dict):
        return None
    place = next((held[key] for key in _PLACES if isinstance(held.get(key), str)), None)
    if place is None:
        return None
    if dataset.get("source_type") == "hugging_face" and "://" not in place:
        return f"hf://datasets/{place}"
    return _plain(place)


def _plain(place: str) -> str:
    """The same place under one name."""
    for other, usual in _OTHERS.items():
        if place.startswith(other):
            return (usual + place.removeprefix(other)).rstrip("/")
    return place.rstrip("/")


def _remote(place: str | None) -> set[str]:
    """Artefacts it writes, where they lie in a store of its own and not with MLflow."""
    scheme, mark, _ = str(place).partition("://")
    return {_plain(str(place))} if mark and scheme not in {"file", "mlflow-artifacts"} else set()


def _dataset(given: Entry) -> Entry:
    dataset, tags = given.get("dataset") or {}, _pairs(given.get("tags"))
    told = {"name": dataset.get("name"), "digest": dataset.get("digest"),
            "context": tags.get(f"{OWN}data.context")}  # fmt: skip
    return {key: value for key, value in told.items() if value}


def _pairs(entries: Any) -> dict[str, str]:
    """Tags and parameters as MLflow lists them."""
    return {str(one.get("key")): str(one.get("value", "")) for one in entries or []}


def _peoples(tags: Mapping[str, str]) -> dict[str, str]:
    return {key: _short(value) or "" for key, value in tags.items() if not key.startswith(OWN)}


def _short(text: str | None) -> str | None:
    """Enough to recognise it: tags may hold whole notebooks."""
    return text[:500] if text else None


def _seconds(value: Any) -> int | None:
    """Milliseconds, as number or as text, as seconds."""
    return int(value) // 1000 if str(value or "").isdigit() and int(value) > 0 else None
