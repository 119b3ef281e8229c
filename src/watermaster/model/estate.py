"""The estate: every declared resource with the time it holds."""

import datetime as dt
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from watermaster.model.record import Selector
from watermaster.model.resources import Resource, ResourceVersion


@dataclass(frozen=True, slots=True)
class Estate:
    """Resource versions as known at one moment; valid intervals of one resource do not overlap."""

    versions: tuple[ResourceVersion, ...] = ()

    def of(self, kind: str) -> list[ResourceVersion]:
        """All versions of one kind, by name and time."""
        found = [version for version in self.versions if version.resource.kind == kind]
        return sorted(found, key=lambda v: (v.resource.metadata.name, _start(v)))

    def at(self, kind: str, name: str, moment: dt.datetime | None) -> Resource | None:
        """The resource as valid at a moment (None: at the beginning), if there is one."""
        for version in self.of(kind):
            if version.resource.metadata.name == name and holds(version, moment):
                return version.resource
        return None

    def tag_keys(self) -> list[str]:
        """Tag keys that become columns: of tag policies, and of every selector."""
        policies = (v.resource.spec for v in self.of("TagPolicy"))
        keys = {rule.key for policy in policies for rule in policy.tags}
        keys |= {v.resource.spec.key for kind in KEYED for v in self.of(kind)}
        for kind, field in (("Workload", "selectors"), ("Team", "selectors"), ("Model", "billed"),
                            ("AllocationRule", "match"), ("VirtualTag", "match")):  # fmt: skip
            for version in self.of(kind):
                keys |= _tag_keys(getattr(version.resource.spec, field))
        for version in self.of("Pool"):
            keys |= _tag_keys(version.resource.spec.cost.bills)
        return sorted(keys)

    def tag_columns(self) -> dict[str, str]:
        """Column of charges to the tag key it holds: of `tag_keys`, and of repaired spellings."""
        keys = self.tag_keys()
        spelt = {one for v in self.of("TagRepair") for one in v.resource.spec.spellings}
        columns = {spelling_column(key): key for key in sorted(spelt.difference(keys))}
        return {tag_column(key): key for key in keys} | columns


KEYED: Final = ("TagRepair", "VirtualTag")


def live_estate(estate: Estate) -> Estate:
    """The versions that hold until further notice."""
    return Estate(tuple(v for v in estate.versions if v.valid_to is None))


def tag_column(key: str) -> str:
    """The column of a declared tag key: `tag_` and the key in snake case.

    >>> tag_column("cost-center"), tag_column("app.kubernetes.io/name")
    ('tag_cost_center', 'tag_app_kubernetes_io_name')
    """
    snake = "".join(char if char.isalnum() else "_" for char in key).strip("_").lower()
    return f"tag_{snake}"


def spelling_column(key: str) -> str:
    """The column of another spelling of a tag key, which may share its snake case.

    >>> spelling_column("Cost_Center")
    'tag_cost_center_dc3b98'
    """
    return f"{tag_column(key)}_{hashlib.sha256(key.encode()).hexdigest()[:6]}"


def holds(version: ResourceVersion, moment: dt.datetime | None) -> bool:
    """Whether a version is valid at a moment; None is the beginning of time."""
    if moment is None:
        return version.valid_from is None
    begun = version.valid_from is None or version.valid_from <= moment
    return begun and (version.valid_to is None or moment < version.valid_to)


def _start(version: ResourceVersion) -> dt.datetime:
    return version.valid_from or dt.datetime.min.replace(tzinfo=dt.UTC)


def _tag_keys(selectors: Iterable[Selector]) -> set[str]:
    return {key for selector in selectors for key in selector.tags}
