"""What a Ray dashboard tells as rows: the cluster, its nodes, jobs by day, applications."""

import json
import math
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from watermaster.model.resources import SourceSpec
from watermaster.observe.batches import Row, canonical, day_text, each_day, moment
from watermaster.observe.gaps import Gaps
from watermaster.units.periods import Period

TYPE: Final = "accelerator_type:"
SKEW_S: Final = 300  # how far ahead of ours another clock may be
WHO: Final = ("user", "username", "owner", "submitted_by")  # keys of a job's metadata
OVER: Final = frozenset({"SUCCEEDED", "FAILED", "STOPPED"})
LONGEST: Final = 200  # characters of a name that are kept
Entry = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Scope:
    """Of what cluster, which time, and seen when."""

    platform: str
    start_s: int
    end_s: int
    now_s: int

    @classmethod
    def of(cls, source: SourceSpec, window: Period, now_s: int, where: str) -> "Scope":
        """The scope of one pull; a cluster without a name is called by its host."""
        edges = int(window.start.timestamp()), int(window.end.timestamp())
        name = source.platform or f"ray-{urllib.parse.urlsplit(where).hostname}"
        return cls(name, *edges, now_s)

    @property
    def is_current(self) -> bool:
        """Whether what is there now is asked for."""
        return self.start_s <= self.now_s < self.end_s

    def row(self, kind: str, uid: str, attributes: Entry, **told: Any) -> dict[str, Any]:
        """One thing, as it is now."""
        known = {key: value for key, value in attributes.items() if value not in (None, "", [], {})}
        text = json.dumps(known, sort_keys=True, separators=(",", ":")) if known else None
        return {
            "day": day_text(self.now_s), "platform": self.platform, "subject_kind": kind,
            "subject_uid": uid, "first_seen": moment(self.now_s),
            "last_seen": moment(self.now_s), "attributes": text, **told,
        }  # fmt: skip

    def days(self, first_s: int, last_s: int) -> Iterator[Row]:
        """Each day of the window between two moments."""
        return each_day(max(first_s, self.start_s), min(last_s, self.now_s, self.end_s - 1))


@dataclass(frozen=True, slots=True)
class Held:
    """What living actors of one job hold; some are detached and outlive it."""

    gpus: float = 0.0
    detached_gpus: float = 0.0


def held_by_job(actors: Sequence[Entry]) -> dict[str, Held]:
    """Job id to what its living actors hold."""
    found: dict[str, Held] = {}
    for one in {str(actor.get("actor_id")): actor for actor in actors}.values():
        gpus = float((one.get("required_resources") or {}).get("GPU") or 0)
        held = found.get(str(one.get("job_id")), Held())
        loose = gpus if one.get("is_detached") else 0.0
        found[str(one.get("job_id"))] = Held(held.gpus + gpus, held.detached_gpus + loose)
    return found


def cluster_row(
    version: Entry, nodes: Sequence[Entry], actors: Sequence[Entry], scope: Scope
) -> Row:
    """The cluster: its living nodes together."""
    alive = [one for one in nodes if one.get("state") == "ALIVE"]
    heads = [one for one in alive if one.get("is_head_node")]
    about = {
        "version": version.get("ray_version"), "session": version.get("session_name"),
        "nodes": len(alive), "cpus": sum(_resource(one, "CPU") for one in alive),
        "gpus_held": sum(one.gpus for one in held_by_job(actors).values()),
    }  # fmt: skip
    return scope.row(
        "ray-cluster", scope.platform, about, name=scope.platform,
        state="alive" if alive else "dead",
        created_at=moment(_seconds(heads[0].get("start_time_ms")) if heads else None),
        gpus=int(sum(_resource(one, "GPU") for one in alive)),
        accelerator=_accelerators(alive),
    )  # fmt: skip


def node_rows(one: Entry, scope: Scope) -> Iterator[Row]:
    """A node that lives, today; one that died, on the day it did."""
    start, end = _seconds(one.get("start_time_ms")), _seconds(one.get("end_time_ms"))
    is_alive = one.get("state") == "ALIVE"
    last = scope.now_s if is_alive else end
    labels = {k: v for k, v in (one.get("labels") or {}).items() if not k.startswith("ray.io/")}
    about = {
        "ip": one.get("node_ip"), "is_head": one.get("is_head_node") or None,
        "cpus": _resource(one, "CPU"), "memory_bytes": int(_resource(one, "memory")),
        "reason": _short(one.get("state_message")),
        "instance": (one.get("labels") or {}).get("ray.io/node-group"),
    }  # fmt: skip
    if last is None or not scope.start_s <= last < scope.end_s:
        return
    yield scope.row(
        "node", str(one.get("node_id")), about, name=one.get("node_name"), day=day_text(last),
        first_seen=moment(last), last_seen=moment(last), parent_uid=scope.platform,
        state=str(one.get("state")).lower(), created_at=moment(start), labels=canonical(labels),
        gpus=int(_resource(one, "GPU")), accelerator=_accelerators([one]),
    )  # fmt: skip


