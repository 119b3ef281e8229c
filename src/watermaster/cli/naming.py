"""Completion of kinds and names. A shell wants an answer, never an error."""

from typing import Any

from watermaster.cli.call import the_call
from watermaster.model.errors import WatermasterError


def kind_and_name(kind: str | None, name: str | None) -> tuple[str | None, str | None]:
    """`pool h100-fra` and `pool/h100-fra` mean the same.

    >>> kind_and_name("pool/h100-fra", None)
    ('pool', 'h100-fra')
    """
    if kind is None or name is not None or "/" not in kind:
        return kind, name
    left, _, right = kind.partition("/")
    return left, right or None


def complete_kind(incomplete: str) -> list[str]:
    """Kinds that begin so, in small letters as people type them."""
    from watermaster.model.resources import KINDS

    return [kind.lower() for kind in KINDS if kind.lower().startswith(incomplete.lower())]


def complete_name(ctx: Any, incomplete: str) -> list[str]:
    """Names of the kind already typed."""
    if not (the_call().home / "records.db").exists():
        return []
    from watermaster.cli.call import project
    from watermaster.flows.resources import names

    try:
        found = names(project(), str(ctx.params.get("kind") or ""))
    except WatermasterError:
        return []
    return [name for name in found if name.startswith(incomplete)]
