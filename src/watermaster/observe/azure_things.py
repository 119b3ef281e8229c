"""Rows of what Azure tells: machines, disks, snapshots, Azure ML, storage accounts."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, Final

from watermaster.observe.azure_sizes import Sizes, model_of
from watermaster.observe.batches import Row, canonical

Told = Mapping[str, Any]
GIB: Final = 1 << 30
COMPUTE: Final = "microsoft.compute/"
ML: Final = "microsoft.machinelearningservices/workspaces"
TYPES: Final = (
    f"{COMPUTE}virtualmachines", f"{COMPUTE}virtualmachinescalesets", f"{COMPUTE}disks",
    f"{COMPUTE}snapshots", "microsoft.storage/storageaccounts", ML, f"{ML}/onlineendpoints",
    f"{ML}/batchendpoints", f"{ML}/onlineendpoints/deployments",
)  # fmt: skip
DEPLOYMENT: Final = f"{ML}/onlineendpoints/deployments"


class Place:
    """When things are seen, and what is known of machine sizes."""

    def __init__(self, platform: str | None, at: dt.datetime, sizes: Sizes) -> None:
        self.platform, self.at, self.sizes = platform, at, sizes

    def row(self, kind: str, one: Told, told: Row) -> Row:
        """One thing; uid: subscription/resource group/names."""
        id_ = str(one["id"])
        region = str(one.get("location") or "").lower()
        attributes = {"region": region} | told.get("attributes", {})
        return {
            "day": f"{self.at:%Y-%m-%d}", "platform": self.platform or f"azure-{region}",
            "subject_kind": kind, "subject_uid": uid_of(id_), "name": str(one["name"]),
            "account": subscription_of(id_), "labels": canonical(_labels(one)),
            "first_seen": self.at, "last_seen": self.at, "resource_id": id_,
        } | dict(told) | {
            "attributes": canonical({k: str(v) for k, v in attributes.items() if v}),
        }  # fmt: skip

    def held(self, one: Told, size: str | None, machines: int = 1) -> Row:
        """Columns that say which accelerators it has."""
        if not size:
            return {}
        region = str(one.get("location") or "").lower()
        gpus = self.sizes.of(subscription_of(str(one["id"])), region, size)
        return {"gpus": (gpus or 0) * machines or None, "accelerator": model_of(size)}


def thing(one: Told, place: Place, deployments: Mapping[str, Sequence[Told]]) -> Row | None:
    """The row of one resource; None for what others tell. KeyError and the like: half told."""
    kind = str(one["type"]).lower()
    told = one.get("properties") or {}
    if kind == f"{ML}/onlineendpoints":
        return _endpoint(one, told, place, deployments.get(str(one["id"]).lower(), ()))
    make = _MAKERS.get(kind)
    return make(one, told, place) if make else None


def compute(one: Told, workspace: Told, place: Place) -> Row:
    """A compute of an Azure ML workspace: an instance is somebody's notebook."""
    told, inner = one["properties"], one["properties"].get("properties") or {}
    kind = "notebook" if told.get("computeType") == "ComputeInstance" else "instance"
    nodes = 1 if kind == "notebook" else int(inner.get("currentNodeCount") or 0)
    state = str(inner.get("state") or told.get("provisioningState") or "").lower() or None
    creator = (inner.get("createdBy") or {}).get("userName")
    size = inner.get("vmSize")
    one = {"location": workspace.get("location"), "tags": workspace.get("tags")} | dict(one)
    return place.row(kind, one, {
        "namespace": workspace["name"], "parent_uid": uid_of(str(workspace["id"])),
        "state": state, "created_at": moment(told.get("createdOn")), "creator": creator,
        **place.held(one, size, nodes),
        "attributes": {"size": size, "compute": told.get("computeType"), "nodes": nodes},
    })  # fmt: skip


def _machine(one: Told, told: Told, place: Place) -> Row:
    size = (told.get("hardwareProfile") or {}).get("vmSize")
    power = ((told.get("extended") or {}).get("instanceView") or {}).get("powerState") or {}
    state = str(power.get("code") or "").rpartition("/")[2].lower() or None
    return place.row("instance", one, {
        "state": state, "created_at": moment(told.get("timeCreated")), **place.held(one, size),
        "attributes": {"size": size, "priority": told.get("priority")},
    })  # fmt: skip


def _scale_set(one: Told, told: Told, place: Place) -> Row:
    sku = one.get("sku") or {}
    count = int(sku.get("capacity") or 0)
    return place.row("instance", one, {
        "created_at": moment(told.get("timeCreated")),
        "state": "running" if count else "scaled-to-zero",
        **place.held(one, sku.get("name"), count),
        "attributes": {"size": sku.get("name"), "machines": count},
    })  # fmt: skip


