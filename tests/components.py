"""Real servers that tests drive: one start each per session, ended with it.

They listen on the loopback only. What is missing is a skip that says how to get it;
tools/components/install.sh gets it all as root on Debian.
"""

import ctypes
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

TOOLS = Path(__file__).parents[1] / "tools" / "components"
SBIN = "/usr/sbin:/sbin"
LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000


def need(*commands: str, how: str = "as root on Debian") -> None:
    """Skip unless every command is there; "root" stands for being root."""
    path = f"{os.environ['PATH']}:{SBIN}"
    missing = [name for name in commands if name != "root" and not shutil.which(name, path=path)]
    missing += ["root"] if "root" in commands and os.geteuid() != 0 else []
    if missing:
        pytest.skip(f"needs {', '.join(missing)}: run tools/components/install.sh {how}")


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


def until(is_so, wait_s: float, what: str) -> None:
    """Ask again and again; a test never waits for a fixed time."""
    end = time.monotonic() + wait_s
    while not is_so():
        if time.monotonic() > end:
            raise TimeoutError(f"{what} did not happen within {wait_s} s")
        time.sleep(0.05)


def said(name: str, start: float) -> None:
    print(f"components: {name} started in {time.monotonic() - start:.1f} s", file=sys.stderr)


# ---- Prometheus ----


@dataclass
class Prometheus:
    """A server whose past is what tests load into it."""

    folder: Path
    port: int
    process: subprocess.Popen | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def load(self, openmetrics: str) -> None:
        """Back-fill series (OpenMetrics text with times), then serve them."""
        self.stop()
        text = self.folder / "series.txt"
        text.write_text(openmetrics)
        promtool = ["promtool", "tsdb", "create-blocks-from", "openmetrics", text, self.data]
        subprocess.run(promtool, check=True, capture_output=True, text=True)
        self.start()

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def start(self) -> None:
        command = [
            "prometheus",
            f"--config.file={self.folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={self.data}",
            "--storage.tsdb.retention.time=20y",
            "--storage.tsdb.allow-overlapping-blocks",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--log.level=warn",
        ]
        with (self.folder / "log").open("a") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        until(self.is_ready, 60, "prometheus")

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.address}/-/ready", timeout=2) as answer:
                return answer.status == 200
        except OSError:
            return False

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(timeout=30)
            self.process = None


@pytest.fixture(scope="session")
def prometheus(tmp_path_factory) -> Iterator[Prometheus]:
    need("prometheus", "promtool")
    folder = tmp_path_factory.mktemp("prometheus")
    (folder / "prometheus.yml").write_text("global: {scrape_interval: 1h}\n")
    server, start = Prometheus(folder, free_port()), time.monotonic()
    server.start()
    said("prometheus", start)
    yield server
    server.stop()


# ---- Slurm ----


