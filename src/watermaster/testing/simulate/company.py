"""Halden Group, as it is before anything happens: units, teams, workloads, clusters, data.

Owners are teams; no people are made up.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from watermaster.model.resources import Purpose


class Size(StrEnum):
    """How much of the company is simulated."""

    SMALL = "small"  # two own pools of a few nodes, for tests
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Team:
    name: str
    unit: str
    cost_center: str


@dataclass(frozen=True, slots=True)
class Workload:
    """One piece of work and where it runs: a cluster's name, aws or azure."""

    name: str
    team: str
    purpose: Purpose
    place: str
    gpus: int
    busy: float  # mean utilisation of what it reserves
    model: str | None
    dataset: str | None

    @property
    def is_service(self) -> bool:
        return self.purpose is Purpose.ONLINE_INFERENCE


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Nodes of eight GPUs, and what a pool of them costs (declared, or by an instance's bill)."""

    name: str
    kind: str  # slurm or kubernetes
    pool: str
    accelerator: str
    nodes: tuple[str, ...]
    owner: str
    capex_per_gpu: Decimal = Decimal(0)
    capex_months: int = 48
    watts_per_gpu: Decimal = Decimal(0)
    pue: Decimal = Decimal("1.25")
    per_kwh: Decimal = Decimal(0)
    space_per_node: Decimal = Decimal(0)
    staff_per_node: Decimal = Decimal(0)
    is_billed: bool = False

    @property
    def gpus(self) -> int:
        return len(self.nodes) * GPUS_A_NODE


@dataclass(frozen=True, slots=True)
class Dataset:
    name: str
    owner: str
    bucket: str
    size_bytes: int
    classification: str

    @property
    def arn(self) -> str:
        return f"arn:aws:s3:::{self.bucket}"


@dataclass(frozen=True, slots=True)
class Company:
    name: str
    teams: tuple[Team, ...]
    workloads: tuple[Workload, ...]
    clusters: tuple[Cluster, ...]
    datasets: tuple[Dataset, ...]

    def at(self, place: str) -> list[Workload]:
        """The workloads of one place."""
        return [one for one in self.workloads if one.place == place]


GPUS_A_NODE: Final = 8
TB: Final = 10**12
SLURM: Final = "rjukan"
KUBERNETES: Final = "fra-gpu"
EKS: Final = "eks-claims"
NODES: Final = {
    Size.FULL: {SLURM: 40, KUBERNETES: 33, EKS: 4},
    Size.SMALL: {SLURM: 12, KUBERNETES: 8, EKS: 0},
}

_UNITS: Final = """
Claims    4100  claims-triage claims-documents claims-fraud
Care      4200  care-navigation care-imaging
Research  4300  research-language research-vision research-genomics
Retail    4400  retail-search retail-offers
Platform  4900  platform-ml platform-data
"""
_WORKLOADS: Final = """
@rjukan
claims-llm-pretrain  claims-documents  training         32 .78 halden-claims-7b claims-corpus
claims-llm-tune      claims-documents  fine-tuning      8  .71 halden-claims-7b claims-corpus
fraud-graph-train    claims-fraud      training         16 .64 fraud-gnn        claims-events
imaging-pretrain     care-imaging      training         32 .74 scan-vit         imaging-archive
imaging-segment-tune care-imaging      fine-tuning      8  .66 scan-seg         imaging-archive
genome-embed-train   research-genomics training         32 .81 genome-encoder   genome-reads
genome-variant-eval  research-genomics evaluation       8  .52 genome-encoder   genome-reads
protein-fold-sweep   research-genomics experiment       16 .58 fold-small       -
dialogue-pretrain    research-language training         32 .76 halden-dialogue  -
dialogue-preference  research-language fine-tuning      16 .62 halden-dialogue  -
tokenizer-study      research-language experiment       8  .41 -                -
video-dehaze-train   research-vision   training         16 .69 dehaze-net       -
search-rank-train    retail-search     training         16 .60 rank-xl          retail-events
uplift-train         retail-offers     training         8  .55 uplift-net       retail-events
@fra-gpu
triage-assistant     claims-triage     online-inference 4  .42 halden-claims-7b -
triage-assistant-b   claims-triage     online-inference 4  .17 halden-claims-7b -
document-reader      claims-documents  online-inference 4  .44 doc-ocr          -
document-batch       claims-documents  batch-inference  8  .72 doc-ocr          claims-corpus
fraud-score          claims-fraud      online-inference 2  .46 fraud-gnn        -
fraud-nightly        claims-fraud      batch-inference  4  .68 fraud-gnn        claims-events
care-guide           care-navigation   online-inference 4  .55 halden-dialogue  -
care-guide-eval      care-navigation   evaluation       2  .49 halden-dialogue  -
appointment-voice    care-navigation   online-inference 2  .45 voice-small      -
scan-review          care-imaging      online-inference 4  .47 scan-seg         -
scan-backfill        care-imaging      batch-inference  8  .77 scan-seg         imaging-archive
genome-annotate      research-genomics batch-inference  4  .63 genome-encoder   genome-reads
language-lab         research-language experiment       2  .20 halden-dialogue  -
vision-lab           research-vision   experiment       2  .19 dehaze-net       -
dehaze-eval          research-vision   evaluation       2  .51 dehaze-net       -
search-embed         retail-search     online-inference 4  .52 rank-xl          -
search-reindex       retail-search     batch-inference  8  .70 rank-xl          retail-events
offer-rank           retail-offers     online-inference 2  .47 uplift-net       -
offer-copy           retail-offers     batch-inference  4  .57 halden-dialogue  retail-events
platform-gateway     platform-ml       online-inference 2  .55 halden-dialogue  -
platform-canary      platform-ml       evaluation       1  .22 -                -
feature-build        platform-data     data-preparation 4  .59 -                retail-events
@eks-claims
triage-summary       claims-triage     online-inference 8  .46 halden-claims-7b -
claims-redact        claims-documents  batch-inference  8  .66 doc-ocr          claims-corpus
fraud-ring-search    claims-fraud      batch-inference  4  .61 fraud-gnn        claims-events
adjuster-copilot     claims-triage     online-inference 4  .47 halden-claims-7b -
@aws
claims-archive-ocr   claims-documents  batch-inference  8  .6  doc-ocr          claims-corpus
claims-rag           claims-triage     online-inference 4  .4  halden-claims-7b -
fraud-stream         claims-fraud      online-inference 4  .4  fraud-gnn        -
retail-personalise   retail-offers     online-inference 4  .5  uplift-net       -
retail-image-search  retail-search     online-inference 4  .5  rank-xl          -
offer-uplift-sweep   retail-offers     experiment       8  .3  uplift-net       -
genome-align         research-genomics data-preparation 0  .5  -                genome-reads
language-eval        research-language evaluation       4  .5  halden-dialogue  -
event-lake           platform-data     data-preparation 0  .5  -                retail-events
model-registry       platform-ml       data-preparation 0  .3  -                -
pricing-model        retail-offers     training         4  .6  -                retail-events
vision-annotate      research-vision   data-preparation 1  .4  -                -
@azure
care-notes           care-navigation   online-inference 4  .4  halden-dialogue  -
care-translate       care-navigation   batch-inference  4  .5  halden-dialogue  -
imaging-share        care-imaging      data-preparation 0  .4  -                -
imaging-detect       care-imaging      online-inference 8  .5  scan-vit         -
vision-train         research-vision   training         8  .7  dehaze-net       -
members-portal       retail-search     online-inference 1  .4  rank-xl          -
ml-workbench         platform-ml       experiment       1  .2  -                -
warehouse-sync       platform-data     data-preparation 0  .4  -                -
"""
_DATASETS: Final = (
    Dataset("claims-corpus", "claims-documents", "halden-claims-corpus", 41 * TB, "personal"),
    Dataset("imaging-archive", "care-imaging", "halden-imaging-archive", 38 * TB, "health"),
    Dataset("genome-reads", "research-genomics", "halden-genome-reads", 64 * TB, "health"),
    Dataset("retail-events", "platform-data", "halden-retail-events", 6 * TB, "internal"),
    Dataset("claims-events", "claims-fraud", "halden-claims-events", 3 * TB, "personal"),
)


def halden(size: Size) -> Company:
    """The company, with as many nodes as its size has."""
    nodes = NODES[size]
    clusters = (
        Cluster(
            name=SLURM, kind="slurm", pool="h100-rjukan", accelerator="H100",
            nodes=_names("rj", nodes[SLURM]), owner="platform-ml", capex_per_gpu=Decimal(34_000),
            watts_per_gpu=Decimal(1275), pue=Decimal("1.12"), per_kwh=Decimal("0.061"),
            space_per_node=Decimal(640), staff_per_node=Decimal(1150),
        ),
        Cluster(
            name=KUBERNETES, kind="kubernetes", pool="l40s-frankfurt", accelerator="L40S",
            nodes=_names("fra", nodes[KUBERNETES]), owner="platform-ml",
            capex_per_gpu=Decimal(9_800), watts_per_gpu=Decimal(520), pue=Decimal("1.35"),
            per_kwh=Decimal("0.184"), space_per_node=Decimal(510), staff_per_node=Decimal(870),
        ),
        Cluster(
            name=EKS, kind="kubernetes", pool="h100-aws", accelerator="H100",
            nodes=_names("ip-10-4", nodes[EKS]), owner="claims-documents", is_billed=True,
        ),
    )  # fmt: skip
    kept = tuple(cluster for cluster in clusters if cluster.nodes)
    places = {cluster.name for cluster in kept} | {"aws", "azure"}
    works = tuple(one for one in _workloads() if one.place in places)
    return Company("Halden Group", tuple(_teams()), works, kept, _DATASETS)


def _names(stem: str, count: int) -> tuple[str, ...]:
    return tuple(f"{stem}-{number:03d}" for number in range(1, count + 1))


def _teams() -> list[Team]:
    found = []
    for line in _UNITS.split("\n"):
        if line:
            unit, center, *names = line.split()
            found += [Team(name, unit, f"{center}-{n}") for n, name in enumerate(names, 1)]
    return found


def _workloads() -> Iterator[Workload]:
    place = ""
    for line in _WORKLOADS.strip().split("\n"):
        if line.startswith("@"):
            place = line[1:]
            continue
        name, team, purpose, gpus, busy, model, dataset = line.split()
        told = _known(model), _known(dataset)
        yield Workload(name, team, Purpose(purpose), place, int(gpus), float(busy), *told)


def _known(word: str) -> str | None:
    return None if word == "-" else word
