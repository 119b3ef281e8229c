"""Takes docs/start/overview.png from the demo as it really is: `make screenshot`."""

import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from playwright.sync_api import sync_playwright

TARGET = Path("docs/start/overview.png")
WIDTH, HEIGHT = 1280, 800
READY_S = 300
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking")


def main(root: Path) -> int:
    """Start the demo in a folder of its own, take the picture, stop it."""
    port = _free_port()
    with tempfile.TemporaryDirectory() as home:
        command = [sys.executable, "-m", "watermaster", "--home", home, "demo", "--port", str(port)]
        demo = subprocess.Popen(command, cwd=root)
        try:
            address = f"http://127.0.0.1:{port}/"
            wait_for(address, demo)
            take(address, root / TARGET)
        finally:
            demo.terminate()
            demo.wait(30)
    return 0


def wait_for(address: str, demo: subprocess.Popen[bytes]) -> None:
    """Until the first page is served; TimeoutError after READY_S, or when the demo has ended."""
    until = time.monotonic() + READY_S
    while time.monotonic() < until and demo.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=10):
                return
        except (urllib.error.URLError, TimeoutError):
            time.sleep(1)
    raise TimeoutError(f"{address} is not served; start wm demo by hand and read what it says")


def take(address: str, target: Path) -> None:
    """One picture of the first screen, in the light theme."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=[*FLAGS])
        page = browser.new_page(
            viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light", device_scale_factor=1
        )
        page.goto(address, wait_until="networkidle")
        page.screenshot(path=target)
        browser.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


if __name__ == "__main__":
    sys.exit(main(Path(__file__).parents[1]))