@dataclass(frozen=True)
class Slurm:
    """A cluster `brook` in a network of its own: gpu[1-2] with 4 h100 each, gpu3 with 8 a100."""

    folder: Path
    submitted: list[str] = field(default_factory=list)
    drained: list[float] = field(default_factory=list)  # moments gpu3 was drained and resumed

    def drain(self, reason: str) -> None:
        """Close gpu3 to work."""
        self.drained.append(time.time())
        self.run("scontrol", "update", "NodeName=gpu3", "State=DRAIN", f"Reason={reason}")

    def resume(self) -> None:
        """Open gpu3 again."""
        self.run("scontrol", "update", "NodeName=gpu3", "State=RESUME")
        self.drained.append(time.time())

    def run(self, *command: str) -> str:
        """A command of Slurm, e.g. sbatch; its output."""
        path = f"{self.folder / 'bin'}:{os.environ['PATH']}"
        env = os.environ | {"PATH": path, "TZ": "UTC"}
        done = subprocess.run(
            command,
            check=False,
            env=env,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, f"{command}: {done.stderr}"
        return done.stdout

    def submit(self, *options: str, run: str) -> str:
        """Submit a batch job; its number."""
        self.submitted.append(self.run("sbatch", "--parsable", *options, f"--wrap={run}").strip())
        return self.submitted[-1]

    def wait(self, wait_s: float = 60) -> None:
        """Until no job is queued or runs, and accounting has heard of it."""
        until(lambda: not self.run("squeue", "-h").strip(), wait_s, "the end of all jobs")
        until(self._is_accounted, wait_s, "their end in accounting")

    def _is_accounted(self) -> bool:
        asked = ("sacct", "-aXnP", "-S", "now-1hour", "-E", "now", "-o", "JobID,End")
        told = self.run(*asked)
        known = {line.split("|")[0].split("_")[0] for line in told.split()}
        return "Unknown" not in told and known >= set(self.submitted)


@pytest.fixture(scope="session")
def slurm(tmp_path_factory) -> Iterator[Slurm]:
    need(
        "slurmctld",
        "slurmd",
        "slurmdbd",
        "sacct",
        "mariadbd",
        "munged",
        "unshare",
        "nsenter",
        "root",
    )
    folder, start = tmp_path_factory.mktemp("slurm"), time.monotonic()
    command = [TOOLS / "in-private-net.sh", TOOLS / "slurm-up.sh", folder]
    with (folder / "out").open("w") as log:
        running = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    try:
        until(lambda: (folder / "up").exists() or running.poll() is not None, 120, "slurm")
        assert running.poll() is None, (folder / "out").read_text()
        _doors(folder, running.pid)
        said("slurm", start)
        yield Slurm(folder)
    finally:
        os.killpg(running.pid, signal.SIGTERM)
        running.wait(timeout=30)


def _doors(folder: Path, unshare: int) -> None:
    """Slurm's commands, as they are, but inside the private network."""
    children = Path(f"/proc/{unshare}/task/{unshare}/children").read_text().split()
    (folder / "bin").mkdir()
    for name in ("sacct", "sacctmgr", "scontrol", "sinfo", "sbatch", "squeue", "scancel"):
        door, command = folder / "bin" / name, shutil.which(name)
        door.write_text(
            "#!/bin/sh\n"
            f"export SLURM_CONF={folder}/slurm.conf\n"
            f'exec nsenter --target {children[0]} --net --mount --wd="$PWD" -- {command} "$@"\n'
        )
        door.chmod(0o755)


# ---- MLflow ----

ENVIRONMENTS = Path(__file__).parents[1] / ".components"  # each in its own: tools/components


def environment(name: str) -> Path:
    """The programs of a Python environment of its own, or a skip that says how to get it."""
    programs = ENVIRONMENTS / name / "bin"
    need(str(programs / name), how=name)
    return programs


@pytest.fixture(scope="session")
def mlflow(tmp_path_factory) -> Iterator[str]:
    """A tracking server on SQLite; its address. Artefacts of runs are only named."""
    programs = environment("mlflow")
    folder, port, start = tmp_path_factory.mktemp("mlflow"), free_port(), time.monotonic()
    store = ["--backend-store-uri", f"sqlite:///{folder}/runs.db"]
    artefacts = ["--default-artifact-root", "s3://artefacts/mlflow", "--serve-artifacts",
                 "--artifacts-destination", str(folder / "artefacts")]  # fmt: skip
    where = ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with (folder / "log").open("w") as log:
        running = subprocess.Popen(
            [programs / "mlflow", "server", *store, *artefacts, *where],
            env=os.environ | quiet, cwd=folder, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    try:
        until(lambda: answers(f"{address}/health") or running.poll() is not None, 120, "mlflow")
        assert running.poll() is None, (folder / "log").read_text()
        said("mlflow", start)
        yield address
    finally:
        os.killpg(running.pid, signal.SIGTERM)
        running.wait(timeout=30)


# ---- Ray ----


@dataclass(frozen=True)
class Inside:
    """A private network, and its programs."""

    pid: int
    folder: Path

    def do(self, work: Callable[[], Any]) -> Any:
        """Do some work there: a thread may stand in another network than its process."""
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(self._there, work).result()

    def _there(self, work: Callable[[], Any]) -> Any:
        with Path(f"/proc/{self.pid}/ns/net").open() as network:
            assert LIBC.setns(network.fileno(), CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
        return work()


@pytest.fixture(scope="session")
def ray(tmp_path_factory) -> Iterator[Inside]:
    """A Ray of two nodes; its dashboard is http://127.0.0.1:8265 in a network of its own."""
    need("unshare", "root")
    programs = environment("ray")
    folder, start = tmp_path_factory.mktemp("ray"), time.monotonic()
    command = [TOOLS / "in-private-net.sh", TOOLS / "ray-up.sh", programs, folder]
    with (folder / "out").open("w") as log:
        running = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    try:
        until(lambda: (folder / "up").exists() or running.poll() is not None, 120, "ray")
        assert running.poll() is None, (folder / "out").read_text()
        children = Path(f"/proc/{running.pid}/task/{running.pid}/children").read_text().split()
        said("ray", start)
        yield Inside(int(children[0]), folder)
    finally:
        os.killpg(running.pid, signal.SIGTERM)
        running.wait(timeout=30)


def answers(address: str) -> bool:
    """Whether somebody says 200 there."""
    try:
        with urllib.request.urlopen(address, timeout=2) as answer:
            return answer.status == 200
    except OSError:
        return False


# ---- Azurite ----

AZURE_ACCOUNT = "devstoreaccount1"  # the account every Azurite has, and its published key
AZURE_KEY = (
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)


@pytest.fixture(scope="session")
def azurite(tmp_path_factory) -> Iterator[str]:
    """Address of Azure's own stand-in for blob storage, with its account."""
    folder, start = tmp_path_factory.mktemp("azurite"), time.monotonic()
    held = Path(__file__).parents[1] / "node_modules" / ".bin" / "azurite-blob"
    command = shutil.which("azurite-blob") or (str(held) if held.exists() else None)
    if command is None:
        need("azurite-blob")
    port = free_port()
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            [command, "--blobHost", "127.0.0.1", "--blobPort", str(port), "--silent",
             "--skipApiVersionCheck", "--location", str(folder / "held")],
            stdout=log, stderr=log,
        )  # fmt: skip
    address = f"http://127.0.0.1:{port}/{AZURE_ACCOUNT}"
    until(lambda: _refuses_or_answers(address), 60, "azurite")
    said("azurite", start)
    yield address
    server.terminate()
    server.wait(timeout=30)


def azure_login(address: str) -> str:
    """The connection string of Azurite, or of a door in front of it."""
    return (
        f"DefaultEndpointsProtocol=http;AccountName={AZURE_ACCOUNT};AccountKey={AZURE_KEY};"
        f"BlobEndpoint={address};"
    )


def _refuses_or_answers(address: str) -> bool:
    try:
        urllib.request.urlopen(address, timeout=1).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


# ---- a provider of identities ----

ACCOUNTS = {
    "ada": {"email": "Ada@Halden.example", "name": "Ada Berg", "groups": ["platform"]},
    "bo": {"email": "bo@halden.example", "name": "Bo Dahl", "groups": []},
    "eve": {"email": "ada@halden.example", "name": "Not Ada", "email_verified": True},
    "mal": {"email": "mal@halden.example", "email_verified": False},
}


@pytest.fixture(scope="session")
def oidc(tmp_path_factory) -> Iterator[str]:
    """Issuer of a provider of identities in a process of its own."""
    folder, start, port = tmp_path_factory.mktemp("oidc"), time.monotonic(), free_port()
    users = [f"--user-claims={json.dumps({'sub': name} | told)}" for name, told in ACCOUNTS.items()]
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "oidc_provider_mock", "--port", str(port), *users],
            stdout=log, stderr=log, env=os.environ | {"PYTHONPATH": ""},
        )  # fmt: skip
    issuer = f"http://127.0.0.1:{port}"
    until(lambda: answers(f"{issuer}/.well-known/openid-configuration"), 60, "the provider")
    said("oidc", start)
    yield issuer
    server.terminate()
    server.wait(timeout=30)
