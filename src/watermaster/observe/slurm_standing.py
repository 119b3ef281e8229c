"""What stands in a Slurm cluster: partitions, nodes, reservations, QOS, accounts.

Each reader yields one row of `subjects` a thing, or what is wrong with a record.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from watermaster.observe.batches import Row, canonical, day_text, moment
from watermaster.observe.hostlist import expand
from watermaster.observe.slurm_jobs import gpus_of, tres
from watermaster.observe.slurm_nodes import gpus_of_gres
from watermaster.observe.slurm_words import (
    count,
    duration_s,
    known,
    mebibytes,
    moment_s,
    records,
    word,
)

Fault = tuple[str, str, str]  # column, value, reason
_REASON_BY: Final = " ["
_HUMPS: Final = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=TRES)(?=[A-Z])")


@dataclass(frozen=True, slots=True)
class Place:
    """On what platform and when things were seen; in which zone their times are written."""

    platform: str
    at_s: int
    zone: str = "UTC"

    def row(self, kind: str, uid: str, attributes: Mapping[str, Any], **told: Any) -> Row:
        """One thing, seen at that moment."""
        about = known(attributes)
        text = json.dumps(about, sort_keys=True, separators=(",", ":")) if about else None
        return {
            "day": day_text(self.at_s), "platform": self.platform, "subject_kind": kind,
            "subject_uid": uid, "name": uid, "first_seen": moment(self.at_s),
            "last_seen": moment(self.at_s), "attributes": text,
        } | told  # fmt: skip

    def epoch(self, value: str | None) -> int | None:
        """A time as Slurm prints it."""
        return moment_s(value, self.zone)


@dataclass(frozen=True, slots=True)
class Size:
    """Accelerators and processors of one node."""

    gpus: Mapping[str, int]
    cpus: int | None


def partitions(lines: Iterable[str], place: Place) -> Iterator[Row | Fault]:
    """`scontrol show partition`."""
    for one in records(lines, "PartitionName"):
        gpus = gpus_of(tres(one.get("TRES", "")))
        about = {
            "nodes": word(one.get("Nodes")), "cpus": count(one.get("TotalCPUs")),
            "max_time_s": duration_s(one.get("MaxTime")),
            "default_time_s": duration_s(one.get("DefaultTime")),
            "is_default": one.get("Default") == "YES" or None,
            "accounts": _all_or(one.get("AllowAccounts")),
            "qos": word(one.get("QoS")), "allowed_qos": _all_or(one.get("AllowQos")),
            "groups": _all_or(one.get("AllowGroups")),
            "preemption": None if one.get("PreemptMode") == "OFF" else one.get("PreemptMode"),
            "priority_tier": count(one.get("PriorityTier")),
        }  # fmt: skip
        yield place.row("partition", one["PartitionName"], about, **_state(one), **_of(gpus))


def nodes(lines: Iterable[str], place: Place) -> Iterator[Row | Fault]:
    """`scontrol show node`, with the reason, whose it is and since when."""
    for one in records(lines, "NodeName"):
        if "State" not in one:
            yield "State", one["NodeName"], "is missing: the record of this node is not whole"
            continue
        gpus, held = size_of(one).gpus, gpus_of(tres(one.get("AllocTRES", "")))
        reason, by, since = _reason(one.get("Reason"))
        inside = (word(one.get("Partitions")) or "").split(",")
        about = {
            "partitions": inside if len(inside) > 1 else None,
            "cpus": count(one.get("CPUTot")), "memory_bytes": mebibytes(one.get("RealMemory")),
            "gpus_held": sum(held.values()) if gpus else None,
            "reason": reason, "reason_by": by, "reason_since": time_text(place.epoch(since)),
            "features": word(one.get("ActiveFeatures")), "version": word(one.get("Version")),
            "booted_at": time_text(place.epoch(one.get("BootTime"))),
        }  # fmt: skip
        busy = place.at_s if word(one.get("AllocTRES")) else place.epoch(one.get("LastBusyTime"))
        yield place.row(
            "node", one["NodeName"], about, parent_uid=inside[0] or None,
            last_used=moment(min(busy, place.at_s)) if busy else None, **_state(one), **_of(gpus),
        )  # fmt: skip


def sizes(lines: Iterable[str]) -> dict[str, Size]:
    """Node name to what it has, of `scontrol show node`."""
    return {one["NodeName"]: size_of(one) for one in records(lines, "NodeName")}


def size_of(one: Mapping[str, str]) -> Size:
    """Accounting may count GPUs without their type; Gres knows it."""
    counted, gres = gpus_of(tres(one.get("CfgTRES", ""))), gpus_of_gres(one.get("Gres", ""))
    typed = set(counted) == {""} and sum(gres.values()) == counted[""]
    return Size(gres if typed or not counted else counted, count(one.get("CPUTot")))


def reservations(
    lines: Iterable[str], place: Place, held: Mapping[str, Size]
) -> Iterator[Row | Fault]:
    """`scontrol show reservation`; held: the nodes' sizes, since Slurm tells a reservation's
    GPUs only where they were asked for by count.
    """
    for one in records(lines, "ReservationName"):
        start, end = place.epoch(one.get("StartTime")), place.epoch(one.get("EndTime"))
        if start is None or end is None:
            what = f"{one.get('StartTime')} to {one.get('EndTime')}"
            yield "EndTime", what, f"is no time; reservation {one['ReservationName']} is left out"
            continue
        users, accounts = _list(one.get("Users")), _list(one.get("Accounts"))
        about = {
            "start": time_text(start), "end": time_text(end), "nodes": word(one.get("Nodes")),
            "cpus": count(one.get("CoreCnt")), "partition": word(one.get("PartitionName")),
            "users": users, "accounts": accounts, "groups": _list(one.get("Groups")),
            "flags": _list(one.get("Flags")), "licenses": word(one.get("Licenses")),
        }  # fmt: skip
        yield place.row(
            "reservation", one["ReservationName"], about,
            account=accounts[0] if len(accounts) == 1 and not users else None,
            creator=users[0] if len(users) == 1 else None,
            labels=canonical({"flags": one["Flags"]}) if word(one.get("Flags")) else None,
            **_state(one), **_of(_reserved(one, held)),
        )  # fmt: skip


def _reserved(one: Mapping[str, str], held: Mapping[str, Size]) -> dict[str, int] | None:
    """GPUs as told, else those of the nodes where it takes all their cores."""
    told = gpus_of(tres(one.get("TRES", "")))
    names = expand(word(one.get("Nodes")) or "")
    if told or not names or not set(names) <= held.keys():
        return told or None
    cpus = sum(held[name].cpus or 0 for name in names)
    if cpus > (count(one.get("CoreCnt")) or 0):
        return None  # a part of each node: which GPUs stay free, nobody says
    found: dict[str, int] = {}
    for name in names:
        for model, gpus in held[name].gpus.items():
            found[model] = found.get(model, 0) + gpus
    return found


def qos(cells: Iterable[list[str]], place: Place) -> Iterator[Row | Fault]:
    """`sacctmgr -P show qos`: every limit that is set."""
    for one in _rows(cells):
        if not isinstance(one, dict):
            yield one
            continue
        name = one.pop("Name")
        about = {_snake(key): value for key, value in one.items() if value not in _UNSET}
        yield place.row("qos", name, about)


def accounts(
    associations: Iterable[list[str]], described: Mapping[str, Row], place: Place
) -> Iterator[Row | Fault]:
    """`sacctmgr -P show assoc`: one row an account, its users inside it."""
    found: dict[str, dict[str, Any]] = {}
    users: dict[str, list[Row]] = {}
    for one in _rows(associations):
        if not isinstance(one, dict):
            yield one
            continue
        account = one["Account"]
        limits = _limits(one)
        if one.get("User"):
            who = {"user": one["User"], "partition": one.get("Partition") or None}
            users.setdefault(account, []).append(known(who | limits))
        else:
            found[account] = {"parent": one.get("ParentName") or None, "limits": limits}
    for account in sorted(found.keys() | users.keys()):
        held = found.get(account, {"parent": None, "limits": {}})
        about = described.get(account, {}) | held["limits"] | {"users": users.get(account)}
        yield place.row("slurm-account", account, about, account=account, parent_uid=held["parent"])


def descriptions(lines: Iterable[str]) -> dict[str, Row]:
    """`sacctmgr -P show account format=Account,Organization,Description`: what people wrote.

    The description stands last, since it may hold the separator.
    """
    rows = (line.rstrip("\n").split("|", 2) for line in lines)
    return {
        cells[0]: {"organization": cells[1], "description": cells[2]}
        for cells in rows
        if len(cells) == 3 and cells[0] != "Account"
    }


_UNSET: Final = frozenset({"", "00:00:00", "cluster", "1.000000"})  # as Slurm says: not set
_SAID: Final = frozenset({"Cluster", "Account", "ParentName", "User", "Partition"})


def _limits(one: Mapping[str, str]) -> dict[str, Any]:
    told = {_snake(k): v for k, v in one.items() if k not in _SAID and v not in _UNSET}
    share = told.pop("share", None)
    return told | {"fairshare": int(share) if share and share.isdigit() else share}


def _rows(cells: Iterable[list[str]]) -> Iterator[dict[str, str] | Fault]:
    cells = iter(cells)
    names = next(cells, [])
    for row in cells:
        if len(row) == len(names):
            yield dict(zip(names, row, strict=True))
        elif row:
            what = f"has {len(row)} cells where the header has {len(names)}"
            yield "", "|".join(row), f"{what}; use sacctmgr --parsable2"


def _snake(name: str) -> str:
    """MaxTRESPU -> max_tres_pu, Def QOS -> def_qos."""
    return _HUMPS.sub("_", name).replace(" ", "_").lower()


def _state(one: Mapping[str, str]) -> Row:
    return {"state": (word(one.get("State")) or "").lower().strip("*") or None}


def _of(gpus: Mapping[str, int] | None) -> Row:
    """How many accelerators, and which; None where nobody says."""
    if gpus is None:
        return {}
    models = sorted(model for model in gpus if model)
    return {"gpus": sum(gpus.values()), "accelerator": ",".join(models) or None}


def _reason(text: str | None) -> tuple[str | None, str | None, str | None]:
    """`bad fan [ops@1790000000]`: what, who, when."""
    said = word(text)
    if said is None or _REASON_BY not in said:
        return said, None, None
    what, _, rest = said.rpartition(_REASON_BY)
    who, _, when = rest.removesuffix("]").partition("@")
    return what, who or None, when or None


def _all_or(text: str | None) -> list[str] | None:
    return None if text in {None, "ALL"} else _list(text)


def _list(text: str | None) -> list[str]:
    said = word(text)
    return said.split(",") if said else []


def time_text(epoch_s: int | None) -> str | None:
    """As attributes hold a moment."""
    at = moment(epoch_s)
    return None if at is None else at.strftime("%Y-%m-%dT%H:%M:%SZ")
