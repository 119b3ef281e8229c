"""What work does, as telemetry saw it, and the purpose and profile that follow from it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Profile(StrEnum):
    """What work asks most of an accelerator."""

    TENSOR_BOUND = "tensor-bound"  # the tensor cores are busy
    MEMORY_BOUND = "memory-bound"  # device memory is busier than the tensor cores
    COMPUTE_BOUND = "compute-bound"  # busy, and what with was not measured
    BURSTY = "bursty"  # busy for some hours only
    LIGHT = "light"  # never much
    PARKED = "parked"  # held and not used


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """One thing or one workload in a month; None: not measured."""

    things: int = 1  # pods, jobs, endpoints seen
    gpus: float | None = None  # the most that one of them held; under 1: a part of one
    gpu_h: float = 0.0  # GPU-hours held by all
    run_h: float | None = None  # half of the GPU time is in things that ran for longer, hours
    present_ratio: float | None = (
        None  # of the hours from first to last, those with a GPU; days away apart
    )
    open_ratio: float | None = None  # of the things, those still there when the data ends
    used_ratio: float | None = None  # mean utilisation
    burst_ratio: float | None = None  # busiest hour / mean
    requests: int | None = None  # counted in the month
    kinds: frozenset[str] = frozenset()  # native kinds of the things and their parents
    tensor_ratio: float | None = None  # tensor cores active
    dram_ratio: float | None = None  # device memory active


@dataclass(frozen=True, slots=True, kw_only=True)
class Inferred:
    """What the purpose and the profile seem to be."""

    purpose: str | None  # None: nothing is clear enough
    confidence: float  # 0..1 that the purpose, or if it is None the likeliest, is the true one
    activity: str | None  # training, inference, batch or development
    activity_confidence: float
    reason: str  # what speaks for it
    profile: Profile | None
    profile_reason: str
    shares: Mapping[str, float] = field(default_factory=dict)  # of each purpose; they sum to 1
