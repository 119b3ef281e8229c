"""Bytes that left the datasets' buckets, one CSV a month."""

import csv
from pathlib import Path
from typing import Final

from watermaster.testing.simulate.company import KUBERNETES
from watermaster.testing.simulate.plan import Plan
from watermaster.testing.simulate.usage import uid_of

COLUMNS: Final = (
    "day", "location", "resource_id", "from_region", "to_region", "platform", "subject_kind",
    "subject_uid", "bytes",
)  # fmt: skip


def write_transfers(plan: Plan, folder: Path) -> None:
    """`2026-10.csv` of every month."""
    folder.mkdir(parents=True, exist_ok=True)
    for month in plan.when.months:
        days = set(plan.when.days_of(month))
        with (folder / f"{month}.csv").open("w", newline="", encoding="utf-8") as out:
            write = csv.writer(out, lineterminator="\n")
            write.writerow(COLUMNS)
            for one in plan.moves:
                if one.day in days:
                    pod = (KUBERNETES, "pod", uid_of(one.pod)) if one.pod else ("", "", "")
                    place = f"s3://{one.dataset.bucket}", one.dataset.arn
                    regions = "eu-central-1", "frankfurt-own"
                    write.writerow(
                        (plan.when.text(one.day), *place, *regions, *pod, one.size_bytes)
                    )
