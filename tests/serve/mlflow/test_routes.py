"""What MLflow's clients ask, answered as MLflow's own server answered it (recorded, 3.17.2)."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tests.serve.mlflow.exchanges import play, read, timeless, wrong
from watermaster.flows.open import create_project
from watermaster.serve.app import create_app
from watermaster.serve.mlflow.bodies import MOST_BYTES
from watermaster.serve.mlflow.routes import METHODS, PREFIX
from watermaster.serve.registry_app import create_registry_app

ODD = Path(__file__).parents[2] / "golden" / "mlflow_registry" / "odd_3.17.2.jsonl.gz"
TRANSCRIPT = "governance/mlflow_registry_transcript_3.17.2.jsonl.gz"
MODELS, VERSIONS = PREFIX + "registered-models/", PREFIX + "model-versions/"
# a page of none or fewer is no page; a name in backticks is the name, here as for versions
BETTER = ("search?max_results=0", "search?max_results=-1", "search?order_by=%60name%60")


@pytest.fixture(params=[create_app, create_registry_app], ids=["whole", "alone"])
def client(tmp_path, request):
    app = request.param(create_project(tmp_path / "home"))
    return TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False)


def asked(client, verb, path, **told):
    sent = {"params": told} if verb == "GET" else {"json": told}
    return client.request(verb, PREFIX + path, **sent)


def test_the_registry_is_all_22_routes_of_its_21_methods():
    assert len(METHODS) == 22
    assert len({(one.verb if "alias" in one.path else "", one.path) for one in METHODS}) == 21


def test_a_part_of_the_recorded_exchanges_is_answered_the_same(client, shared):
    exchanges = read(shared / TRANSCRIPT)
    chosen = [*exchanges[:10], *exchanges[1953:2011], *exchanges[3717:]]
    assert list(wrong(client, chosen)) == []


@pytest.mark.deep
def test_all_recorded_exchanges_are_answered_the_same(client, shared):
    exchanges = read(shared / TRANSCRIPT)
    assert len(exchanges) == 3840
    assert list(wrong(client, exchanges)) == []


def test_odd_requests_are_answered_as_mlflow_does_golden(client):
    """Update and delete of versions among them, every error, every form of a filter."""
    for one in read(ODD):
        answer = play(client, one)
        if one["status"] == 200 and not (
            one["path"].endswith(BETTER) and "model-versions" not in one["path"]
        ):
            assert (answer.status_code, timeless(answer.json())) == (
                200, timeless(one["response"]),
            ), one  # fmt: skip
        elif one["status"] in {400, 404} and isinstance(one["response"], dict):
            if not one["path"].endswith(BETTER):
                assert answer.status_code == one["status"], one
                assert answer.json()["error_code"] == one["response"]["error_code"], one
        else:  # MLflow's own server failed
            assert 400 <= answer.status_code < 500, one
            assert set(answer.json()) >= {"error_code", "message"}


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"1" * 10_000, "not JSON"),
        (b'{"name": "a\\u0000b"}', "cannot be stored"),
        (b'{"name": "\\ud800"}', "cannot be stored"),
        (b'{"name": {"a": 1}}', "Hint: Value was of type 'dict'"),
        (b'{"name": "m", "tags": [{"key": 1}]}', "parameter 'tags'"),
        (b'{"name": "m", "newName": 1, "new_name": "x"}', "Hint"),
    ],
)
def test_a_malformed_body_is_refused_in_mlflows_form(client, body, says):
    path = "rename" if b"newName" in body else "create"
    headers = {"Content-Type": "application/json"}
    answer = client.post(MODELS + path, content=body, headers=headers)
    assert answer.status_code == 400
    told = answer.json()
    assert told["error_code"] == "INVALID_PARAMETER_VALUE"
    assert says in told["message"] or "both 'new_name' and 'newName'" in told["message"]


def test_too_much_is_refused_and_nothing_of_it_is_kept(client):
    tags = [{"key": f"k{n}", "value": "v"} for n in range(50_000)]
    many = asked(client, "POST", "registered-models/create", name="many", tags=tags)
    assert (many.status_code, many.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert "50000 tags" in many.json()["message"]
    huge = b'{"name": "' + b"x" * MOST_BYTES + b'"}'
    headers = {"Content-Type": "application/json"}
    answer = client.post(MODELS + "create", content=huge, headers=headers)
    assert (answer.status_code, answer.json()["error_code"]) == (413, "INVALID_PARAMETER_VALUE")
    assert asked(client, "GET", "registered-models/search").json() == {}


def test_names_of_any_script_are_kept_and_found(client):
    for name in ("模型 🚀", "نموذج", "e\u0301", "é", "50% _off_ [x]*?", "it's"):
        assert asked(client, "POST", "registered-models/create", name=name).status_code == 200
        found = asked(client, "GET", "registered-models/get", name=name).json()
        assert found["registered_model"]["name"] == name
        quoted = name.replace("'", "''")
        for sign in ("=", "LIKE", "ILIKE"):
            told = asked(
                client, "GET", "registered-models/search", filter=f"name {sign} '{quoted}'"
            )
            assert name in [one["name"] for one in told.json()["registered_models"]]


def test_a_tag_that_is_missing_is_unlike_any_value(client):
    for name in ("a", "b", "c"):
        asked(client, "POST", "registered-models/create", name=name)
        asked(client, "POST", "model-versions/create", name=name, source="s3://b/x")
    for verb in ("registered-models", "model-versions"):
        asked(client, "POST", f"{verb}/set-tag", name="a", version="1", key="env", value="dev")
        asked(client, "POST", f"{verb}/set-tag", name="b", version="1", key="env", value="prod")
        found = asked(client, "GET", f"{verb}/search", filter="tags.env != 'dev'").json()
        (listed,) = found.values()
        assert sorted(one["name"] for one in listed) == ["b", "c"]


def test_served_alone_it_needs_neither_the_engine_nor_the_lake():
    code = (
        "import sys, watermaster.serve.registry_app; "
        "print([m for m in ('duckdb', 'pyarrow', 'pyiceberg') if m in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


def test_what_is_no_method_of_the_registry_says_so_in_mlflows_form(client):
    answer = client.get(PREFIX + "experiments/search")
    assert (answer.status_code, answer.json()["error_code"]) == (404, "ENDPOINT_NOT_FOUND")


def test_a_defect_is_told_in_mlflows_form_with_an_id(client, monkeypatch):
    monkeypatch.setattr("watermaster.flows.registry_read.has_model", None)
    monkeypatch.setattr("watermaster.flows.registry_read.model_of", None)
    answer = asked(client, "GET", "registered-models/get", name="x")
    assert (answer.status_code, answer.json()["error_code"]) == (500, "INTERNAL_ERROR")
    assert "id " in json.dumps(answer.json())
