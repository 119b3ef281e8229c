"""What every test may ask for, and the line that says what was skipped and how to get it."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import ibis
import pytest

from tests import components

ROOT = Path(__file__).parents[1]
prometheus, slurm, mlflow = components.prometheus, components.slurm, components.mlflow
ray = components.ray
azurite = components.azurite
oidc = components.oidc
COMPONENTS = {
    "spark",
    "slurm",
    "prometheus",
    "chromium",
    "mlflow",
    "ray",
    "azurite",
    "oidc",
}  # session fixtures, one start each
hypothesis.settings.register_profile("dev", deadline=None, max_examples=30)
hypothesis.settings.register_profile(
    "ci", deadline=None, max_examples=15, derandomize=True, print_blob=True, database=None
)
hypothesis.settings.register_profile("deep", deadline=None, max_examples=1000)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real bills and telemetry beside the repository; they are not part of it."""
    path = ROOT.parent / "shared" / "data"
    if not path.is_dir():
        pytest.skip("needs ../shared/data: put the public sample files beside the repository")
    return path


@pytest.fixture(autouse=True)
def _own_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test may touch the ledger of the person who runs it, or start another tree's code."""
    monkeypatch.delenv("WM_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "src"))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test is golden by its name; tests of one component share the worker that starts it."""
    for item in items:
        if "golden" in item.nodeid:
            item.add_marker(pytest.mark.golden)
        for component in COMPONENTS.intersection(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.xdist_group(component))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Closing lines: the worst of each figure measured, and what was missing and how to get it."""
    for worst in _worst_figures(terminalreporter.stats):
        terminalreporter.write_line(worst)
    reasons = {
        report.longrepr[2].removeprefix("Skipped: ")
        for report in terminalreporter.stats.get("skipped", [])
        if isinstance(report.longrepr, tuple)
    }
    if reasons:
        terminalreporter.write_line(f"skipped components: {'; '.join(sorted(reasons))}")


def _worst_figures(stats: dict) -> list[str]:
    """Of what tests recorded as ("lowest NAME", (value, where)), the lowest of each name."""
    found: dict[str, list[float | str]] = {}
    for report in [*stats.get("passed", []), *stats.get("failed", [])]:
        for name, told in getattr(report, "user_properties", []):
            if name.startswith("lowest "):
                found[name] = min(found.get(name, list(told)), list(told))
    return [f"{name}: {value:.4f}, {where}" for name, (value, where) in sorted(found.items())]


@pytest.fixture(scope="session")
def spark() -> Iterator[object]:
    """A real Spark in this process, two cores, as an Ibis backend; one start a session."""
    pyspark = pytest.importorskip("pyspark.sql", reason="needs pyspark: make setup")
    if shutil.which("java") is None:
        pytest.skip("needs Java 17 for Spark: apt-get install openjdk-17-jre-headless")
    with tempfile.TemporaryDirectory() as warehouse:
        session = (
            pyspark.SparkSession.builder.master("local[2]")
            .config("spark.ui.enabled", "false")
            .config("spark.driver.bindAddress", "127.0.0.1")
            .config("spark.driver.host", "127.0.0.1")
            .config("spark.sql.session.timeZone", "UTC")
            .config("spark.sql.shuffle.partitions", "2")
            .config("spark.sql.warehouse.dir", warehouse)
            .config("spark.log.level", "ERROR")
            .getOrCreate()
        )
        yield ibis.pyspark.connect(session)
        session.stop()
