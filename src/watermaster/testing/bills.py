"""Small seeded bills and estates for tests and benches that need any bill at all."""

import csv
import gzip
import random
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Final

from watermaster.flows.open import Project
from watermaster.ledger.resources import Recording, Row, append
from watermaster.ledger.write import begin
from watermaster.model.resources import load_resource

COLUMNS: Final = (
    "BillingPeriodStart", "BillingPeriodEnd", "ChargePeriodStart", "ChargePeriodEnd",
    "BilledCost", "EffectiveCost", "ListCost", "ContractedCost", "BillingCurrency",
    "BillingAccountId", "SubAccountId", "ProviderName", "ServiceName", "ChargeCategory",
    "ResourceId", "Tags",
)  # fmt: skip
SERVICES: Final = ("Compute", "Storage", "Inference")
ESTATE: Final[tuple[dict[str, object], ...]] = (
    {"kind": "Team", "metadata": {"name": "search"}, "spec": {"unit": "Research"}},
    {"kind": "Team", "metadata": {"name": "shop"}, "spec": {"unit": "Retail"}},
    {
        "kind": "Workload",
        "metadata": {"name": "ranking", "owner": "search"},
        "spec": {"purpose": "training", "selectors": [{"tags": {"app": "ranking"}}]},
    },
    {
        "kind": "Workload",
        "metadata": {"name": "advice", "owner": "shop"},
        "spec": {"purpose": "online-inference", "selectors": [{"tags": {"app": "advice"}}]},
    },
)


def write_bill(path: Path, month: str, rows: int, seed: int = 0, faulty: int = 0) -> Path:
    """A FOCUS bill of `rows` charges of one month, the first `faulty` of them unusable."""
    opener = gzip.open if path.suffix == ".gz" else open
    path.parent.mkdir(parents=True, exist_ok=True)
    with opener(path, "wt", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        writer.writerow(COLUMNS)
        for number, row in enumerate(_charges(month, rows, random.Random(seed))):
            writer.writerow([*row[:4], "much", *row[5:]] if number < faulty else row)
    return path


def declare(project: Project, *documents: dict[str, object]) -> None:
    """Let the ledger know resources (none given: `ESTATE`), valid from the beginning."""
    with begin(project.ledger, "apply", project.actor, project.tell) as work:
        rows = [
            Row(str(one.kind), one.metadata.name, None, one, "estate/test.yaml")
            for one in map(load_resource, documents or ESTATE)
        ]
        recording = Recording(work.revision, project.ledger.clock(), "test")
        append(work.connection, rows, recording)


def _charges(month: str, rows: int, dice: random.Random) -> Iterator[list[str]]:
    year, number = int(month[:4]), int(month[5:])
    following = f"{year + number // 12}-{number % 12 + 1:02}"
    for row in range(rows):
        cost = Decimal(dice.randrange(-2_000, 90_000)).scaleb(-4)
        day = dice.randrange(1, 28)
        app = dice.choice(("ranking", "advice", ""))
        yield [
            f"{month}-01T00:00:00Z", f"{following}-01T00:00:00Z",
            f"{month}-{day:02}T00:00:00Z", f"{month}-{day + 1:02}T00:00:00Z",
            str(cost), str(cost * 9 / 10), str(cost * 2), str(cost), "USD",
            "payer", f"account-{row % 2}", "AWS", dice.choice(SERVICES), "Usage",
            f"i-{row % 50:04}", f'{{"app": "{app}"}}' if app else "",
        ]  # fmt: skip
