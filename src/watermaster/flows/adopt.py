"""Propose an estate from what the ledger has seen, write it as YAML, and take parts of it in."""

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML

from watermaster.decide.estate.adopt import SURE, adopt
from watermaster.flows.declare import Applied, apply, plan
from watermaster.flows.estate import known_estate
from watermaster.flows.open import Project
from watermaster.ledger.head import Head, read_head
from watermaster.ledger.read import read
from watermaster.model.adopted import Adoption, Billed, Moved, Observed, Proposal, Supplied, Used
from watermaster.model.errors import NotFoundError
from watermaster.model.tables import Table, ibis

ALL: Final = "all"
REASON: Final = "watermaster.io/reason"
CONFIDENCE: Final = "watermaster.io/confidence"
_LABELLED: Final = ("platform", "subject_kind", "namespace", "account", "name", "labels")


@dataclass(frozen=True, slots=True, kw_only=True)
class Adopted:
    """What was accepted: where it was written and what it changed."""

    files: list[str]
    accepted: list[str]
    applied: Applied | None


def propose(project: Project) -> Adoption:
    """Everything that is seen and not declared, each with confidence and reason."""
    head = read_head(project.ledger.records)
    return adopt(_observed(project, head), known_estate(project), head.name)


def choose(found: Adoption, wanted: Sequence[str]) -> list[Proposal]:
    """The proposals of these names (Kind/name), or with `all` those that are sure enough."""
    if ALL in wanted:
        sure = [one for one in found.proposals if one.confidence >= SURE]
        wanted = [*(one.key for one in sure), *(name for name in wanted if name != ALL)]
    known = {one.key.lower(): one for one in found.proposals}
    lost = [name for name in wanted if name.lower() not in known]
    if lost:
        raise NotFoundError(
            ", ".join(lost), "is not proposed", "see wm estate adopt for the names: Kind/name"
        )
    return [known[name] for name in dict.fromkeys(name.lower() for name in wanted)]


def write_proposals(proposals: Sequence[Proposal], folder: Path, day: dt.date) -> list[str]:
    """One YAML file a kind, each document led by why it is proposed; earlier files stay."""
    folder.mkdir(parents=True, exist_ok=True)
    yaml = YAML()
    yaml.explicit_start = True
    yaml.width = 100
    files = []
    for kind in dict.fromkeys(one.kind for one in proposals):
        path = _free(folder / f"{kind.lower()}-{day.isoformat()}.yaml")
        with path.open("w", encoding="utf-8") as out:
            for one in proposals:
                if one.kind == kind:
                    yaml.dump(_annotated(one), out)
        files.append(str(path))
    return files


def accept(project: Project, proposals: Sequence[Proposal], folder: Path) -> Adopted:
    """Write the proposals and apply them, as `wm apply` would."""
    files = write_proposals(proposals, folder, project.ledger.clock().date())
    applied = apply(project, plan(project, files)) if files else None
    return Adopted(files=files, accepted=[one.key for one in proposals], applied=applied)


def _free(path: Path) -> Path:
    number = 1
    free = path
    while free.exists():
        number += 1
        free = path.with_stem(f"{path.stem}-{number}")
    return free


def _annotated(one: Proposal) -> dict[str, Any]:
    notes = {CONFIDENCE: f"{one.confidence:.2f}", REASON: one.reason}
    return one.document | {"metadata": one.document["metadata"] | {"annotations": notes}}


def _observed(project: Project, head: Head) -> Observed:
    def rows(table: Table) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = project.ledger.engine.to_pyarrow(table).to_pylist()
        return found

    def at(name: str) -> Table:
        return read(project.ledger, head, name)

    return Observed(
        billed=[_billed(row) for row in rows(_bills(at("charges")))],
        used=[_used(row) for row in rows(_use(at("subjects"), at("gpu_hours")))],
        supplied=[_supplied(row) for row in rows(_supply(at("gpu_supply")))],
        moved=[_moved(row) for row in rows(_moves(at("transfers"), at("subjects")))],
    )


