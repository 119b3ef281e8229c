"""Adoption proposes what tags, labels and accounts tell, and says how sure it is."""

import datetime as dt
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watermaster.decide.estate.adopt import SURE, adopt
from watermaster.decide.estate.words import is_slip, meaning, spellings
from watermaster.model.adopted import Billed, Moved, Observed, Supplied, Used
from watermaster.model.estate import Estate
from watermaster.model.resources import ResourceVersion, load_resource

SINCE = dt.date(2026, 9, 3)
BARE = Billed(
    provider="AWS", account="111", account_name=None, region="eu-central-1", service="EC2",
    category="Usage", resource_id=None, tags={}, cost=Decimal(10), since=SINCE,
)  # fmt: skip
POD = Used(
    platform="fra", kind="pod", namespace="rag", account=None, name=None, labels={}, gpu_s=7200,
    subjects=2, longest_s=10 * 86_400, most_gpus=1,
)  # fmt: skip
JOB = replace(POD, platform="rj", kind="slurm-job", namespace=None, account="fraud", name="train")


def version(resource):
    known = dt.datetime(2026, 10, 1, tzinfo=dt.UTC)
    return ResourceVersion(resource=resource, recorded_at=known)


def billed(resource, cost, **tags):
    return replace(BARE, resource_id=resource, cost=Decimal(cost), tags=tags)


def proposed(seen, estate=None):
    found = adopt(seen, estate or Estate(), "r1")
    return {one.key: one for one in found.proposals}


def small():
    """Two teams, two workloads each way, a bucket, a commitment, a tax."""
    return Observed(
        billed=[
            billed("i-1", 100, team="rag", app="reader", env="prod"),
            billed("i-1", 4, team="rag"),
            billed("i-2", 60, team="fraud", app="score", env="dev"),
            billed("i-2", 3, taem="fraud", app="score"),
            billed("i-3", 1, Team="fraud", app="socre", env="dev"),
            billed("arn:aws:s3:::rag-corpus", 20),
            replace(billed(None, 9), service="AWS Tax", category="Tax"),
            replace(billed("i-2", 30, team="fraud", app="score"), commitment="arn:x/plan/0a"),
            replace(billed("arn:x/plan/0a", 5), commitment="arn:x/plan/0a"),
        ],
        used=[
            replace(POD, labels={"app": "reader"}),
            replace(POD, namespace="tmp-lab"),
            JOB,
            replace(JOB, name="wrap"),
            replace(JOB, account="root", name="gpu-burn"),
        ],
        supplied=[
            Supplied(platform="rj", model="H100", nodes=("rj-1", "rj-2"), gpus=16),
            Supplied(platform="fra", model="L40S", nodes=("f-1",), gpus=8),
        ],
        moved=[
            Moved(location="s3://rag-corpus", resource_id="arn:aws:s3:::rag-corpus",
                  namespace="rag", account=None, labels={}, bytes=5),
        ],
    )  # fmt: skip


def test_what_is_named_in_two_places_is_surer_than_in_one():
    found = proposed(small())
    assert found["Team/rag"].confidence > found["Team/tmp-lab"].confidence
    assert found["Team/fraud"].confidence > SURE > found["Team/tmp-lab"].confidence


def test_a_team_is_recognised_by_tag_account_and_namespace():
    found = proposed(small())
    assert found["Team/rag"].document["spec"]["selectors"] == [
        {"tags": {"team": "rag"}}, {"namespace": "rag"}
    ]  # fmt: skip
    assert {"account": "fraud"} in found["Team/fraud"].document["spec"]["selectors"]


def test_a_workload_is_one_thing_on_bills_and_in_clusters():
    reader = proposed(small())["Workload/reader"]
    assert reader.document["metadata"]["owner"] == "rag"
    selectors = reader.document["spec"]["selectors"]
    assert {"tags": {"app": "reader"}} in selectors
    assert {"labels": {"app": "reader"}} in selectors
    assert reader.document["spec"]["environment"] == "production"


def test_rows_whose_tags_are_missing_go_with_their_resource():
    found = proposed(small())
    assert {"resourceId": "i-1"} in found["Workload/reader"].document["spec"]["selectors"]
    assert found["Workload/reader"].cost == 104


def test_names_that_say_nothing_propose_nothing():
    found = proposed(small())
    assert "Workload/wrap" not in found
    assert "Team/root" not in found
    assert "Workload/train" in found


