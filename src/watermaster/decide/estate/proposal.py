"""Documents of proposals, and the confidence they share."""

from typing import Any

from watermaster.model.adopted import Document
from watermaster.model.resources import API_VERSION


def document(kind: str, name: str, spec: Any, owner: str | None = None) -> Document:
    """A declared document as YAML would hold it."""
    metadata = {"name": name} | ({"owner": owner} if owner else {})
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": spec}
