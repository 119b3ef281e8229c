"""The real mlflow client (3.17.2, in its own environment) works with our registry unchanged:
scikit-learn is logged and registered, put behind an alias, and loaded by it.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.components import environment, free_port, until
from tests.serve.mlflow.exchanges import lives
from watermaster.flows.open import create_project

pytestmark = pytest.mark.deep

FLOW = """
import mlflow, mlflow.pyfunc
from mlflow import MlflowClient

class Twice(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input: list[str]) -> list[str]:
        return [one * 2 for one in model_input]

with mlflow.start_run():
    mlflow.pyfunc.log_model(name="model", python_model=Twice(), registered_model_name="claims")
client = MlflowClient()
client.set_registered_model_alias("claims", "prod", "1")
client.set_model_version_tag("claims", "1", "checked", "yes")
assert mlflow.pyfunc.load_model("models:/claims@prod").predict(["ab"]) == ["abab"]
held = client.get_model_version_by_alias("claims", "prod")
assert held.version == "1" and held.tags == {"checked": "yes"} and held.run_id, held
assert client.get_model_version_download_uri("claims", "1").startswith("mlflow-artifacts:/")
client.copy_model_version("models:/claims@prod", "claims-copy")
assert mlflow.pyfunc.load_model("models:/claims-copy/1").predict(["c"]) == ["cc"]
client.transition_model_version_stage("claims", "1", "Staging")
assert [one.version for one in client.search_model_versions("name = 'claims'")] == ["1"]
assert {one.name for one in client.search_registered_models()} == {"claims", "claims-copy"}
mlflow.genai.register_prompt(name="hello", template="Hi {{x}}")
assert mlflow.genai.load_prompt("prompts:/hello/1").template == "Hi {{x}}"
try:
    client.get_model_version("claims", "9")
except mlflow.exceptions.MlflowException as error:
    assert error.error_code == "RESOURCE_DOES_NOT_EXIST", error
client.delete_registered_model("claims")
print("all of it")
"""


@pytest.fixture
def tracking(tmp_path):
    """A tracking server that keeps artefacts."""
    programs, port = environment("mlflow"), free_port()
    where = ["--host", "127.0.0.1", "--port", str(port), "--workers", "1", "--serve-artifacts"]
    store = ["--backend-store-uri", f"sqlite:///{tmp_path}/runs.db"]
    store += ["--artifacts-destination", str(tmp_path / "artefacts")]
    with (tmp_path / "mlflow.log").open("w") as log:
        running = subprocess.Popen(
            [programs / "mlflow", "server", *store, *where], env=quiet(), cwd=tmp_path,
            stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    until(lambda: lives(port, "/health"), 120, "mlflow")
    yield f"http://127.0.0.1:{port}"
    os.killpg(running.pid, 15)
    running.wait(timeout=30)


def quiet(**more):
    told = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    off = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    return told | off | more


def test_the_real_client_registers_aliases_and_loads(tmp_path, tracking, registry):
    home = registry(f"registry: {{tracking: '{tracking}'}}\n")
    told = quiet(MLFLOW_TRACKING_URI=tracking, MLFLOW_REGISTRY_URI=home)
    python = Path(environment("mlflow")) / "python"
    done = subprocess.run(
        [python, "-c", FLOW], env=told, cwd=tmp_path, capture_output=True, text=True, timeout=300,
        check=False,
    )  # fmt: skip
    assert "all of it" in done.stdout, done.stderr[-3000:]


@pytest.fixture
def registry(tmp_path):
    """What starts `wm serve --only registry` with some settings; its address."""
    running = []

    def start(settings):
        home, port = tmp_path / "home", free_port()
        home.mkdir()
        (home / "config.yaml").write_text(settings)
        wm = [sys.executable, "-m", "watermaster", "--home", str(home)]
        create_project(home)
        command = [*wm, "serve", "--port", str(port), "--only", "registry"]
        running.append(subprocess.Popen(command))
        until(lambda: lives(port, "/live"), 60, "the registry")
        return f"http://127.0.0.1:{port}"

    yield start
    for one in running:
        one.terminate()
        one.wait(timeout=30)
