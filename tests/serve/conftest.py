import datetime as dt
import os
import shutil
import socket
import threading
import time
from pathlib import Path

import pytest
import uvicorn
from starlette.testclient import TestClient

from tests.flows.registry_work import MODEL, prove, stock
from tests.serve import company
from watermaster.flows.findings import find
from watermaster.flows.open import create_project
from watermaster.flows.registry import set_alias
from watermaster.flows.review import open_review
from watermaster.model.gates import GateRefusedError
from watermaster.serve.app import create_app

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
NOW = dt.datetime(2026, 11, 2, 9, 0, tzinfo=dt.UTC)


@pytest.fixture(scope="session")
def project(tmp_path_factory):
    """A ledger of three months, the clock two days after the last."""
    home = tmp_path_factory.mktemp("company")
    (home / "config.yaml").write_text("organisation: Halden Group\n")
    opened = create_project(home, clock=lambda: NOW)
    company.found(opened)
    stock(opened, 12, 13)
    prove(opened, 12)
    set_alias(opened, MODEL, "prod", 12)
    with pytest.raises(GateRefusedError):
        set_alias(opened, MODEL, "prod", 13)
    find(opened)
    open_review(opened, company.MONTHS[-1])
    return opened


@pytest.fixture(scope="session")
def client(project):
    return TestClient(create_app(project), base_url="http://127.0.0.1")


@pytest.fixture
def first_start(tmp_path):
    return TestClient(create_app(create_project(tmp_path / "new")), base_url="http://127.0.0.1")


@pytest.fixture(scope="session")
def address(project):
    """The app behind a real server on a free port."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(create_app(project), log_level="warning"))
        running = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        running.start()
        until = time.monotonic() + 30
        while not server.started and time.monotonic() < until:
            threading.Event().wait(0.05)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        running.join(30)


@pytest.fixture(scope="session")
def chromium():
    """A real browser, one start a session."""
    driver = pytest.importorskip("playwright.sync_api", reason="needs playwright: make setup")
    found = shutil.which("chromium")
    if found is None:
        pytest.skip("needs Chromium: apt-get install chromium")
    with driver.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=[*FLAGS])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def axe():
    """The source of axe-core."""
    root = Path(os.environ.get("WM_NODE_MODULES", Path(__file__).parents[2] / "node_modules"))
    path = root / "axe-core" / "axe.min.js"
    if not path.exists():
        pytest.skip("needs axe-core: npm ci")
    return path.read_text()