def _disk(one: Told, told: Told, place: Place) -> Row:
    """Attached or detached last: what Azure calls a change of ownership."""
    owner = one.get("managedBy")
    return place.row("volume", one, {
        "state": str(told["diskState"]).lower(), "bytes": _bytes(told),
        "created_at": moment(told.get("timeCreated")),
        "last_used": moment(told.get("LastOwnershipUpdateTime")
                            or told.get("lastOwnershipUpdateTime")),
        "parent_uid": uid_of(str(owner)) if owner else None,
        "attributes": {"sku": (one.get("sku") or {}).get("name")},
    })  # fmt: skip


def _snapshot(one: Told, told: Told, place: Place) -> Row:
    origin = (told.get("creationData") or {}).get("sourceResourceId")
    return place.row("snapshot", one, {
        "state": str(told.get("diskState") or "kept").lower(), "bytes": _bytes(told),
        "created_at": moment(told.get("timeCreated")),
        "parent_uid": uid_of(str(origin)) if origin else None,
        "attributes": {"incremental": "yes" if told.get("incremental") else None},
    })  # fmt: skip


def _storage(one: Told, told: Told, place: Place) -> Row:
    return place.row("bucket", one, {
        "created_at": moment(told.get("creationTime")),
        "state": str(told.get("provisioningState") or "").lower() or None,
        "attributes": {"kind": one.get("kind"), "tier": told.get("accessTier")},
    })  # fmt: skip


def _workspace(one: Told, told: Told, place: Place) -> Row:
    return place.row("namespace", one, {
        "created_at": moment(told.get("creationTime")), "attributes": {"kind": one.get("kind")},
        "state": str(told.get("provisioningState") or "").lower() or None,
    })  # fmt: skip


def _batch(one: Told, told: Told, place: Place) -> Row:
    return _endpoint(one, told, place, ())


def _endpoint(one: Told, told: Told, place: Place, deployed: Sequence[Told]) -> Row:
    """An endpoint with the machines and models of its deployments."""
    parts = str(one["id"]).split("/")
    gpus, accelerator, models, sizes = 0, None, [], []
    for each in deployed:
        inner = each.get("properties") or {}
        count = int((each.get("sku") or {}).get("capacity") or 1)
        held = place.held(each, inner.get("instanceType"), count)
        gpus, accelerator = gpus + (held.get("gpus") or 0), accelerator or held.get("accelerator")
        models += [str(inner["model"])] if inner.get("model") else []
        sizes += [str(inner["instanceType"])] if inner.get("instanceType") else []
    named = sorted({_model_name(model) for model in models})
    return place.row("endpoint", one, {
        "namespace": parts[8] if len(parts) > 8 else None,
        "parent_uid": uid_of("/".join(parts[:9])),
        "state": str(told.get("provisioningState") or "").lower() or None,
        "created_at": moment((one.get("systemData") or {}).get("createdAt")),
        "gpus": gpus or None, "accelerator": accelerator, "model": ", ".join(named) or None,
        "artefact": min(models) if models else None,
        "attributes": {"size": ", ".join(sorted(set(sizes))), "deployments": len(deployed)},
    })  # fmt: skip


_MAKERS: Final = {
    f"{COMPUTE}virtualmachines": _machine, f"{COMPUTE}virtualmachinescalesets": _scale_set,
    f"{COMPUTE}disks": _disk, f"{COMPUTE}snapshots": _snapshot,
    "microsoft.storage/storageaccounts": _storage, ML: _workspace,
    f"{ML}/batchendpoints": _batch,
}  # fmt: skip


def subscription_of(id_: str) -> str:
    """The account of a resource."""
    parts = id_.split("/")
    return parts[2].lower() if len(parts) > 2 else ""


def uid_of(id_: str) -> str:
    """subscription/resource group/names, in lower case: Azure minds no case."""
    parts = id_.lower().split("/")
    return "/".join([*parts[2:3], *parts[4:5], *parts[8::2]])


def moment(text: object) -> dt.datetime | None:
    """A time as Azure writes it; None where it is none."""
    try:
        told = dt.datetime.fromisoformat(str(text)[:26].rstrip("Z")) if text else None
    except ValueError:
        return None
    return told and told.replace(tzinfo=dt.UTC)


def _bytes(told: Told) -> int | None:
    if told.get("diskSizeBytes"):
        return int(told["diskSizeBytes"])
    return int(told["diskSizeGB"]) * GIB if told.get("diskSizeGB") else None


def _labels(one: Told) -> dict[str, str]:
    return {str(key): str(text) for key, text in (one.get("tags") or {}).items()}


def _model_name(model: str) -> str:
    """Of .../models/NAME/versions/3 or azureml:NAME:3 the name."""
    if "/models/" in model:
        return model.partition("/models/")[2].split("/")[0]
    return model.removeprefix("azureml:").partition(":")[0]
