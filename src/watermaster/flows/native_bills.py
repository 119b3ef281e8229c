"""Bills as their provider writes them: each file as FOCUS text, by the type of its Source."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from watermaster.ledger.delivery import Delivered, UnsoundError, as_text, ask, sound_text
from watermaster.ledger.open import Ledger
from watermaster.model.errors import BadInputError
from watermaster.model.resources import SourceType
from watermaster.model.tables import Table
from watermaster.observe.aws_cur import is_cur, map_cur
from watermaster.observe.azure_cost import Dataset, dataset_of, is_azure, map_cost, refuse_doubt
from watermaster.observe.focus_values import NULLS


@dataclass(frozen=True, slots=True)
class Native:
    """How the files of one location are read."""

    type: SourceType
    datasets: Mapping[str, Dataset] = field(default_factory=dict)  # by name of the file, of Azure
    both: bool = False  # the actual and the amortised export are there

    def as_focus(self, text: Table, where: str) -> tuple[Table, list[str]]:
        """A file with FOCUS columns, and what a reader should know."""
        if self.type is SourceType.AWS_CUR:
            return map_cur(text, where)
        if self.type is SourceType.AZURE_COST:
            return map_cost(text, where, self.datasets[where], beside=self.both)
        _refuse_native(text.columns, where)
        return text, []


def native_bills(ledger: Ledger, kind: SourceType, files: Sequence[Delivered]) -> Native:
    """How to read the files; RefusedError where Azure's two datasets cannot be told apart."""
    if kind is not SourceType.AZURE_COST:
        return Native(kind)
    datasets = {file.name: _dataset(ledger, file) for file in files}
    return Native(kind, datasets, refuse_doubt(datasets))


def _dataset(ledger: Ledger, file: Delivered) -> Dataset:
    def answer(question: Table) -> pa.Table:
        return ask(ledger, question)

    try:
        return dataset_of(as_text(ledger, file, NULLS), file.name, answer)
    except UnsoundError:
        return dataset_of(sound_text(ledger, file, NULLS).rows, file.name, answer)


def _refuse_native(names: tuple[str, ...], where: str) -> None:
    if is_cur(names):
        what, fix = "is an AWS Cost and Usage Report, no FOCUS file", "use wm ingest aws-cur"
        raise BadInputError(where, what, fix)
    if is_azure(names):
        what, fix = "is an Azure cost export, no FOCUS file", "use wm ingest azure-cost"
        raise BadInputError(where, what, fix)
