"""Blobs under a prefix, copied to an archive of the same account; deleted where that is asked.

`replicate` copies. `expire` copies to a cooler tier and then deletes the originals, so that it can
be undone: a lifecycle rule of Azure would give nothing back. The list of what is copied is written
first, under the name of the fix.
"""

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final

from watermaster.act.azure_store import BlobStore, Place, place_of
from watermaster.act.listing import Object, listing
from watermaster.act.verbs import fix_of, must_show
from watermaster.model.acts import Held, Remedy, Step, World
from watermaster.model.errors import RefusedError

MOST: Final = 100_000
AT_ONCE: Final = 8
LIST: Final = ".watermaster-fix-"
USUAL: Final = "Cool"  # tier of what was expired
Listed = Mapping[Object, str | None]  # and its tier


class Blobs:
    """The verbs replicate and expire."""

    def __init__(self, store: BlobStore) -> None:
        self.store = store

    def steps(self, remedy: Remedy) -> tuple[Step, ...]:
        """Copy; to expire it then delete the originals."""
        subject = f"{remedy.kind}/{remedy.uid}"
        source, there = self._where(remedy, subject)
        found = listing(self.store.blobs(subject, source))
        if not 0 < found.objects <= MOST:
            raise RefusedError(subject, f"holds {found.objects:,} blobs, not 1 to {MOST:,}",
                               "look again: wm sync")  # fmt: skip
        if self.store.blobs(subject, there):
            raise RefusedError(subject, "something lies at the target already",
                               "choose another place")  # fmt: skip
        asked: dict[str, Any] = {"container": source[0], "prefix": source[1],
                                 "to_container": there[0], "to_prefix": there[1]}  # fmt: skip
        if remedy.verb == "expire":
            asked["tier"] = self.store.spec.options.get("tier", USUAL)
        seen = {"digest": found.digest, "objects": found.objects, "bytes": found.bytes}
        copied = Step(verb="replicate", subject=subject, seen=seen | {"copied": None},
                      want={"copied": found.digest}, asked=asked,
                      undo="what was copied is deleted there, nothing else")  # fmt: skip
        dropped = Step(verb="expire", subject=subject, seen=seen | {"copied": found.digest},
                       want={"objects": 0}, asked=asked,
                       undo="copied back, with new dates of change")  # fmt: skip
        return (copied, dropped) if remedy.verb == "expire" else (copied,)

    def look(self, step: Step, held: Held) -> World:
        """Both places by digest over names, sizes and digests of content."""
        source, _ = _places(step)
        found = listing(self.store.blobs(step.subject, source))
        copied = listing(self._copies(step, held))
        return {"digest": found.digest, "objects": found.objects, "bytes": found.bytes,
                "copied": copied.digest}  # fmt: skip

    def do(self, step: Step, held: Held) -> World:
        """Copy what is not there yet; delete what was copied."""
        return self._copy(step, held) if step.verb == "replicate" else self._drop(step, held)

    def undo(self, step: Step, held: Held) -> World:
        """Delete the copies, while the originals stand; copy them back."""
        return self._forget(step, held) if step.verb == "replicate" else self._restore(step, held)

    def _where(self, remedy: Remedy, subject: str) -> tuple[Place, Place]:
        container, prefix = place_of(remedy.uid)
        if not prefix:
            raise RefusedError(subject, "is a whole container", "name a prefix of it")
        to = remedy.asked.get("to") or self.store.spec.options.get("archive")
        if not to:
            raise RefusedError(subject, "nobody says where to", "set options.archive of the Target")
        base, above = place_of(str(to))
        there = f"{above}{container}/{prefix}"
        if base == container and (there.startswith(prefix) or prefix.startswith(there)):
            raise RefusedError(subject, f"holds {to} or lies in it", "choose another place")
        return (container, prefix), (base, there)

    def _copy(self, step: Step, held: Held) -> World:
        places, wanted = _places(step), self._list(step, held)
        if wanted is None:
            must_show(self.look(step, held), step)
            wanted = self.store.blobs(step.subject, places[0])
            body = [[*one, tier] for one, tier in wanted.items()]
            self.store.write(_list_name(held), places[1], json.dumps(body).encode())
        copied = self._copies(step, held)
        names = [one.name for one in wanted if one not in copied]
        tier = step.asked.get("tier")
        _each(partial(self.store.copy, places=places, tier=tier), names)
        return {"copies": len(wanted), "list": _list_name(held)}

    def _drop(self, step: Step, held: Held) -> World:
        """Those that are listed, copied, and as they were; RefusedError where one is not."""
        source, _ = _places(step)
        wanted, now = self._list(step, held), self.store.blobs(step.subject, source)
        copied = self._copies(step, held)
        if wanted is None or any(one not in wanted or one not in copied for one in now):
            raise RefusedError(step.subject, "changed since it was copied",
                               "plan anew: wm finding fix FINDING")  # fmt: skip
        _each(partial(self.store.delete, place=source), [one.name for one in now])
        return {}

    def _restore(self, step: Step, held: Held) -> World:
        source, there = _places(step)
        now = {one.name for one in self.store.blobs(step.subject, source)}
        lost = {one: tier for one, tier in (self._list(step, held) or {}).items()
                if one.name not in now}  # fmt: skip
        for tier in sorted({tier or "" for tier in lost.values()}):
            names = [one.name for one, its in lost.items() if (its or "") == tier]
            _each(partial(self.store.copy, places=(there, source), tier=tier or None), names)
        return {}

    def _forget(self, step: Step, held: Held) -> World:
        source, there = _places(step)
        wanted = self._list(step, held)
        if wanted is None:
            return {}
        ours = [one for one in self._copies(step, held) if one in wanted]
        still = self.store.blobs(step.subject, source)
        alone = [one.name for one in ours if one not in still]
        if alone:
            raise RefusedError(
                step.subject, f"{len(alone)} copies are all there is of {alone[0]} and others",
                "undo again once the originals stand, or keep the copies",
            )  # fmt: skip
        _each(partial(self.store.delete, place=there), [one.name for one in ours])
        self.store.delete(_list_name(held), there)
        return {}

    def _copies(self, step: Step, held: Held) -> Listed:
        """What lies at the target, but for the list."""
        found = self.store.blobs(step.subject, _places(step)[1])
        return {one: tier for one, tier in found.items() if one.name != _list_name(held)}

    def _list(self, step: Step, held: Held) -> Listed | None:
        """What this fix copies, and the tiers it had; None where it never began."""
        body = self.store.read(_list_name(held), _places(step)[1])
        if body is None:
            return None
        return {Object(*told): tier for *told, tier in json.loads(body)}


def _each(change: Any, names: list[str]) -> None:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(change, names))


def _places(step: Step) -> tuple[Place, Place]:
    asked = step.asked
    return (asked["container"], asked["prefix"]), (asked["to_container"], asked["to_prefix"])


def _list_name(held: Held) -> str:
    return f"{LIST}{fix_of(held)}.json"
