"""Label and field selectors, and the patches of clients."""

import copy
import re
from typing import Any

from tests.kubernetes_double.objects import RefusedError

Json = dict[str, Any]


def matches(told: Json, labels: str, fields: str) -> bool:
    held = told["metadata"].get("labels") or {}
    return all(_label(held, rule) for rule in _rules(labels)) and all(
        _field(told, rule) for rule in fields.split(",") if rule
    )


def _rules(labels: str) -> list[str]:
    return [rule.strip() for rule in re.split(r",(?![^(]*\))", labels) if rule.strip()]


def _label(held: dict[str, str], rule: str) -> bool:
    found = re.fullmatch(r"(\S+)\s+(in|notin)\s+\((.*)\)", rule)
    if found:
        values = {value.strip() for value in found[3].split(",")}
        is_in = held.get(found[1]) in values
        return is_in if found[2] == "in" else not is_in
    found = re.fullmatch(r"([^!=\s]+)\s*(!=|==|=)\s*(.*)", rule)
    if found:
        return (held.get(found[1]) == found[3]) == (found[2] != "!=")
    if rule.startswith("!"):
        return rule[1:].strip() not in held
    return rule in held


def _field(told: Json, rule: str) -> bool:
    found = re.fullmatch(r"([\w.]+)(!=|==|=)(.*)", rule)
    if found is None:
        raise RefusedError(400, "BadRequest", f"unable to parse field selector {rule!r}")
    value: Any = told
    for part in found[1].split("."):
        value = value.get(part, "") if isinstance(value, dict) else ""
    return (str(value) == found[3]) == (found[2] != "!=")


def merged(was: Json, patch: Json, *, is_strategic: bool) -> Json:
    """RFC 7386; a strategic merge joins lists of named things by their names."""
    found = copy.deepcopy(was)
    for key, value in patch.items():
        if key.startswith("$"):
            continue
        if value is None:
            found.pop(key, None)
        elif isinstance(value, dict):
            below = found.get(key)
            found[key] = merged(below if isinstance(below, dict) else {}, value,
                                is_strategic=is_strategic)  # fmt: skip
        elif is_strategic and _is_named(value) and _is_named(found.get(key)):
            found[key] = _joined(found[key], value)
        else:
            found[key] = copy.deepcopy(value)
    return found


def _is_named(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(v, dict) and "name" in v for v in value)


def _joined(was: list[Json], patch: list[Json]) -> list[Json]:
    named = {one["name"]: one for one in was}
    for one in patch:
        if one.get("$patch") == "delete":
            named.pop(one["name"], None)
        else:
            named[one["name"]] = merged(named.get(one["name"], {}), one, is_strategic=True)
    return list(named.values())


def patched(was: Json, steps: list[Json]) -> Json:
    """RFC 6902: add, replace, remove and test."""
    found = copy.deepcopy(was)
    for step in steps:
        try:
            _take(found, step)
        except (KeyError, IndexError, ValueError, TypeError):
            what = f"the {step['op']} at {step['path']} finds nothing there"
            raise RefusedError(422, "Invalid", what) from None
    return found


def _take(found: Json, step: Json) -> None:
    """One operation of a JSON patch."""
    above = [part.replace("~1", "/").replace("~0", "~") for part in step["path"].split("/")[1:]]
    at: Any = found
    for part in above[:-1]:
        at = at[int(part)] if isinstance(at, list) else at[part]
    last = above[-1]
    place: Any = int(last) if isinstance(at, list) and last != "-" else last
    if step["op"] == "remove":
        del at[place]
    elif step["op"] == "test":
        if at[place] != step["value"]:
            raise RefusedError(422, "Invalid", f"the test at {step['path']} failed")
    elif place == "-":
        at.append(step["value"])
    elif isinstance(at, list) and step["op"] == "add":
        at.insert(place, step["value"])
    elif step["op"] == "replace" and isinstance(at, dict) and place not in at:
        raise KeyError(place)
    else:
        at[place] = step["value"]
