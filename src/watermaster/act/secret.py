"""Secrets are named in YAML and lie elsewhere: in the environment, or in a file."""

import os
from pathlib import Path

from watermaster.model.errors import UsageError


def secret_of(named: str | None, where: str) -> str:
    """What env:NAME or file:PATH holds; never shown in an error."""
    kind, _, name = (named or "").partition(":")
    if kind == "env":
        found = os.environ.get(name)
        if found:
            return found
        raise UsageError(where, f"its secret is not in the environment as {name}", f"export {name}")
    if kind == "file":
        try:
            return Path(name).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise UsageError(where, f"its secret cannot be read ({error.strerror})",
                             f"see {name}") from None  # fmt: skip
    raise UsageError(where, "names no secret", "write secret: env:NAME or file:PATH")
