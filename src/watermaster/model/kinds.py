"""Kinds as people type them, and their JSON Schema."""

import difflib
from collections.abc import Iterable
from typing import Any, Final

from watermaster.model.errors import UsageError
from watermaster.model.resources import API_VERSION, KINDS, Metadata, Resource

_ABOUT: Final = {
    "Source": ("type", "location"),
    "Team": ("unit", "cost_center"),
    "Platform": ("type", "provider", "region", "country"),
    "Pool": ("accelerator", "count", "platform", "purchase"),
    "Dataset": ("classification",),
    "Model": ("purpose",),
    "Workload": ("purpose", "stage"),
    "AllocationRule": ("split",),
    "Gate": ("environment",),
    "TagRepair": ("key",),
    "VirtualTag": ("key", "value"),
    "PriceSheet": ("source", "currency"),
    "Commitment": ("provider", "commitment_id"),
    "Target": ("type", "platform"),
    "Channel": ("type", "location"),
    "Outcome": ("measure", "value_per_unit", "currency"),
}


def find_kind(word: str, others: Iterable[str] = ()) -> str:
    """The kind meant by `team`, `Teams` or `team`; UsageError with the nearest one.

    >>> find_kind("allocationrules"), find_kind("price-sheet")
    ('AllocationRule', 'PriceSheet')
    """
    known = {kind.lower(): kind for kind in (*KINDS, *others)}
    plain = word.lower().replace("-", "").replace("_", "")
    if plain in known:
        return known[plain]
    if plain.endswith("s") and plain[:-1] in known:
        return known[plain[:-1]]
    near = difflib.get_close_matches(plain, list(known), 1, 0.6)
    every = ", ".join(sorted(set(known.values())))
    fix = f"write {known[near[0]]}" if near else f"write one of {every}"
    raise UsageError("kind", f"{word!r} is none", fix)


def about(resource: Resource) -> str:
    """What a list shows of a resource beside its name: the few values that tell it from others."""
    shown = _ABOUT.get(resource.kind, ())
    values = [getattr(resource.spec, field, None) for field in shown]
    return ", ".join(str(getattr(v, "value", v)) for v in values if v is not None)


def schema_of(kind: str) -> dict[str, Any]:
    """The JSON Schema of a whole document of a kind."""
    spec = KINDS[kind].model_json_schema(by_alias=True, ref_template="#/$defs/{model}")
    metadata = Metadata.model_json_schema(by_alias=True, ref_template="#/$defs/{model}")
    shared = spec.pop("$defs", {}) | metadata.pop("$defs", {})
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": kind,
        "description": (KINDS[kind].__doc__ or "").strip(),
        "type": "object",
        "required": ["apiVersion", "kind", "metadata", "spec"],
        "additionalProperties": False,
        "properties": {
            "apiVersion": {"const": API_VERSION},
            "kind": {"const": kind},
            "metadata": metadata,
            "spec": spec,
        },
        "$defs": shared,
    }


def schema_of_all() -> dict[str, Any]:
    """One JSON Schema for any document, for an editor's whole folder."""
    every = {kind: schema_of(kind) for kind in KINDS}
    shared: dict[str, Any] = {}
    for schema in every.values():
        shared |= schema.pop("$defs")
        schema.pop("$schema")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "oneOf": list(every.values()),
        "$defs": shared,
    }
