"""Rows of a file counted by the combination of truths that hold for them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Held: TypeAlias = npt.NDArray[np.bool_]  # one truth, by combination


@dataclass(frozen=True, slots=True)
class Combinations:
    """The combinations that occur; arrays are aligned."""

    rows: npt.NDArray[np.int64]
    first_row: npt.NDArray[np.int64]  # the smallest charge_row
    truths: Mapping[str, Held]

    def holds(self, name: str, *, absent: bool = False) -> Held:
        """Where a truth holds; `absent` everywhere when the file has no columns for it."""
        held = self.truths.get(name)
        return np.full(len(self.rows), absent) if held is None else held

    def count(self, held: Held) -> int:
        """How many rows."""
        return int(self.rows[held].sum())

    def first(self, held: Held) -> int:
        """The first row; there must be one."""
        return int(self.first_row[held].min())
