"""Ingest speed: a FOCUS CSV to the committed head, against DuckDB copying the same text.

Ours: sha256, typing, ten tag columns, rejections, the FOCUS rule checks, Iceberg and head.
Against: one DuckDB statement that reads every column as text and writes the same columns with
zstd. Both have 2 threads and no insertion order. The bill is generated: a thousandth of its rows
is faulty, tags are unsorted JSON. Time is the CPU of the whole call; Python's imports are paid by
a first, small delivery.
"""

import argparse
import datetime as dt
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import duckdb

from figures import Figure, measured, peak_rss_bytes, run
from watermaster.flows.declare import apply, plan
from watermaster.flows.ingest import IngestOptions, ingest_bills
from watermaster.flows.open import Project, create_project
from watermaster.flows.sources import named_source
from watermaster.model.ingested import Ingested
from watermaster.model.resources import SourceType

KEYS = ("application", "environment", "business-unit", "team", "cost-center", "stage", "owner",
        "project", "tier", "created-by")  # fmt: skip
AGAINST = "DuckDB reading all columns as text and writing them with zstd, 2 threads"
TARGET = "<= 3.0"
RUNS = 2  # of each side; the best counts
NULL_COLUMNS = (
    "CommitmentDiscountCategory", "CommitmentDiscountId", "CommitmentDiscountName",
    "CommitmentDiscountQuantity", "CommitmentDiscountStatus", "CommitmentDiscountType",
    "CommitmentDiscountUnit", "CapacityReservationId", "CapacityReservationStatus",
)  # fmt: skip
BILL = """
    select
      case when i % 7 = 0 then 'NULL' else 'us-west-2' || chr(97 + (i % 3)::int) end
        "AvailabilityZone",
      case when i % 1000 = 999 then 'n/b' else printf('%.10f', (hash(i) % 1000000) / 1e7) end
        "BilledCost",
      '12345678' || (i % 5) "BillingAccountId", 'Halden Group' "BillingAccountName",
      'Payer Account' "BillingAccountType", 'USD' "BillingCurrency",
      '2026-10-01T00:00:00Z' "BillingPeriodEnd", '2026-09-01T00:00:00Z' "BillingPeriodStart",
      case when i % 50 = 0 then 'Tax' when i % 40 = 0 then 'Purchase' else 'Usage' end
        "ChargeCategory", 'NULL' "ChargeClass",
      '$0.40 per On Demand Linux p5.48xlarge Instance Hour ' || (i % 977) "ChargeDescription",
      'Usage-Based' "ChargeFrequency",
      strftime(timestamp '2026-09-01' + to_hours((i % 719)::int + 1), '%Y-%m-%dT%H:%M:%SZ')
        "ChargePeriodEnd",
      strftime(timestamp '2026-09-01' + to_hours((i % 719)::int), '%Y-%m-%dT%H:%M:%SZ')
        "ChargePeriodStart",
      printf('%.6f', (hash(i + 1) % 1000000) / 1e4) "ConsumedQuantity", 'Hours' "ConsumedUnit",
      printf('%.10f', (hash(i) % 1000000) / 1e7) "ContractedCost",
      '0.0000004' "ContractedUnitPrice",
      printf('%.10f', (hash(i) % 1000000) / 1e7) "EffectiveCost",
      'INV-2026-09-' || (i % 9) "InvoiceId",
      'Amazon Web Services, Inc.' "InvoiceIssuerName",
      printf('%.10f', (hash(i) % 1000000) / 1e7) "ListCost", '0.0000004' "ListUnitPrice",
      'Standard' "PricingCategory", printf('%.6f', (hash(i + 1) % 1000000) / 1e4)
        "PricingQuantity", 'Hours' "PricingUnit", 'AWS' "ProviderName",
      'Amazon Web Services, Inc.' "PublisherName", 'us-west-2' "RegionId",
      'US West (Oregon)' "RegionName",
      'arn:aws:ec2:us-west-2:347410479675:instance/i-' || printf('%017d', i % 50000)
        "ResourceId", 'NULL' "ResourceName", 'Instance' "ResourceType",
      'Compute' "ServiceCategory", 'Virtual Machines' "ServiceSubcategory",
      'Amazon Elastic Compute Cloud' "ServiceName", 'G95FST5FTYV3JSRX' "SkuId",
      'Compute' "SkuMeter", 'G95FST5FTYV3JSRX.JRTCKXETXF.' || (i % 331) "SkuPriceId",
      '{"InstanceType":"p5.48xlarge","CoreCount":192}' "SkuPriceDetails",
      '5173892878' || (i % 20) "SubAccountId", 'Atlas Nimbus ' || (i % 20) "SubAccountName",
      'Linked Account' "SubAccountType",
      '{"team": "t' || (i % 31) || '", "application": "app' || (i % 97) || '", "environment": "'
        || case when i % 3 = 0 then 'dev' else 'prod' end || '", "cost-center": "cc-'
        || (i % 40) || '", "stage": "pilot"}' "Tags",
      i "x_LineItem"
    from range(?) rows(i)
"""


