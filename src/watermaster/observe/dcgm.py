"""What DCGM's series say of a GPU: which device, who holds it, which field means what."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

UTILISATION: Final = {  # column value to series, the most honest first, and the factor to 0..1
    "SM_ACTIVE": ("DCGM_FI_PROF_SM_ACTIVE", 1.0),
    "GR_ENGINE_ACTIVE": ("DCGM_FI_PROF_GR_ENGINE_ACTIVE", 1.0),
    "GPU_UTIL": ("DCGM_FI_DEV_GPU_UTIL", 0.01),
}
ACTIVITY: Final = {  # column to series: what a busy GPU is busy with
    "tensor_s": "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE",
    "dram_s": "DCGM_FI_PROF_DRAM_ACTIVE",
}
MEMORY: Final = "DCGM_FI_DEV_FB_USED"  # MiB
POWER: Final = "DCGM_FI_DEV_POWER_USAGE"  # W
ENERGY: Final = "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION"  # mJ since the driver was loaded
XID: Final = "DCGM_FI_DEV_XID_ERRORS"  # number of the last error, 0 if none
FATAL_XIDS: Final = frozenset({48, 61, 62, 64, 74, 79, 95, 110, 119, 120, 136, 140, 143})
"""Errors of the device. Others (13, 31, 43, 45 ...) are the program's own and harm no GPU."""
LARGEST: Final = {  # beyond it DCGM means "blank"
    **dict.fromkeys(("DCGM_FI_PROF_SM_ACTIVE", "DCGM_FI_PROF_GR_ENGINE_ACTIVE"), 1.001),
    **dict.fromkeys(ACTIVITY.values(), 1.001),
    "DCGM_FI_DEV_GPU_UTIL": 100.1,
    MEMORY: 1e7,
    POWER: 1e5,
    ENERGY: 9e18,
    XID: 1e6,
}
_SLICES = re.compile(r"^(\d+)g\.")
Labels = Mapping[str, str]


class Device(NamedTuple):
    """One GPU, or one MIG instance of it."""

    node: str
    gpu: str
    mig: str | None


class Holder(NamedTuple):
    """A pod or job that holds a device."""

    kind: str
    uid: str
    name: str
    namespace: str | None


@dataclass
class Index:
    """Numbers for the devices and holdings seen, in the order they were seen."""

    devices: dict[Device, int] = field(default_factory=dict)
    holdings: dict[tuple[int, Holder | None], int] = field(default_factory=dict)
    models: dict[Device, str] = field(default_factory=dict)
    profiles: dict[Device, str] = field(default_factory=dict)

    def number(self, labels: Labels) -> tuple[int, int]:
        """Device and holding of a series; a device that nobody holds has a holding of its own."""
        device = device_of(labels)
        self.models[device] = labels.get("modelName") or self.models.get(device, "")
        self.profiles[device] = labels.get("GPU_I_PROFILE", "")
        place = self.devices.setdefault(device, len(self.devices))
        held = self.holdings.setdefault((place, holder_of(labels)), len(self.holdings))
        return place, held

    def is_partitioned(self, device: Device) -> bool:
        """Whether a whole GPU is offered as MIG instances instead."""
        return device.mig is None and (device.node, device.gpu) in self._partitioned()

    def _partitioned(self) -> set[tuple[str, str]]:
        return {(one.node, one.gpu) for one in self.devices if one.mig is not None}


def device_of(labels: Labels) -> Device:
    """Node, GPU and MIG instance of a series."""
    node = labels.get("node") or labels.get("Hostname") or labels.get("instance", "")
    gpu = labels.get("UUID") or labels.get("gpu") or labels.get("device", "")
    return Device(node, gpu, labels.get("GPU_I_ID") or None)


def holder_of(labels: Labels) -> Holder | None:
    """The pod, else the batch job, that the series names.

    Prometheus renames the workload's labels to exported_* where the exporter's own pod has the
    plain names; then the plain ones never mean a workload.
    """
    prefix = "exported_" if labels.get("exported_pod") else ""
    pod, namespace = labels.get(f"{prefix}pod"), labels.get(f"{prefix}namespace", "")
    container = labels.get(f"{prefix}container", "")
    if pod and not any("dcgm-exporter" in name for name in (pod, container)):
        uid = labels.get(f"{prefix}pod_uid") or f"{namespace}/{pod}"
        return Holder("pod", uid, pod, namespace or None)
    job = labels.get("hpc_job") or labels.get("slurm_job_id")
    return Holder("job", job, job, None) if job and job != "0" else None


def share_of(profile: str, model: str) -> float:
    """What part of a GPU's compute a MIG instance is: 3g.40gb of an H100 is 3/7."""
    slices = _SLICES.match(profile or "")
    return int(slices[1]) / (4 if "A30" in model else 7) if slices else 1.0
