"""What an object of a cluster names, wherever it names it."""

import pytest

from watermaster.decide.release.named import reference, workload
from watermaster.model.door import Way

D = "sha256:" + "ab" * 32


@pytest.mark.parametrize(
    ("said", "way", "model", "rest"),
    [
        ("models:/claims/3", Way.VERSION, "claims", ""),
        ("claims/3", Way.VERSION, "claims", ""),
        ("models:/claims@prod", Way.SLOT, "claims", "alias/prod"),
        ("models:/claims/production", Way.SLOT, "claims", "stage/Production"),
        ("models:/Sch%C3%A4den%20A@prod", Way.SLOT, "Schäden A", "alias/prod"),
        ("models:/claims/latest", Way.LATEST, "claims", ""),
        ("models:/claims@Latest", Way.LATEST, "claims", ""),
        (f"models:/m-{'0' * 32}", Way.LOGGED, "", f"m-{'0' * 32}"),
        (D, Way.DIGEST, "", D),
        (f"reg.example.com:5000/claims@{D}", Way.IMAGE, "", D),
        *((odd, Way.UNREADABLE, "", "") for odd in ("", "claims", "models:/", "models:/a/b/c")),
        *((odd, Way.UNREADABLE, "", odd) for odd in (f"{D}0", "sha256:" + "AB" * 32)),
    ],
)
def test_each_way_to_name_a_model_is_read(said, way, model, rest):
    found = reference(said)
    if way is Way.UNREADABLE:
        assert found.way is way
    else:
        assert (found.way, found.model, found.rest) == (way, model, rest)


def ways(found):
    named = workload(found, "Pod", "claims", "p").named
    return [(one.said, one.way) for one in named]


def test_a_model_is_found_in_init_containers_custom_resources_and_amid_text():
    deep = {"spec": {"rayClusterConfig": {"headGroupSpec": {"template": {"spec": {
        "initContainers": [{"args": ["--a models:/x/1, models:/y@prod;"]}],
        "containers": [{"env": [{"name": "M", "value": " models:/z/2"}]}]}}}}}}  # fmt: skip
    assert [said for said, _ in ways(deep)] == ["models:/x/1", "models:/y@prod", "models:/z/2"]


def test_nothing_is_hidden_below_and_what_the_cluster_keeps_itself_is_not_read():
    deep = {"args": "train"}
    for _ in range(80):
        deep = {"a": deep}
    assert [way for _, way in ways({"spec": deep})] == [Way.UNREADABLE]
    kept = "kubectl.kubernetes.io/last-applied-configuration"
    told = {"metadata": {"annotations": {kept: "models:/x/1"}, "managedFields": ["models:/x/1"]},
            "status": {"note": "models:/x/1"}}  # fmt: skip
    assert ways(told) == []


def test_accelerators_are_what_is_asked_for_and_not_none_of_them():
    def has(amount, name="nvidia.com/gpu", part="limits"):
        box = {"resources": {part: {name: amount}}}
        return workload({"spec": {"containers": [box]}}, "Pod", "n", "p").has_accelerators

    assert has("1")
    assert has(2, "nvidia.com/mig-1g.5gb")
    assert has("1", part="requests")
    assert not has("0")
    assert not has("4", "cpu")
