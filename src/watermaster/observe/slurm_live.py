"""Slurm asked through its own commands; a part that does not answer is told, the rest kept."""

import os
import pwd
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, islice
from typing import Any, Final

from watermaster.model.errors import BadInputError
from watermaster.model.events import Notice, Progress, Tell
from watermaster.model.resources import SourceSpec
from watermaster.model.seen import Seen
from watermaster.observe import slurm_queue, slurm_standing
from watermaster.observe.batches import Row, rejection, seen_rows
from watermaster.observe.json_stream import entries
from watermaster.observe.slurm_commands import FIX, Commands
from watermaster.observe.slurm_hours import Scope
from watermaster.observe.slurm_jobs import jobs_of_text
from watermaster.observe.slurm_nodes import Node, Outage, nodes_of_scontrol, outages_of, supply
from watermaster.observe.slurm_reading import Reading, Standing, jobs_seen
from watermaster.observe.slurm_standing import Place
from watermaster.observe.slurm_words import cells_of
from watermaster.observe.spread import Interval

LIVE: Final = "sacct:"
CONTROLLER: Final = "cluster"
_HIDES: Final = {  # word of PrivateData -> the kinds of which a plain user sees only its own
    "jobs": "slurm-job", "nodes": "node", "partitions": "partition",
    "reservations": "reservation", "accounts": "slurm-account", "users": "slurm-account",
}  # fmt: skip
Lines = Callable[[], Iterable[str]]


@dataclass
class Parts:
    """What was asked of a cluster, and which of it did not answer."""

    where: str
    tell: Tell
    lost: dict[str, str] = field(default_factory=dict)  # kind to why
    unanswered: set[str] = field(default_factory=set)  # of these nothing at all was seen

    def lines(self, kind: str, ask: Lines) -> list[str] | None:
        """The whole answer, or None where there is none."""
        try:
            return list(ask())
        except BadInputError as error:
            self.fail(kind, error)
            return None

    def controller(self, kind: str, ask: Lines) -> list[str] | None:
        """The same of slurmctld, which is not asked again once it did not answer."""
        if CONTROLLER not in self.unanswered:
            return self.lines(kind, ask)
        self.unanswered.add(kind)
        self.lose(kind, self.lost[CONTROLLER])
        return None

    def fail(self, kind: str, error: BadInputError) -> None:
        """A kind that did not answer."""
        self.unanswered.add(kind)
        self.lose(kind, " ".join(str(error).split()))

    def lose(self, kind: str, why: str) -> None:
        """A kind that was not seen, or not whole."""
        if kind not in self.lost:
            self.tell(Notice(f"{self.where}: {kind} was not seen whole: {why}"))
        self.lost.setdefault(kind, why)

    def gaps(self) -> Iterator[Seen]:
        """One row of `rejected` for each: row 0 says that it is no row of a file."""
        rows = [rejection(("", self.where), 0, *one) for one in self._reasons()]
        yield from seen_rows("rejected", rows)

    def _reasons(self) -> Iterator[tuple[str, None, str]]:
        return ((kind, None, why) for kind, why in sorted(self.lost.items()))


def observe_live(source: SourceSpec, asked: Interval, tell: Tell) -> Iterator[Seen]:
    """Accounting of the time asked for and, where that holds this moment, what stands now."""
    cluster = source.location.removeprefix(LIVE)
    commands = Commands(cluster, asked, float(source.options.get("timeoutSeconds", "900")))
    parts, now = Parts(source.location, tell), int(time.time())
    config = _config(parts, commands)
    name = cluster or config.get("ClusterName", "")
    platform = source.platform or name
    if not platform:  # whose jobs these are, nobody says
        raise BadInputError(source.location, parts.lost[CONTROLLER], "set platform in the source")
    if CONTROLLER in parts.unanswered and cluster and not list(commands.known()):
        raise BadInputError(source.location, f"no cluster {cluster} is known to accounting", FIX)
    told = parts.controller("node", commands.nodes) or []
    nodes = {node.name: node for node in nodes_of_scontrol(told)}
    standing, place = Standing(asked), Place(platform, now)
    if asked[0] <= now < asked[1]:
        tell(Progress(0, None, "parts", "scontrol, squeue, sacctmgr"))
        _stands(parts, commands, standing, (place, name, told))
    reading = Reading(Scope(platform, asked, nodes, queued=standing.queue()))
    yield from standing.seen()
    yield from _accounted(reading, parts, commands)
    yield from seen_rows("subjects", list(reading.scope.queued.values()))
    yield from _supplied(parts, commands, nodes, (platform, (asked[0], min(asked[1], now))))
    if {"node", "slurm-job"} <= parts.unanswered:
        why = f"answers neither scontrol nor sacct ({parts.lost['slurm-job']})"
        raise BadInputError(source.location, why, FIX)
    yield from parts.gaps()


