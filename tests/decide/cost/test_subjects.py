"""Whose a native thing is, whoever tells of it."""

from tests.decide.cost.conftest import workload
from watermaster.decide.cost.subjects import owners_of
from watermaster.decide.cost.targets import number_targets
from watermaster.model.estate import Estate


def test_a_pod_that_two_sources_tell_of_has_one_owner() -> None:
    works = [workload(name, None, {"labels": {"app": name}}) for name in ("rag", "web")]
    estate = Estate(tuple(works))
    key = {"day": "2026-09-05", "platform": "fra", "subject_kind": "pod"}
    blank = dict.fromkeys(("name", "namespace", "account", "creator", "labels"))
    told = [
        blank | key | {"subject_uid": uid, "labels": labels, "namespace": "ns"}
        for uid, app in (("ns/a", "rag"), ("ns/b", "web"))
        for labels in (f'{{"app":"{app}"}}', None)
    ]
    targets = number_targets(estate)
    for rows in (told, told[::-1]):
        owners = owners_of(rows, targets).to_pyarrow().to_pylist()
        found = {row["subject_uid"]: targets.owners[row["owner"]].workload for row in owners}
        assert found == {"ns/a": "rag", "ns/b": "web"}
        assert len(owners) == 2
