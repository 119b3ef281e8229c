"""A ledger of an older release is read and written by this one."""

import ibis
import pytest

from watermaster.ledger.head import read_head
from watermaster.ledger.lake import load
from watermaster.ledger.open import create_ledger
from watermaster.ledger.read import read
from watermaster.ledger.write import begin
from watermaster.model.config import Config
from watermaster.model.events import tell_nobody
from watermaster.model.shapes import SHAPES

OLD = {"source": ["k8s", "k8s", "slurm"], "day": ["2026-09-01", "2026-09-02", "2026-09-01"],
       "subject_uid": ["a/x", "a/x", "c:1:2"]}  # fmt: skip


@pytest.fixture
def ledger(tmp_path):
    return create_ledger(tmp_path / "home", Config())


def test_a_table_gets_the_columns_a_newer_shape_has(ledger):
    with load(ledger.catalog, "subjects").update_schema() as change:
        for name in ("artefact", "bytes"):
            change.delete_column(name)
    before = read(ledger, read_head(ledger.records), "subjects")
    assert set(SHAPES["subjects"].types) <= set(before.columns)

    with begin(ledger, "ingest", "test", tell_nobody) as work:
        rows = ibis.memtable(OLD | {"artefact": ["sha256:1", None, "sha256:2"]})
        written = work.write("subjects", rows)
        work.swap("subjects", list(written.rows), written)
    now = read(ledger, read_head(ledger.records), "subjects")
    found = ledger.engine.to_pyarrow(now.select("subject_uid", "day", "artefact").order_by("day"))
    assert sorted(map(str, found["artefact"].to_pylist())) == ["None", "sha256:1", "sha256:2"]
