"""What stands beside the clusters: endpoints, volumes, snapshots, keys, and what is declared of it.

Every class of finding of the estate is planted here with its look-alikes. A planted thing is
named as findings name their subjects, so that truth and product can be compared.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import product
from typing import Any, Final

import numpy as np

from watermaster.testing.simulate.calendar import Calendar
from watermaster.testing.simulate.cloud import MICRO, Bill, Line, tagged

HERE: Final = "aws-frankfurt"
THERE: Final = "aws-dublin"
SANDBOX: Final = "aws-sandbox"  # a development account
PURPOSES: Final = {
    "endpoint": "online-inference", "inference-service": "online-inference",
    "instance": "online-inference", "notebook": "experiment",
}  # fmt: skip
Busy = Callable[[int], float]  # utilisation in an hour of the month


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One native thing of the last month, and what it truly is."""

    kind: str
    uid: str
    platform: str = HERE
    name: str = ""
    namespace: str = ""
    workload: str | None = None
    team: str | None = None
    labels: tuple[tuple[str, str], ...] = ()
    parent_uid: str = ""
    resource_id: str = ""
    state: str = ""
    made_days: int = 200  # before the end of the month
    used_days: int | None = None  # before the end of the month; None: unknown
    last_days: int = 0  # before the end of the month it was seen last
    gpus: int = 0
    accelerator: str = ""
    memory_gib: int | None = None
    busy: Busy | None = None  # None: no use is measured
    unmeasured: float = 0.0  # share of the hours without a utilisation
    asked: tuple[int, int] | None = None  # requests a day, and on how many last days counted
    asked_daily: tuple[int, ...] = ()  # requests of every day, where they are told one by one
    size_bytes: int = 0
    artefact: str = ""
    model: str = ""
    uses: tuple[str, ...] = ()

    @property
    def subject(self) -> str:
        """As findings name it."""
        return f"{self.kind}/{self.platform}/{self.uid}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """A document of the estate that goes with what is planted."""

    kind: str
    name: str
    owner: str | None = None
    spec: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Planted:
    """One true finding: the subject, the lines it costs, and which share of them."""

    subject: str
    lines: tuple[int, ...] = ()
    share: float = 1.0


@dataclass
class Beside:
    """All of it: things, documents, true findings by class, and look-alikes by class."""

    items: list[Item] = field(default_factory=list)
    documents: list[Declared] = field(default_factory=list)
    planted: dict[str, list[Planted]] = field(default_factory=dict)
    alike: dict[str, list[str]] = field(default_factory=dict)
    mended: list[Any] = field(default_factory=list)  # fixes, where some are asked for


_NOUNS: Final = (
    "policy", "invoice", "triage", "refill", "intake", "ward", "referral", "consent", "genome",
    "basket", "review", "pricing", "coverage", "dental", "optics", "pharmacy", "letter", "voice",
    "image", "fraud", "churn", "returns", "catalogue", "trial", "protocol", "renewal", "member",
    "claim", "damage", "repair", "travel", "pension", "premium", "quote", "broker", "hospital",
    "allergy", "vaccine", "sleep", "cardio", "retina", "biopsy", "cohort", "antibody", "dosage",
    "speech", "caption", "video", "audio", "search", "offer", "loyalty", "stock", "courier",
    "shelf", "receipt", "tariff", "meter", "ledger", "access", "alarm", "ticket", "mailbox",
)  # fmt: skip
_VERBS: Final = (
    "summary", "router", "classifier", "extract", "ranker", "forecast", "matcher", "embedder",
    "checker", "writer", "planner", "screen", "digest", "labeller", "scorer", "cleaner", "tagger",
    "segmenter", "translator", "reader",
)  # fmt: skip
_PRICES: Final = {1: 1_212_000, 4: 5_672_000, 8: 32_772_600}  # micro-dollars an hour, on AWS


class Planter:
    """Names, lines and documents for what is planted; the bill and the dice at hand."""

    def __init__(self, dice: np.random.Generator, bill: Bill, when: Calendar, count: int) -> None:
        self.dice, self.bill, self.when, self.count = dice, bill, when, count
        self.found = Beside()
        self.days = when.days_of(when.months[-1])
        names = [f"{noun}-{verb}" for noun, verb in product(_NOUNS, _VERBS)]
        self._names = iter([names[n] for n in dice.permutation(len(names))])
        self.teams: Sequence[str] = ()

    def name(self) -> str:
        return next(self._names)

    def team(self, other: str = "") -> str:
        """A team, not the other one."""
        able = [one for one in self.teams if one != other]
        return able[int(self.dice.integers(len(able)))]

    def arn(self, what: str) -> str:
        text = self.dice.bytes(8).hex()
        return f"arn:aws:sagemaker:eu-central-1:710418230001:{what}/{text}"

    def line(
        self, arn: str, per_day: float, work: tuple[str | None, str | None], days: Any = None
    ) -> int:
        """A line of so many dollars a day, tagged with workload and team where they are known."""
        workload, team = work
        tags = {"workload": workload, "team": team}
        line = Line(
            provider="aws", id=arn, service="Amazon SageMaker", group="AI and Machine Learning",
            type="ml", sku="aws-ml", meter="EUC1-Hosting", description="SageMaker per hour",
            region="eu-central-1", account="710418230001", unit_price=MICRO,
        )  # fmt: skip
        daily = np.zeros(self.when.days, np.int64)
        daily[list(self.days if days is None else days)] = round(per_day * MICRO)
        known = {key: value for key, value in tags.items() if value}
        self.bill.add(tagged(line, known, workload), daily)
        return len(self.bill.lines) - 1

    def machine(self, gpus: int, work: tuple[str | None, str | None]) -> tuple[str, int]:
        """An endpoint or instance with so many GPUs: its ARN and its line."""
        arn = self.arn("endpoint")
        return arn, self.line(arn, _PRICES[gpus] * 24 / MICRO, work)

    def work(self, team: str, name: str = "", **spec: Any) -> str:
        """A declared workload; by default batch inference in production."""
        name = name or self.name()
        usual = {
            "purpose": "batch-inference", "stage": "production",
            "selectors": [{"tags": {"workload": name}}, {"labels": {"workload": name}}],
        }  # fmt: skip
        spec = usual | spec
        if "experiment" in {spec["purpose"], spec["stage"]}:
            end = self.when.period.end.date() + timedelta(days=60)
            spec = {"endDate": end, "budget": {"amount": 60_000}} | spec
        told = {key: value for key, value in spec.items() if value is not None}
        self.declare("Workload", name, team, **told)
        return name

    def declare(self, kind: str, name: str, owner: str | None, **spec: Any) -> None:
        self.found.documents.append(Declared(kind=kind, name=name, owner=owner, spec=spec))

    def item(self, kind: str, **told: Any) -> Item:
        one = Item(kind=kind, **told)
        self.found.items.append(one)
        return one

    def running(self, kind: str, gpus: int = 1, **told: Any) -> tuple[Item, int]:
        """A billed thing with GPUs of a declared workload of its own."""
        team = told.pop("team", None) or self.team()
        name = self.work(team, **{"purpose": PURPOSES[kind]} | told.pop("spec", {}))
        arn, line = self.machine(gpus, (name, team))
        own = {"uid": name, "workload": name, "team": team, "resource_id": arn, "gpus": gpus,
               "state": "running", "accelerator": "A100" if gpus == 8 else "A10G"}  # fmt: skip
        return self.item(kind, **own | told), line

    def true(self, rule: str, subject: str, *lines: int, share: float = 1.0) -> None:
        self.found.planted.setdefault(rule, []).append(Planted(subject, lines, share))

    def alike(self, rule: str, subject: str) -> None:
        self.found.alike.setdefault(rule, []).append(subject)

    def times(self) -> Iterator[int]:
        yield from range(self.count)


def flat(level: float) -> Busy:
    """Always the same."""
    return lambda _: level


def peaks(low: float, high: float, every_h: int) -> Busy:
    """High in one hour of so many."""
    return lambda hour: high if hour % every_h == 0 else low