def job_rows(
    one: Entry, scope: Scope, held: Mapping[str, Held] | None, gaps: Gaps
) -> Iterator[tuple[str, Row]]:
    """A job on each day it ran, and as an attempt; held: None where actors were not told whole."""
    name = one.get("submission_id") or one.get("job_id")
    start, end = _seconds(one.get("start_time")), _seconds(one.get("end_time"))
    if not name or start is None:
        gaps.reject("start_time", one.get("start_time"), f"job {name} has no start or no id")
        return
    uid, state = f"{name}:{start}", str(one.get("status") or "UNKNOWN")
    if start > scope.now_s + SKEW_S or (end is not None and end < start):
        what = f"job {name} starts after now, or ends before it starts: a clock is wrong"
        gaps.reject("start_time", f"{start} to {end}", what)
        start = min(end or scope.now_s, scope.now_s)
    over = state in OVER or end is not None
    holds = None if held is None else held.get(str(one.get("job_id")), Held())
    gpus = None if over or holds is None else whole(holds.gpus)
    about = _job(one, scope, uid) | {"gpus": gpus, "state": state.lower()}
    if over and holds and holds.detached_gpus:
        told = json.loads(about["attributes"]) | {"gpus_held_after_end": holds.detached_gpus}
        about["attributes"] = json.dumps(told, sort_keys=True, separators=(",", ":"))
    last = scope.now_s if end is None else end
    for day in scope.days(start, last):
        yield "subjects", {**about, **day}
    if scope.start_s <= min(last, scope.now_s) < scope.end_s:
        yield "runs", _attempt(one, about, (start, end, min(last, scope.now_s)))


def _job(one: Entry, scope: Scope, uid: str) -> dict[str, Any]:
    metadata = {str(k): str(v)[:LONGEST] for k, v in (one.get("metadata") or {}).items()}
    about = {
        "type": str(one.get("type") or "").lower(), "job_id": one.get("job_id"),
        "program": program(str(one.get("entrypoint") or "")),
        "error": one.get("error_type"), "exit_code": one.get("driver_exit_code"),
    }  # fmt: skip
    name = metadata.pop("name", None) or metadata.get("job_name") or uid.rpartition(":")[0]
    return scope.row(
        "ray-job", uid, about, name=name, labels=canonical(metadata), parent_uid=scope.platform,
        creator=next((metadata[key] for key in WHO if metadata.get(key)), None),
        created_at=moment(_seconds(one.get("start_time"))),
    )  # fmt: skip


def _attempt(one: Entry, about: Row, times: tuple[int, int | None, int]) -> Row:
    start, end, last = times
    code = one.get("driver_exit_code")
    kept = ("platform", "subject_kind", "subject_uid", "name", "gpus")
    return {name: about[name] for name in kept} | {
        "day": day_text(last), "attempt": 0, "user": about["creator"],
        "state": one.get("status"), "submitted_at": moment(start), "started_at": moment(start),
        "ended_at": moment(end), "exit_code": None if code is None else str(code),
    }  # fmt: skip


def service_row(one: Entry, nodes: Sequence[Entry], scope: Scope) -> Row:
    """An application of Serve, with what its running replicas hold."""
    held, gpus, places = [], 0.0, set()
    for name, deployment in sorted((one.get("deployments") or {}).items()):
        running = [r for r in deployment.get("replicas") or [] if r.get("state") == "RUNNING"]
        each = float((deployment.get("required_resources") or {}).get("GPU") or 0)
        gpus += each * len(running)
        places |= {r.get("node_id") for r in running} if each else set()
        held.append({"name": name, "state": str(deployment.get("status")).lower(),
                     "replicas": len(running), "gpus_each": each})  # fmt: skip
    config = one.get("deployed_app_config") or {}
    models, weights = _models(config.get("args") or {})
    about = {
        "route": one.get("route_prefix"), "import": _short(config.get("import_path")),
        "deployments": held, "reason": _short(one.get("message")),
    }  # fmt: skip
    on = [node for node in nodes if node.get("node_id") in places]
    return scope.row(
        "ray-service", str(one["name"]), about, name=one["name"], gpus=whole(gpus),
        state=str(one.get("status")).lower(), parent_uid=scope.platform,
        created_at=moment(int(one["last_deployed_time_s"]) if one.get("last_deployed_time_s")
                          else None),
        accelerator=_accelerators(on), model=",".join(models) or None,
        artefact=weights[0] if len(weights) == 1 else None,
    )  # fmt: skip


def _models(args: Any) -> tuple[list[str], list[str]]:
    """Models and where their weights lie, as the LLM applications of Serve are configured."""
    configs = args.get("llm_configs") if isinstance(args, dict) else None
    told = [c.get("model_loading_config") or {} for c in configs or [] if isinstance(c, dict)]
    names = sorted({str(one["model_id"]) for one in told if one.get("model_id")})
    return names, sorted({str(s) for one in told if isinstance(s := one.get("model_source"), str)})


def program(entrypoint: str) -> str:
    """What is started, without settings and options, which may hold secrets.

    >>> program("TOKEN=x python -u train.py --token y"), program("bash run.sh data")
    ('python train.py', 'bash run.sh')
    """
    words = [word for word in entrypoint.split() if not word.startswith("-") and "=" not in word]
    script = next((place for place, word in enumerate(words) if "." in word), 0)
    return " ".join(words[: script + 1])[:LONGEST] if script < 3 else words[0][:LONGEST]


def whole(gpus: float) -> int:
    """Parts of a GPU take one: nobody else's are counted on it."""
    return math.ceil(gpus - 1e-9)


def _resource(one: Entry, name: str) -> float:
    return float((one.get("resources_total") or {}).get(name) or 0)


def _accelerators(nodes: Sequence[Entry]) -> str | None:
    found = {
        name.removeprefix(TYPE)
        for one in nodes
        for name in one.get("resources_total") or {}
        if name.startswith(TYPE)
    }
    return ",".join(sorted(found)) or None


def _short(text: Any) -> str | None:
    return str(text)[:LONGEST] if text else None


def _seconds(value: Any) -> int | None:
    """Milliseconds as seconds; 0 says that it has not happened."""
    return int(value) // 1000 if isinstance(value, int | float) and value > 0 else None