def _config(parts: Parts, commands: Commands) -> dict[str, str]:
    """Settings of the controller; what they hide from us is a gap."""
    config = _settings(parts.lines(CONTROLLER, commands.config) or [])
    private = config.get("PrivateData", "none") + "," + _private_accounting(parts, commands)
    hidden = [_HIDES[word] for word in private.split(",") if word in _HIDES]
    me = _me()
    if hidden and f"{me}({os.geteuid()})" != config.get("SlurmUser") and os.geteuid() != 0:
        level = "".join(parts.lines("cluster", lambda: commands.admin_level(me)) or []).strip()
        if level not in {"Operator", "Administrator"}:
            for kind in hidden:
                why = f"PrivateData hides what is not {me}'s"
                fix = f"sacctmgr modify user {me} set AdminLevel=Operator"
                parts.lose(kind, f"{why}: {fix}")
    return config


def _private_accounting(parts: Parts, commands: Commands) -> str:
    """PrivateData of slurmdbd, which stands below that of the controller."""
    return _settings(parts.lines("accounting", commands.accounting) or []).get("PrivateData", "")


def _settings(lines: Iterable[str]) -> dict[str, str]:
    pairs = (line.partition("=") for line in lines)
    return {key.strip(): value.strip() for key, _, value in pairs if key.strip()}


def _me() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def _stands(
    parts: Parts, commands: Commands, standing: Standing, of: tuple[Place, str, list[str]]
) -> None:
    """Everything that stands now, kind by kind."""
    place, cluster, told = of
    standing.take(slurm_standing.nodes(told, place), ("", "scontrol show node"))
    sizes = slurm_standing.sizes(told)
    for kind, ask, read in (
        ("partition", commands.partitions, slurm_standing.partitions),
        ("reservation", commands.reservations, partial(slurm_standing.reservations, held=sizes)),
    ):
        standing.take(read(parts.controller(kind, ask) or [], place), ("", f"scontrol show {kind}"))
    limits = cells_of(parts.lines("qos", commands.qos) or [])
    standing.take(slurm_standing.qos(limits, place), ("", "sacctmgr show qos"))
    _accounts(parts, commands, standing, (place, cluster))
    standing.take(_queue(parts, commands, place, cluster), ("", "squeue"))


def _accounts(parts: Parts, commands: Commands, standing: Standing, of: tuple[Place, str]) -> None:
    place, cluster = of
    found = parts.lines("slurm-account", lambda: commands.associations(cluster)) or []
    described = parts.lines("slurm-account", commands.accounts) or []
    rows = slurm_standing.accounts(cells_of(found), slurm_standing.descriptions(described), place)
    standing.take(rows, ("", "sacctmgr show assoc"))


def _queue(
    parts: Parts, commands: Commands, place: Place, cluster: str
) -> Iterable[Row | slurm_standing.Fault]:
    """Squeue in JSON; of a Slurm built without it, as scontrol writes jobs."""
    if CONTROLLER in parts.unanswered:
        parts.lose("slurm-job", f"what waits is not known: {parts.lost[CONTROLLER]}")
        return []
    found = entries(commands.queue(), "jobs", "squeue")
    try:
        first = list(islice(found, 1))
    except BadInputError:
        lines = parts.controller("queue", commands.queue_text) or []
        return slurm_queue.jobs_of_text(lines, place, cluster)
    return slurm_queue.jobs_of_json(chain(first, _until_it_fails(parts, found)), place)


def _until_it_fails(parts: Parts, found: Iterator[Any]) -> Iterator[Any]:
    """A queue that breaks off is a gap; long ones are never held whole."""
    try:
        yield from found
    except BadInputError as error:
        parts.lose("slurm-job", f"squeue: {' '.join(str(error).split())}")


def _accounted(reading: Reading, parts: Parts, commands: Commands) -> Iterator[Seen]:
    """Jobs of accounting; an answer that breaks off in the middle is none."""
    numbered = jobs_of_text(cells_of(commands.jobs()), "UTC")
    has_begun = False
    try:
        for one in jobs_seen(reading, numbered, ("", "sacct"), parts.tell):
            has_begun = True
            yield one
    except BadInputError as error:
        if has_begun:
            raise
        parts.fail("slurm-job", error)


def _supplied(
    parts: Parts, commands: Commands, nodes: Mapping[str, Node], of: tuple[str, Interval]
) -> Iterator[Seen]:
    """What the nodes offered; without their outages nobody knows."""
    told = parts.lines("outages", commands.events)
    if told is None:
        return
    outages: list[Outage] = list(outages_of(cells_of(told), "UTC"))
    platform, during = of
    yield from supply(nodes.values(), outages, during, platform)
