"""Which rules of FOCUS a bill breaks is told by file and rule."""

from watermaster.flows.breaks import broken_rules
from watermaster.flows.ingest import IngestOptions, ingest_bills
from watermaster.flows.open import create_project
from watermaster.model.resources import SourceSpec, SourceType

SAMPLE = "finops/focus-1.0-sample/focus_sample.csv"


def test_the_publishers_own_sample_breaks_several_and_is_read(tmp_path, shared):
    project = create_project(tmp_path / "home")
    spec = SourceSpec(type=SourceType.FOCUS, location=str(shared / SAMPLE))
    done = ingest_bills(project, "sample", spec, IngestOptions())
    assert done.files[0].rows == 1000
    found = broken_rules(project, "sample")
    assert len(found.breaks) > 5
    assert {one.file for one in found.breaks} == {"focus_sample.csv"}
    assert broken_rules(project, "other").breaks == []
