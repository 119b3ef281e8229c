"""A plan that was kept in a file."""

from pathlib import Path

from pydantic import ValidationError

from watermaster.model.errors import BadInputError, NotFoundError
from watermaster.model.plan import Plan


def read_plan(path: Path) -> Plan:
    """What `wm plan --out` wrote; its fingerprint still decides whether it may be applied."""
    if not path.exists():
        raise NotFoundError(str(path), "no such plan", f"make it: wm plan --out {path}")
    try:
        return Plan.model_validate_json(path.read_text())
    except (ValidationError, UnicodeDecodeError):
        raise BadInputError(
            str(path), "is no plan of this version", f"make it again: wm plan --out {path}"
        ) from None
