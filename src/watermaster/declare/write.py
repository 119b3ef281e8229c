"""Resources as YAML text, the way a person would have written them."""

import io
from collections.abc import Iterable

from ruamel.yaml import YAML

from watermaster.model.resources import Resource, written_resource


def to_yaml(resources: Iterable[Resource]) -> str:
    """One YAML document per resource; reading it back gives the same resources."""
    writer, out = YAML(), io.StringIO()
    writer.default_flow_style = False
    writer.width = 100
    writer.indent(mapping=2, sequence=4, offset=2)
    writer.dump_all([written_resource(resource) for resource in resources], out)
    return out.getvalue()
