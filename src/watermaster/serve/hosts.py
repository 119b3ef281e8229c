"""The names the server answers to, so that no other site can lend it one of its own."""

from typing import Final
from urllib.parse import urlsplit

from watermaster.flows.open import Project

LOCAL: Final = ("127.0.0.1", "localhost", "[::1]")


def hosts_of(project: Project) -> list[str]:
    """Those of this machine, and the one people reach it at."""
    spec = project.config.sign_in
    public = urlsplit(spec.public_url).hostname if spec else None
    return [*LOCAL, *([public] if public else [])]
