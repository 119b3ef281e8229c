"""Values in Kubernetes objects by where they stand: read, and written as one patch.

A place is a list of keys; `name=serve` stands for the thing of that name in a list.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from watermaster.model.acts import World

Json = dict[str, Any]
Place = Sequence[str]
TOKENS: Final = "watermaster.dev/fix"  # annotation: the steps that stand done in this object
_TOKENS_AT: Final = ("metadata", "annotations", TOKENS)


def value_at(told: Any, place: Place) -> Any:
    """What stands there; None where nothing does."""
    for key in place:
        if isinstance(told, list):
            told = next((one for one in told if _is_it(one, key)), None)
        else:
            told = told.get(key) if isinstance(told, Mapping) else None
    return told


def _is_it(one: object, key: str) -> bool:
    name, _, value = key.partition("=")
    return isinstance(one, Mapping) and one.get(name) == value


def change_of(values: World, places: Mapping[str, Place]) -> Json:
    """A merge patch that writes values at their places; None removes what is there.

    >>> change_of({"a": 0, "b": None}, {"a": ["spec", "n"], "b": ["spec", "all", "name=x", "c"]})
    {'spec': {'n': 0, 'all': [{'name': 'x', 'c': None}]}}
    """
    found: Json = {}
    for name, value in values.items():
        write_at(found, places[name], value)
    return found


def write_at(change: Json, place: Place, value: object) -> None:
    """Put one value into a patch."""
    at: Any = change
    for key, following in zip(place, [*place[1:], ""], strict=True):
        if isinstance(at, list):
            at = _named(at, key)
        elif not following:
            at[key] = value
        else:
            at = at.setdefault(key, [] if "=" in following else {})


def _named(things: list[Json], key: str) -> Json:
    """The thing of that name in a list of a patch, put in where it is missing."""
    name, _, value = key.partition("=")
    for one in things:
        if one.get(name) == value:
            return one
    things.append({name: value})
    return things[-1]


def tokens_of(told: Json) -> list[str]:
    """The steps that stand done in it."""
    text = value_at(told, _TOKENS_AT)
    return [one for one in text.split(",") if one] if isinstance(text, str) else []


def marked(change: Json, told: Json, tokens: Sequence[str]) -> Json:
    """The change with the steps that will stand done, refused if the object is not as told."""
    write_at(change, _TOKENS_AT, ",".join(tokens) or None)
    write_at(
        change, ("metadata", "resourceVersion"), value_at(told, ("metadata", "resourceVersion"))
    )
    return change
