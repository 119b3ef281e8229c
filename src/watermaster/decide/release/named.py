"""Which models an object of a cluster names: its annotations, addresses, arguments and images.

The whole object is read, whatever its kind: a model may be named in an environment variable of a
Deployment, in the arguments of a Ray job, or as the storage of an InferenceService.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import unquote

from watermaster.model.door import DIGEST_NOTE, MODEL_NOTE, Named, Way, Workload
from watermaster.units.amounts import is_accelerator

_ADDRESS: Final = re.compile(r"models:/+[^\s\"'`,;<>|)}\]]+")
_LOGGED: Final = re.compile(r"m-[0-9a-f]{32}")
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
_STAGES: Final = {"production": "Production", "staging": "Staging", "archived": "Archived"}
_UNREAD: Final = frozenset({"status", "managedFields", "ownerReferences"})
_OWN_COPY: Final = "kubectl.kubernetes.io/last-applied-configuration"
MOST_DEEP: Final = 60
TOO_LONG: Final = 10  # digits of a version


def workload(found: Mapping[str, Any], kind: str, namespace: str, name: str) -> Workload:
    """What of an object the door looks at."""
    leaves = list(_leaves(found))
    named = tuple(dict.fromkeys(one for path, text in leaves for one in _named(path, text)))
    accelerators = any(
        is_accelerator(path[-1]) and path[-2] in {"limits", "requests"} and str(text) != "0"
        for path, text in leaves
        if len(path) > 1
    )
    return Workload(
        kind=kind, namespace=namespace, name=name, named=named, has_accelerators=accelerators
    )


def reference(text: str, where: str = "") -> Named:
    """What NAME/3, NAME@prod, NAME/Production, models:/..., sha256:... or an image names."""
    text = text.strip()
    digest = _DIGEST.search(text)
    if digest and text.startswith("sha256:"):
        whole = digest[0] == text
        return Named(where=where, said=text, way=Way.DIGEST if whole else Way.UNREADABLE,
                     rest=text)  # fmt: skip
    if digest and "@" in text:
        return Named(where=where, said=text, way=Way.IMAGE, rest=digest[0])
    return _address(text, where)


def _named(path: tuple[str, ...], text: object) -> Iterator[Named]:
    """What one leaf of an object names."""
    if not isinstance(text, str):
        return
    where, key = ".".join(path), path[-1]
    if key in {MODEL_NOTE, DIGEST_NOTE}:
        yield reference(text, where)
    elif key == "image":
        if _DIGEST.search(text):
            yield Named(where=where, said=text, way=Way.IMAGE, rest=_DIGEST.findall(text)[-1])
    elif text.startswith("models:/"):
        yield _address(text, where)
    elif key == "storageUri":
        yield Named(where=where, said=text, way=Way.PLACE, rest=text.rstrip("/"))
    else:
        yield from (_address(found, where) for found in _ADDRESS.findall(text))


def _address(text: str, where: str) -> Named:
    rest = text.removeprefix("models:").strip("/") if text.startswith("models:") else text
    if _LOGGED.fullmatch(rest):
        return Named(where=where, said=text, way=Way.LOGGED, rest=rest)
    for sign in "@/":
        name, found, last = rest.rpartition(sign)
        if found and name and last and not set(name) & set("/@"):
            return _one(text, where, unquote(name), f"{sign}{unquote(last)}")
    return Named(where=where, said=text, way=Way.UNREADABLE)


def _one(said: str, where: str, model: str, last: str) -> Named:
    word, rest, version = last[1:], "", 0
    if word.lower() == "latest":
        way = Way.LATEST
    elif last.startswith("@"):
        way, rest = Way.SLOT, f"alias/{word}"
    elif word.isascii() and word.isdigit() and len(word) < TOO_LONG:
        way, version = Way.VERSION, int(word)
    elif word.lower() in _STAGES:
        way, rest = Way.SLOT, f"stage/{_STAGES[word.lower()]}"
    else:
        way = Way.UNREADABLE
    return Named(where=where, said=said, way=way, model=model, version=version, rest=rest)


def _leaves(found: object, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], object]]:
    """Every value with its path, not what the cluster itself keeps in the object."""
    if len(path) > MOST_DEEP:
        yield (*path, "deeper"), "models:/"  # nobody hides below: it names what cannot be read
    elif isinstance(found, Mapping):
        for key, held in found.items():
            if not (len(path) < 2 and key in _UNREAD) and key != _OWN_COPY:
                yield from _leaves(held, (*path, str(key)))
    elif isinstance(found, list):
        for number, held in enumerate(found):
            yield from _leaves(held, (*path, str(number)))
    else:
        yield path, found
