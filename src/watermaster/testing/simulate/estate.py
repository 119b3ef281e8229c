"""The estate of the company as its teams would have declared it; nothing planted shows in it."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from watermaster.model.resources import API_VERSION
from watermaster.testing.simulate.cloud import node_id
from watermaster.testing.simulate.company import GPUS_A_NODE, Cluster, Workload
from watermaster.testing.simulate.plan import Plan
from watermaster.testing.simulate.things import SANDBOX, THERE
from watermaster.testing.simulate.truth import CAPEX_FROM

Document = dict[str, Any]


def write_estate(plan: Plan, folder: Path, inputs: Path) -> None:
    """One file a kind; locations of sources lie under `inputs`."""
    folder.mkdir(parents=True, exist_ok=True)
    yaml = YAML()
    yaml.explicit_start = True
    for name, documents in (
        ("sources", _sources(plan, inputs)),
        ("teams", _teams(plan)),
        ("platforms", _platforms(plan)),
        ("pools", _pools(plan)),
        ("datasets", _datasets(plan)),
        ("models", _models(plan)),
        ("workloads", _workloads(plan)),
        ("commitments", _commitments(plan)),
        ("rules", _rules(plan)),
        ("beside", _beside(plan)),
    ):
        with (folder / f"{name}.yaml").open("w", encoding="utf-8") as out:
            yaml.dump_all(list(documents), out)


def _document(kind: str, name: str, spec: Document, owner: str | None = None) -> Document:
    metadata = {"name": name} | ({"owner": owner} if owner else {})
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": spec}


def _sources(plan: Plan, inputs: Path) -> Iterator[Document]:
    for name in ("aws", "azure"):
        spec: Document = {"type": "focus", "location": str(inputs / "bills" / name)}
        yield _document("Source", name, spec)
    period = plan.when.period
    for cluster in plan.company.clusters:
        folder = str(inputs / cluster.kind / cluster.name)
        if cluster.kind == "slurm":
            told = {"from": period.start.isoformat(), "until": period.end.isoformat()}
            spec = {"type": "slurm", "location": folder, "options": told}
        else:
            spec = {"type": "usage", "location": folder}
        yield _document("Source", cluster.name, spec | {"platform": cluster.name})
    for name in ("transfers", "things"):
        yield _document("Source", name, {"type": "usage", "location": str(inputs / name)})


def _teams(plan: Plan) -> Iterator[Document]:
    for team in plan.company.teams:
        spec = {
            "unit": team.unit,
            "costCenter": team.cost_center,
            "contacts": {"owner": f"{team.name}@halden.example"},
            "selectors": [
                {"tags": {"team": team.name}}, {"namespace": team.name}, {"account": team.name}
            ],
        }  # fmt: skip
        yield _document("Team", team.name, spec)


def _platforms(plan: Plan) -> Iterator[Document]:
    countries = {"rjukan": "NO", "fra-gpu": "DE", "eks-claims": "DE"}
    for cluster in plan.company.clusters:
        spec = {
            "type": cluster.kind, "country": countries[cluster.name], "environment": "production",
        }  # fmt: skip
        yield _document("Platform", cluster.name, spec, "platform-ml")
    for name, provider, region in (
        ("aws-frankfurt", "AWS", "eu-central-1"), ("azure-amsterdam", "Microsoft", "westeurope")
    ):  # fmt: skip
        spec = {"type": "cloud", "provider": provider, "region": region}
        yield _document("Platform", name, spec, "platform-ml")
    for name, told in (
        (THERE, {"region": "eu-west-1", "country": "IE"}), (SANDBOX, {"environment": "development"})
    ):  # fmt: skip
        spec = {"type": "cloud", "provider": "AWS", **told}
        yield _document("Platform", name, spec, "platform-ml")


def _pools(plan: Plan) -> Iterator[Document]:
    for cluster in plan.company.clusters:
        stem = cluster.nodes[0].rsplit("-", 1)[0]
        spec: Document = {
            "platform": cluster.name,
            "accelerator": cluster.accelerator,
            "count": cluster.gpus,
            "gpusPerNode": GPUS_A_NODE,
            "nodes": [f"{stem}-*"],
            "purchase": "on-demand" if cluster.is_billed else "owned",
        }
        if cluster.is_billed:
            ids = [line.id for line in plan.bill.lines if line.id.endswith(_node_ids(cluster))]
            spec["nodeResources"] = dict(zip(cluster.nodes, ids, strict=True))
        else:
            spec["cost"] = _declared(cluster)
        yield _document("Pool", cluster.pool, spec, cluster.owner)


def _node_ids(cluster: Cluster) -> tuple[str, ...]:
    return tuple(node_id(number) for number in range(len(cluster.nodes)))


def _declared(cluster: Cluster) -> Document:
    nodes = len(cluster.nodes)
    return {
        "capex": {
            "amount": str(cluster.capex_per_gpu * cluster.gpus),
            "from": f"{CAPEX_FROM}-01",
            "months": cluster.capex_months,
        },
        "power": {
            "ratedWattsPerGpu": str(cluster.watts_per_gpu),
            "pue": str(cluster.pue),
            "tariff": [{"pricePerKwh": str(cluster.per_kwh)}],
        },
        "space": {"perMonth": str(cluster.space_per_node * nodes)},
        "staff": {"perMonth": str(cluster.staff_per_node * nodes)},
    }


def _datasets(plan: Plan) -> Iterator[Document]:
    for held in plan.company.datasets:
        spec = {
            "locations": [held.arn, f"s3://{held.bucket}"],
            "bytes": held.size_bytes,
            "classification": held.classification,
        }
        yield _document("Dataset", held.name, spec, held.owner)


def _models(plan: Plan) -> Iterator[Document]:
    owners: dict[str, str] = {}
    for work in plan.company.workloads:
        if work.model:
            owners.setdefault(work.model, work.team)
    for name, owner in owners.items():
        yield _document("Model", name, {"purpose": f"{name} of Halden Group"}, owner)


def _workloads(plan: Plan) -> Iterator[Document]:
    end = plan.when.period.end.date()
    for work in plan.company.workloads:
        spec: Document = {
            "purpose": work.purpose.value,
            "stage": "experiment" if work.purpose.value == "experiment" else "production",
            "selectors": list(_selectors(plan, work)),
        }
        if work.model:
            spec["model"] = work.model
        if work.dataset:
            spec["datasets"] = [work.dataset]
        if work.purpose.value == "experiment":
            spec |= {"endDate": end + timedelta(days=60), "budget": {"amount": 90_000}}
        yield _document("Workload", work.name, spec, work.team)


def _selectors(plan: Plan, work: Workload) -> Iterator[Document]:
    kinds = {cluster.name: cluster.kind for cluster in plan.company.clusters}
    match kinds.get(work.place):
        case "slurm":
            yield {"account": work.team, "name": work.name}
        case "kubernetes":
            yield {"labels": {"app": work.name}}
        case _:
            yield {"tags": {"workload": work.name}}
    for resource_id in plan.by_id.get(work.name, []):
        yield {"resourceId": resource_id}


def _beside(plan: Plan) -> Iterator[Document]:
    """What is declared of the things beside the clusters."""
    for one in plan.beside.documents:
        yield _document(one.kind, one.name, one.spec, one.owner)


def _commitments(plan: Plan) -> Iterator[Document]:
    first = plan.when.period.start.date()
    for name, idn, provider, team in plan.commitments:
        spec = {"provider": provider, "commitmentId": idn, "from": first, "months": 12}
        yield _document("Commitment", name, spec, team)


def _rules(plan: Plan) -> Iterator[Document]:
    teams: Sequence[str] = [team.name for team in plan.company.teams]
    for name in ("AWS", "Microsoft"):
        for what in ("Support", "Tax", "Credits"):
            spec = {"match": [{"service": f"{name} {what}"}], "split": "cost", "to": teams}
            yield _document("AllocationRule", f"{name}-{what}".lower(), spec, "platform-ml")
    yield _document(
        "TagPolicy",
        "halden-tags",
        {"tags": [{"key": key, "required": True} for key in ("workload", "team")]},
        "platform-ml",
    )
