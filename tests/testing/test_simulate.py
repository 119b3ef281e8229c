"""The simulator writes genuine inputs, the same for the same seed, and truth that adds up."""

import gzip
import json
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from pyarrow import csv
from ruamel.yaml import YAML

from watermaster.model.resources import load_resource
from watermaster.model.shapes import COSTS, SHAPES
from watermaster.testing.simulate.company import Size, halden
from watermaster.testing.simulate.plan import Order, make_plan
from watermaster.testing.simulate.render import simulate
from watermaster.testing.simulate.truth import truth_of
from watermaster.testing.tables import fact_table

SMALL = Order(seed=3, months=2, size=Size.SMALL)
NAMES = dict(zip(COSTS, ("BilledCost", "EffectiveCost", "ListCost", "ContractedCost"), strict=True))


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("halden")
    simulate(SMALL, folder)
    return folder


def truth(folder: Path) -> dict:
    return json.loads((folder / "truth.json").read_text())


def bill(path: Path) -> pa.Table:
    with gzip.open(path) as file:
        text = csv.ConvertOptions(column_types=dict.fromkeys(NAMES.values(), pa.decimal128(28, 6)))
        return csv.read_csv(file, convert_options=text)


def test_the_same_seed_writes_the_same_bytes_and_another_seed_others(company: Path, tmp_path: Path):
    simulate(SMALL, tmp_path / "again")
    simulate(Order(seed=4, months=2, size=Size.SMALL), tmp_path / "other")
    for one in ("bills/aws/2026-10.csv.gz", "slurm/rjukan/sacct-2026-10.txt", "truth.json",
                "kubernetes/fra-gpu/use-2026-09.parquet"):  # fmt: skip
        assert (tmp_path / "again" / one).read_bytes() == (company / one).read_bytes()
        assert (tmp_path / "other" / one).read_bytes() != (company / one).read_bytes()


def test_truth_comes_from_the_plan_alone(company: Path):
    assert truth(company) == json.loads(json.dumps(truth_of(make_plan(SMALL))))


def test_the_default_company_is_halden_group():
    company = halden(Size.FULL)
    gpus = {cluster.name: cluster.gpus for cluster in company.clusters}
    assert (gpus["rjukan"], gpus["fra-gpu"]) == (320, 264)
    assert len(company.workloads) == 60
    assert {team.unit for team in company.teams} == {
        "Claims", "Care", "Research", "Retail", "Platform"
    }  # fmt: skip
    assert {one.team for one in company.workloads} <= {team.name for team in company.teams}


def test_every_declared_document_is_valid(company: Path):
    found = defaultdict(list)
    for path in sorted((company / "estate").glob("*.yaml")):
        for document in YAML(typ="safe").load_all(path):
            resource = load_resource(document)
            found[resource.kind].append(resource.metadata.name)
    assert len(found["Workload"]) > 50
    assert {"Source", "Team", "Platform", "Pool", "Dataset", "Model", "Commitment"} <= set(found)


def test_unused_rows_of_the_bills_are_the_planted_ones(company: Path):
    planted = {
        (one["commitment_id"], one["month"]): (one["days"], Decimal(one["cost"]))
        for one in truth(company)["unused_commitments"]
    }
    found = {}
    tables = {path: bill(path) for path in sorted((company / "bills" / "aws").glob("*.csv.gz"))} | {
        path: pq.read_table(path) for path in sorted((company / "bills").glob("azure/*.parquet"))
    }
    for path, rows in tables.items():
        unused = rows.filter(pc.equal(rows["CommitmentDiscountStatus"], "Unused"))
        for idn in set(unused["CommitmentDiscountId"].to_pylist()):
            mine = unused.filter(pc.equal(unused["CommitmentDiscountId"], idn))
            found[idn, path.name[:7]] = len(mine), pc.sum(mine["EffectiveCost"]).as_py()
    assert planted.items() <= found.items()
    assert all(days == 19 for days, _ in planted.values())
    assert all(days <= 1 for key, (days, _) in found.items() if key not in planted)


def test_the_restated_bill_differs_by_the_planted_amounts(company: Path):
    (planted,) = truth(company)["restated"]
    first = bill(company / "bills" / "aws" / f"{planted['month']}.csv.gz")
    second = bill(company / "bills" / "again" / f"aws-{planted['month']}.csv.gz")
    for cost, column in NAMES.items():
        delta = pc.sum(second[column]).as_py() - pc.sum(first[column]).as_py()
        assert delta == Decimal(planted[cost]) < 0


def test_unowned_things_carry_no_tag_and_cost_what_is_planted(company: Path):
    cost: defaultdict[str, Decimal] = defaultdict(Decimal)
    tagged = set()
    for path in sorted((company / "bills" / "aws").glob("*.csv.gz")):
        rows = bill(path).select(["ResourceId", "EffectiveCost", "Tags"]).to_pylist()
        for row in rows:
            cost[row["ResourceId"]] += row["EffectiveCost"]
            if row["Tags"]:
                tagged.add(row["ResourceId"])
    for one in truth(company)["unowned"]:
        assert one["resource_id"] not in tagged
        assert cost[one["resource_id"]] == Decimal(one["cost"]) > 0


def test_about_one_tagged_row_in_twenty_lost_its_tags_or_has_them_misspelt(company: Path):
    rows = bill(company / "bills" / "aws" / "2026-10.csv.gz").select(["ResourceId", "Tags"])
    known = [row for row in rows.to_pylist() if row["ResourceId"]]
    usual: dict[str, str] = {}
    for row in known:
        if row["Tags"] and "team" in row["Tags"]:
            usual[row["ResourceId"]] = row["Tags"]
    mine = [row for row in known if row["ResourceId"] in usual and row["ResourceId"].count("ec2")]
    odd = [row for row in mine if row["Tags"] != usual[row["ResourceId"]]]
    assert 0.03 < len(odd) / len(mine) < 0.07


def test_look_alikes_are_at_least_as_many_as_the_planted(company: Path):
    found = truth(company)
    alike = found["look_alikes"]
    assert len(alike["down_nodes"]) + len(alike["idle_for_a_night"]) >= len(found["idle_nodes"])
    assert len(alike["unowned"]) >= len(found["unowned"])
    assert len(alike["unused_commitments"]) >= len(found["unused_commitments"])
    assert len(alike["repeated_transfers"]) >= len(found["repeated_transfers"])
    assert len(alike["delivered_again"]) >= len(found["restated"])


def test_idle_node_days_lie_in_the_idle_of_their_pool(company: Path):
    found = truth(company)
    pools = {(one["pool"], one["month"]): one["gpu_seconds"] for one in found["idle_pools"]}
    nodes: defaultdict[tuple[str, str], int] = defaultdict(int)
    for one in found["idle_nodes"]:
        nodes[one["pool"], one["days"][0][:7]] += one["gpu_seconds"]
    assert len(nodes) == len(pools) == 4
    assert all(seconds < pools[key] for key, seconds in nodes.items())


@pytest.mark.parametrize("name", ["charges", "allocations", "gpu_hours", "gpu_supply", "transfers"])
def test_builders_make_tables_of_the_declared_shape(name: str):
    rows = fact_table(name, [{}, {}])
    assert rows.column_names == list(SHAPES[name].types)
    assert len(rows) == 2