def measure(chosen: argparse.Namespace) -> Iterator[Figure]:
    """Write the bill, then read it both ways."""
    with tempfile.TemporaryDirectory() as folder:
        bill = write_bill(Path(folder), chosen.rows)
        plain_cpu_s = min(copy_text(bill, Path(folder)) for _ in range(RUNS))
        small = write_bill(Path(folder), 1000)
        runs = []
        for number in range(RUNS):
            project = new_project(Path(folder) / f"home-{number}")
            ingest(project, small)
            with measured() as used:
                found = ingest(project, bill)
            runs.append(used)
        used = min(runs, key=lambda one: one.cpu_s)
        rejected = sum(file.rejected for file in found.files)
    told = (
        ("ingest_cpu_ratio", round(used.cpu_s / plain_cpu_s, 2), "CPU / CPU", TARGET),
        ("ingest_cpu_s", round(used.cpu_s, 2), "CPU s", None),
        ("copy_cpu_s", round(plain_cpu_s, 2), "CPU s", None),
        ("ingest_rows_per_s", round(chosen.rows / used.wall_s), "rows/s", None),
        ("ingest_rejected", rejected, "rows", None),
        ("ingest_rss_gib", round(peak_rss_bytes() / 2**30, 2), "GiB", None),
    )
    for name, value, unit, target in told:
        against = AGAINST if target else None
        yield Figure(
            bench="ingest", figure=name, value=value, unit=unit, target=target, against=against
        )


def write_bill(folder: Path, rows: int) -> Path:
    """A FOCUS 1.2 CSV of so many rows."""
    path = folder / f"bill-{rows}.csv"
    nulls = ", ".join(f"'NULL' \"{name}\"" for name in NULL_COLUMNS)
    with duckdb.connect(config={"threads": 2}) as connection:
        connection.execute(f"create view empty as select {nulls}")
        rows_of = BILL.replace("range(?)", f"range({rows})")
        connection.execute(
            f"copy (select * from ({rows_of}), empty) to '{path}' (header, force_quote *)"
        )
    return path


def copy_text(bill: Path, folder: Path) -> float:
    """CPU seconds of the plain copy."""
    with duckdb.connect(config={"threads": 2}) as connection, measured() as used:
        connection.execute("set preserve_insertion_order = false")
        connection.execute(
            f"copy (select * from read_csv('{bill}', all_varchar = true)) "
            f"to '{folder / 'text.parquet'}' (compression zstd)"
        )
    return used.cpu_s


def new_project(home: Path) -> Project:
    """A ledger with two threads and a tag policy of ten keys."""
    home.mkdir(parents=True)
    (home / "config.yaml").write_text("threads: 2\n")
    project = create_project(home)
    tags = "".join(f"    - key: {key}\n" for key in KEYS)
    policy = home / "tags.yaml"
    policy.write_text(
        "apiVersion: watermaster/v1\nkind: TagPolicy\nmetadata: {name: tags}\nspec:\n"
        f"  tags:\n{tags}"
    )
    apply(project, plan(project, [str(policy)]))
    return project


def ingest(project: Project, bill: Path) -> Ingested:
    """One delivery through the flow that the command line calls."""
    source, spec = named_source(project, SourceType.FOCUS, bill.stem, str(bill))
    return ingest_bills(project, source, spec, IngestOptions(exported_at=dt.datetime.now(dt.UTC)))


if __name__ == "__main__":
    sys.exit(run(measure, "rows=2000000"))
