"""What money went into: one word for each part of a charge, few enough to be told apart."""

from typing import Final

from watermaster.model.tables import Column, Table, ibis

ACTIVITIES: Final = (
    "training", "inference", "batch", "development", "idle", "unmeasured", "unallocated", "other",
)  # fmt: skip
OF_PURPOSE: Final = {
    "training": "training",
    "fine-tuning": "training",
    "online-inference": "inference",
    "batch-inference": "batch",
    "data-preparation": "batch",
    "evaluation": "development",
    "experiment": "development",
}
NOBODYS: Final = ("idle", "unmeasured", "unallocated")


def activity(allocations: Table) -> Column:
    """The activity of each part: its kind where no work had it, else its workload's purpose."""
    other = ibis.literal("other")
    by_purpose = allocations.purpose.cases(*OF_PURPOSE.items(), else_=other)
    return ibis.ifelse(
        allocations.kind.isin(NOBODYS), allocations.kind, ibis.coalesce(by_purpose, other)
    )
