"""Resources as YAML text, the way a person would have written them."""

import datetime as dt
import io
from collections.abc import Iterable
from decimal import Decimal
from enum import Enum
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.representer import RoundTripRepresenter

from watermaster.model.resources import API_VERSION, Resource


def to_yaml(resources: Iterable[Resource]) -> str:
    """One YAML document per resource; reading it back gives the same resources."""
    writer, out = YAML(), io.StringIO()
    writer.Representer = _Writer
    writer.default_flow_style = False
    writer.width = 100
    writer.indent(mapping=2, sequence=4, offset=2)
    writer.dump_all([_document(resource) for resource in resources], out)
    return out.getvalue()


class _Writer(RoundTripRepresenter):
    """Numbers with all their digits and times in UTC, both without quotes."""


def _number(writer: _Writer, value: Decimal) -> Any:
    text = format(value, "f")
    return writer.represent_scalar(f"tag:yaml.org,2002:{'float' if '.' in text else 'int'}", text)


def _time(writer: _Writer, value: dt.datetime) -> Any:
    text = value.isoformat().replace("+00:00", "Z")
    return writer.represent_scalar("tag:yaml.org,2002:timestamp", text)


_Writer.add_representer(Decimal, _number)
_Writer.add_representer(dt.datetime, _time)


def _document(resource: Resource) -> Any:
    if resource.api_version != API_VERSION:
        return resource.spec
    written = resource.model_dump(by_alias=True, exclude_defaults=True)
    return _plain({"apiVersion": API_VERSION} | written | {"spec": written.get("spec", {})})


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {_plain(key): _plain(held) for key, held in value.items()}
    if isinstance(value, list):
        return [_plain(held) for held in value]
    return value.value if isinstance(value, Enum) else value