def test_a_bucket_is_whose_reads_it():
    corpus = proposed(small())["Dataset/rag-corpus"]
    assert corpus.document["metadata"]["owner"] == "rag"
    assert "reads" in corpus.reason


def test_a_commitment_is_whose_use_it_is():
    plan = proposed(small())["Commitment/plan-0a"]
    assert plan.document["metadata"]["owner"] == "fraud"
    assert plan.document["spec"]["from"] == dt.date(2026, 9, 1)


def test_taxes_are_shared_and_pools_wait_for_their_cost():
    found = proposed(small())
    assert found["AllocationRule/shared-aws-tax"].document["spec"]["split"] == "cost"
    assert found["Pool/h100-rj"].document["spec"]["count"] == 16
    assert "add what it costs" in found["Pool/l40s-fra"].reason


def test_a_platform_is_what_it_runs_whatever_else_stands_there():
    def standing(platform, kind, count):
        told = {"gpu_s": 0, "namespace": None, "subjects": count}
        return replace(POD, platform=platform, kind=kind, **told)

    used = [JOB, standing("rj", "node", 900), standing("lab", "partition", 2),
            standing("lab", "node", 80), standing("papers", "experiment", 5),
            standing("papers", "run", 50)]  # fmt: skip
    found = proposed(Observed(used=used))
    types = {
        key: found[key].document["spec"]["type"] for key in found if key.startswith("Platform/")
    }
    assert types == {"Platform/rj": "slurm", "Platform/lab": "slurm"}


def test_every_proposal_can_be_declared():
    for one in proposed(small()).values():
        assert load_resource(one.document).metadata.name == one.name


def test_what_is_declared_is_not_proposed_again():
    first = proposed(small())
    estate = Estate(tuple(
        version(load_resource(one.document))
        for one in first.values() if one.confidence >= SURE
    ))  # fmt: skip
    again = proposed(small(), estate)
    assert set(again) == {name for name, one in first.items() if one.confidence < SURE}


def test_what_a_declared_selector_takes_has_no_second_name():
    declared = load_resource({
        "apiVersion": "watermaster/v1", "kind": "Workload", "metadata": {"name": "library"},
        "spec": {"purpose": "online-inference",
                 "selectors": [{"tags": {"app": "reader"}}, {"labels": {"app": "reader"}},
                               {"resourceId": "i-1"}]},
    })  # fmt: skip
    found = proposed(small(), Estate((version(declared),)))
    assert "Workload/reader" not in found
    assert "Workload/score" in found


@given(st.permutations(range(9)))
def test_the_order_of_rows_is_irrelevant(order):
    seen = small()
    shuffled = replace(seen, billed=[seen.billed[place] for place in order])
    assert proposed(seen) == proposed(shuffled)


@given(st.lists(st.sampled_from(["rag", "fraud"]), min_size=1, max_size=8))
def test_more_rows_never_cover_less(teams):
    rows = [billed(f"i-{n}", 5, team=team, app=f"app{team}") for n, team in enumerate(teams)]
    some = adopt(Observed(billed=rows[:-1]), Estate(), "r1")
    every = adopt(Observed(billed=rows), Estate(), "r1")
    assert every.covered >= some.covered
    assert every.covered <= every.cost


@pytest.mark.parametrize(
    ("key", "means"),
    [("cost-centre", "cost_center"), ("CostCenter", "cost_center"), ("Owner", "team"),
     ("app.kubernetes.io/name", "workload"), ("etam", "team"), ("colour", None), ("zone", None)],
)  # fmt: skip
def test_keys_are_known_by_what_they_mean(key, means):
    assert meaning(key) == means


def test_a_rare_slip_is_the_frequent_word_and_numbers_are_not_slips():
    weights = {"claims-rag": 90, "lcaims-rag": 3, "node-1": 50, "node-2": 2, "Claims_RAG": 1}
    meant = spellings({word: Decimal(weight) for word, weight in weights.items()})
    assert meant["lcaims-rag"] == meant["Claims_RAG"] == "claims-rag"
    assert meant["node-2"] == "node-2"


def test_two_frequent_words_stay_two():
    meant = spellings({"serve": Decimal(50), "server": Decimal(40)})
    assert meant == {"serve": "serve", "server": "server"}


@given(st.text("abc", min_size=4, max_size=8), st.integers(0, 6))
def test_a_swap_of_neighbours_is_a_slip(word, place):
    place = min(place, len(word) - 2)
    swapped = word[:place] + word[place + 1] + word[place] + word[place + 2 :]
    assert is_slip(swapped, word) == (swapped != word)
