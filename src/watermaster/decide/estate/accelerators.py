"""Accelerator classes: memory and dense peak, to tell which would do for a piece of work.

Peaks are dense FP16 or BF16 tensor TFLOP/s and memory is that of the data sheets NVIDIA and AMD
publish (T4, V100, L4, A10G by AWS for G5, A10, A100, L40S, H100 SXM, H200, B200, MI300X);
figures with sparsity are never used.
"""

from dataclasses import dataclass
from typing import Final

GIB: Final = 2**30
SPARE: Final = 0.8  # of memory and peak that work may fill


@dataclass(frozen=True, slots=True)
class Accelerator:
    """One class: memory of one device, and its dense peak."""

    name: str
    memory_bytes: int
    tflops: int


OLDER: Final = (  # the smallest first
    Accelerator("T4", 16 * GIB, 65),
    Accelerator("A10G", 24 * GIB, 70),
    Accelerator("L4", 24 * GIB, 121),
    Accelerator("A10", 24 * GIB, 125),
    Accelerator("V100", 32 * GIB, 125),
    Accelerator("A100-40GB", 40 * GIB, 312),
    Accelerator("L40S", 48 * GIB, 362),
    Accelerator("A100-80GB", 80 * GIB, 312),
)
_NEWEST: Final = (
    Accelerator("H100", 80 * GIB, 989),
    Accelerator("H200", 141 * GIB, 989),
    Accelerator("MI300X", 192 * GIB, 1307),
    Accelerator("B200", 180 * GIB, 2250),
)
NEWEST: Final = {one.name: one for one in _NEWEST}


def smallest_that_does(memory_bytes: int, tflops: float) -> Accelerator | None:
    """The smallest older class with room for so much; None where none has.

    >>> smallest_that_does(14 * GIB, 90).name
    'L4'
    >>> smallest_that_does(70 * GIB, 90) is None
    True
    """
    for one in OLDER:
        if memory_bytes <= SPARE * one.memory_bytes and tflops <= SPARE * one.tflops:
            return one
    return None