def _bills(charges: Table) -> Table:
    cost = ibis.coalesce(charges.effective_cost, charges.billed_cost)
    own = charges.source.startswith("own:")
    return charges.filter(~own).group_by(
        provider=ibis.coalesce(charges.provider_name, charges.service_provider_name),
        account=ibis.coalesce(charges.sub_account_id, charges.billing_account_id),
        account_name=ibis.coalesce(charges.sub_account_name, charges.billing_account_name),
        region=ibis.coalesce(charges.region_id, charges.region_name),
        service=charges.service_name,
        category=charges.charge_category,
        resource_id=charges.resource_id,
        tags=charges.tags,
        commitment=charges.commitment_discount_id,
    ).aggregate(cost=cost.sum(), since=charges.charge_period_start.min().date())  # fmt: skip


def _billed(row: dict[str, Any]) -> Billed:
    tags = json.loads(row.pop("tags") or "{}")
    told = {key: str(value) for key, value in tags.items() if value not in {None, ""}}
    return Billed(**row | {"tags": told, "cost": row["cost"] or 0})


def _use(subjects: Table, hours: Table) -> Table:
    """Subjects as they are called, with what they reserved; pods lose their made-up names."""
    keys = ("platform", "subject_kind", "subject_uid")
    reserved = hours.group_by(*keys).aggregate(
        gpu_s=hours.reserved_s.sum(), gpus=hours.gpu.nunique()
    )
    one = subjects.group_by(*keys).aggregate(
        namespace=subjects.namespace.max(), account=subjects.account.max(),
        name=subjects.name.max(), labels=subjects.labels.max(),
        first=subjects.first_seen.min(), last=subjects.last_seen.max(),
    )  # fmt: skip
    held = one.left_join(reserved, [*keys]).select(
        *(one[name] for name in (*keys, "namespace", "account", "labels", "first", "last")),
        name=(one.subject_kind == "pod").ifelse(ibis.null("string"), one["name"]),
        gpu_s=reserved.gpu_s.fill_null(0),
        gpus=reserved.gpus.fill_null(0),
    )
    return held.group_by(*_LABELLED).aggregate(
        gpu_s=held.gpu_s.sum(), subjects=held.count(), most_gpus=held.gpus.max(),
        longest_s=(held["last"].epoch_seconds() - held["first"].epoch_seconds()).max(),
    )  # fmt: skip


def _used(row: dict[str, Any]) -> Used:
    return Used(
        platform=row["platform"] or "",
        kind=row["subject_kind"],
        namespace=row["namespace"],
        account=row["account"],
        name=row["name"],
        labels=json.loads(row["labels"] or "{}"),
        gpu_s=int(row["gpu_s"] or 0),
        subjects=int(row["subjects"]),
        longest_s=int(row["longest_s"] or 0),
        most_gpus=int(row["most_gpus"] or 0),
    )


def _supply(supply: Table) -> Table:
    """Nodes and the most accelerators at once of each platform and model."""
    at_once = supply.group_by("platform", "model", "hour").aggregate(
        gpus=(supply.present_s.sum() / 3600).round()
    )
    most = at_once.group_by("platform", "model").aggregate(gpus=at_once.gpus.max())
    nodes = supply.group_by("platform", "model").aggregate(nodes=supply.node.collect(distinct=True))
    return most.inner_join(nodes, ["platform", "model"])


def _supplied(row: dict[str, Any]) -> Supplied:
    nodes = tuple(sorted(node for node in row["nodes"] or () if node))
    return Supplied(
        platform=row["platform"] or "", model=row["model"], nodes=nodes,
        gpus=max(1, int(row["gpus"] or 0)),
    )  # fmt: skip


def _moves(transfers: Table, subjects: Table) -> Table:
    keys = ("platform", "subject_kind", "subject_uid")
    one = subjects.group_by(*keys).aggregate(
        namespace=subjects.namespace.max(), account=subjects.account.max(),
        labels=subjects.labels.max(),
    )  # fmt: skip
    joined = transfers.left_join(one, [*keys])
    return joined.group_by("location", "resource_id", "namespace", "account", "labels").aggregate(
        bytes=joined.bytes.sum()
    )


def _moved(row: dict[str, Any]) -> Moved:
    return Moved(**row | {"labels": json.loads(row["labels"] or "{}"), "bytes": row["bytes"] or 0})
