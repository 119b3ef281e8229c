"""Bills in S3 and in Azure blob storage, packed or as Parquet."""

import os
import time

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.components import azure_login, free_port
from watermaster.flows.ingest import IngestOptions, ingest_bills
from watermaster.flows.open import create_project
from watermaster.model.errors import BadInputError, NotFoundError
from watermaster.model.resources import SourceSpec, SourceType
from watermaster.testing.bills import write_bill

ROWS = 20


@pytest.fixture(scope="module")
def bills(tmp_path_factory):
    """Two months, one packed and one as Parquet."""
    folder = tmp_path_factory.mktemp("bills")
    packed = write_bill(folder / "2026-09.csv.gz", "2026-09", ROWS, 1)
    plain = write_bill(folder / "2026-10.csv", "2026-10", ROWS, 2)
    header, *lines = (line.split(",") for line in plain.read_text().splitlines())
    columns = {name: [line[at] for line in lines] for at, name in enumerate(header[:-1])}
    pq.write_table(pa.table(columns), folder / "2026-10.parquet")
    return [packed, folder / "2026-10.parquet"]


@pytest.fixture(scope="module")
def s3():
    """An address where S3 is spoken."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(s3, bills, monkeypatch):
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    store = fsspec.filesystem("s3")
    if not store.exists("bills"):
        store.mkdir("bills")
        for path in bills:
            store.put_file(str(path), f"bills/focus/{path.name}")
    return "s3://bills"


@pytest.fixture
def container(azurite, bills, monkeypatch):
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", azure_login(azurite))
    fsspec.get_filesystem_class("abfs").clear_instance_cache()
    store = fsspec.filesystem("abfs")
    store.mkdir("bills")
    for path in bills:
        store.put_file(str(path), f"bills/focus/{path.name}")
    return "abfs://bills"


def ingest(project, location):
    spec = SourceSpec(type=SourceType.FOCUS, location=location)
    return ingest_bills(project, "cloud", spec, IngestOptions())


def taken(found):
    return [(one.file, one.rows) for one in found.files], [one.period for one in found.slices]


EXPECTED = ([("2026-09.csv.gz", ROWS), ("2026-10.parquet", ROWS)], ["2026-09", "2026-10"])


def test_a_folder_of_a_bucket_is_taken_in_and_a_second_time_changes_nothing(bucket, tmp_path):
    project = create_project(tmp_path / "home")
    assert taken(ingest(project, f"{bucket}/focus")) == EXPECTED
    assert ingest(project, f"{bucket}/focus").unchanged == 2
    assert list((project.home / "spill").rglob("*.csv*")) == []


def test_a_glob_of_a_bucket_takes_what_it_names(bucket, tmp_path):
    project = create_project(tmp_path / "home")
    assert ingest(project, f"{bucket}/focus/*.parquet").slices[0].period == "2026-10"


def test_what_is_not_in_the_bucket_is_not_found(bucket, tmp_path):
    project = create_project(tmp_path / "home")
    with pytest.raises(NotFoundError, match=r"s3://bills/nowhere: is not there; name a \.csv"):
        ingest(project, f"{bucket}/nowhere")


def test_a_store_that_does_not_answer_is_told_with_what_to_check(bucket, monkeypatch, tmp_path):
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    began = time.monotonic()
    with pytest.raises(BadInputError, match=r"s3://bills/focus: cannot be read .*; check the add"):
        ingest(create_project(tmp_path / "home"), f"{bucket}/focus")
    assert time.monotonic() - began < 60
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    assert os.environ["AWS_MAX_ATTEMPTS"] == "1"


def test_a_container_of_azure_is_taken_in(container, tmp_path):
    project = create_project(tmp_path / "home")
    assert taken(ingest(project, f"{container}/focus")) == EXPECTED
