"""Passports and native things: who uses what, whose it is, found by what people look for."""

import datetime as dt

import pytest

from tests.flows.small import Clock, charge, declare, project_at, resource, store
from watermaster.flows.allocate import allocate_months
from watermaster.flows.entities import list_entities, passport
from watermaster.flows.findings import find
from watermaster.flows.native_things import ThingsAsked, list_things, told_of_thing
from watermaster.model.entities import Noun, Owned
from watermaster.model.errors import NotFoundError, UsageError
from watermaster.model.places import lies_in

MONTH = "2026-09"
DAY = f"{MONTH}-29"


def seen(kind, uid, **more):
    day = dt.datetime.fromisoformat(DAY)
    return {"source": "k8s", "day": DAY, "platform": "fra", "subject_kind": kind,
            "subject_uid": uid, "first_seen": day, "last_seen": day + dt.timedelta(hours=23),
            } | more  # fmt: skip


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """Two workloads read the notes, one of them says so; a volume and a pod are nobody's."""
    project = project_at(tmp_path_factory.mktemp("e") / "home", Clock("2026-10-01T08:00:00"))
    store(project, "charges", [charge("aws", MONTH, 1, "30", resource_id="i-1"),
                               charge("aws", MONTH, 2, "7", resource_id="vol-1")])  # fmt: skip
    store(project, "subjects", [
        seen("pod", "rag/reader-0", namespace="rag", name="reader-0", resource_id="i-1",
             uses='["s3://notes/2026/a"]'),
        seen("pod", "chat/chat-0", namespace="chat", name="chat-0", uses='["s3://notes"]'),
        seen("deployment", "chat/chat", namespace="chat", name="chat"),
        seen("pod", "tmp/x", namespace="tmp", name="x", uses='["s3://notes-of-others"]'),
        seen("volume", "vol-1", platform=None, name="old", resource_id="vol-1"),
    ])  # fmt: skip
    declare(
        project,
        resource("Team", "rag", {"unit": "Care"}),
        resource("Dataset", "notes", {"locations": ["s3://notes/"]}, "rag"),
        resource("Platform", "fra", {"type": "kubernetes"}, "rag"),
        *(
            resource("Workload", name, {"purpose": "online-inference", "datasets": data,
                                        "selectors": [{"namespace": place}]}, "rag")
            for name, place, data in (("reader", "rag", ["notes"]), ("chat", "chat", []))
        ),
    )  # fmt: skip
    allocate_months(project)
    find(project)
    return project


def test_who_reads_a_dataset_without_saying_so_is_told_beside_who_does(project):
    told = {
        one.workload: one.is_declared for one in passport(project, Noun.DATASET, "notes").used_by
    }
    assert told == {"reader": True, "chat": False}
    row = list_entities(project, Noun.DATASET).rows[0]
    assert (row.name, row.workloads) == ("notes", 2)


def test_a_place_lies_in_the_nearest_that_is_known_and_never_in_its_namesake():
    places = {"s3://a": "far", "s3://a/b": "near"}
    told = [lies_in(text, places) for text in ("s3://a/b/", "s3://a/bc", "s3://ab", "", "/")]
    assert told == ["near", "far", None, None, None]


def test_every_thing_is_told_once_and_every_facet_counts_all_of_them(project):
    found = list_things(project, ThingsAsked())
    assert found.count == len(found.rows) == 5
    assert {sum(counts.values()) for counts in found.facets.values()} == {5}
    assert [one.thing.uid for one in found.rows[:2]] == ["rag/reader-0", "vol-1"]


@pytest.mark.parametrize(
    ("asked", "uids"),
    [
        (ThingsAsked(chosen={"kind": "volume"}), ["vol-1"]),
        (ThingsAsked(chosen={"platform": "-"}), ["vol-1"]),
        (ThingsAsked(text="CHAT"), ["chat/chat", "chat/chat-0"]),
        (ThingsAsked(chosen={"kind": "pod"}, sort="uid", first=1, most=1), ["rag/reader-0"]),
        (ThingsAsked(chosen={"kind": "pod"}, sort="-uid", most=1), ["tmp/x"]),
        (ThingsAsked(chosen={"kind": "none"}), []),
    ],
)  # fmt: skip
def test_things_are_found_by_facet_text_and_page(project, asked, uids):
    assert [one.thing.uid for one in list_things(project, asked).rows] == uids


@pytest.mark.parametrize("asked", [ThingsAsked(chosen={"colour": "red"}), ThingsAsked(sort="why")])
def test_a_facet_or_column_that_is_none_is_refused(project, asked):
    with pytest.raises(UsageError):
        list_things(project, asked)


def test_one_thing_is_found_by_its_place_whether_or_not_it_has_a_platform(project):
    pod = told_of_thing(project, "pod/fra/rag/reader-0")
    assert (pod.row.owned, pod.data) == (Owned.YES, [("s3://notes/2026/a", "notes", "internal")])
    volume = told_of_thing(project, "volume/vol-1")
    assert volume.row.owned is not Owned.YES
    assert [one.rule for one in volume.findings] == ["unowned-resource"]
    with pytest.raises(NotFoundError):
        told_of_thing(project, "pod/fra/rag/reader-9")
