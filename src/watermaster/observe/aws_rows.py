"""Rows of what stands in one region, and the accelerators of instance types."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from watermaster.observe.aws_account import Region
from watermaster.observe.batches import Row, canonical

Found = tuple[str, Row]  # fact table and row of it
Held = tuple[int, str | None]  # accelerators of one machine, and their model
NAMES_AT_ONCE: Final = 100


class Place:
    """Where and when things are seen."""

    def __init__(
        self, platform: str, account: str, region: str, at: datetime, since: datetime
    ) -> None:
        self.platform, self.account, self.region = platform, account, region
        self.at, self.since = at, since

    def arn(self, service: str, rest: str) -> str:
        """The id bills name a thing by."""
        return f"arn:{self._partition}:{service}:{self.region}:{self.account}:{rest}"

    def uid(self, name: str) -> str:
        """Of what has a name, unique in its account and region only."""
        return f"{self.account}/{self.region}/{name}"

    def row(self, kind: str, uid: str, **told: Any) -> Found:
        """One thing, seen now; labels and attributes as mappings."""
        labels = canonical(told.pop("labels", None) or {})
        more = {"region": self.region} | told.pop("attributes", {})
        return "subjects", {
            "day": f"{self.at:%Y-%m-%d}", "platform": self.platform, "subject_kind": kind,
            "subject_uid": uid, "account": self.account, "labels": labels,
            "first_seen": self.at, "last_seen": self.at,
            "attributes": canonical({key: text for key, text in more.items() if text}),
        } | told  # fmt: skip

    @property
    def _partition(self) -> str:
        if self.region.startswith("cn-"):
            return "aws-cn"
        return "aws-us-gov" if self.region.startswith("us-gov-") else "aws"


class Types:
    """What accelerators instance types have: asked of EC2, else from a table."""

    def __init__(self, region: Region) -> None:
        self._region = region
        self._known: dict[str, Held] = {}

    def of(self, name: str) -> Held:
        """Accelerators of one machine; of SageMaker's ml.g5.xlarge those of g5.xlarge."""
        name = name.removeprefix("ml.")
        if name not in self._known:
            self.learn([name])
        return self._known[name]

    def learn(self, names: Iterable[str]) -> None:
        """Ask for many at once."""
        new = sorted({name.removeprefix("ml.") for name in names} - self._known.keys())
        for start in range(0, len(new), NAMES_AT_ONCE):
            some = new[start : start + NAMES_AT_ONCE]
            # a filter: a region that has no such type answers nothing, by name it would refuse all
            asked = [{"Name": "instance-type", "Values": some}]
            for one in self._region.pages(
                "instance type", "ec2.describe_instance_types", "InstanceTypes", Filters=asked
            ):
                self._known[one["InstanceType"]] = _told(one)
            for name in some:
                self._known.setdefault(name, listed(name))


Read = Callable[[Region, Place, Types], Iterator[Found]]


def rows(
    region: Region, kind: str, things: Iterable[Mapping[str, Any]], make: Callable[[Any], Any]
) -> Iterator[Found]:
    """What `make` makes of each thing; one that cannot be read is a gap, the others are kept."""
    for one in things:
        try:
            yield from make(one)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            region.miss(kind, f"half told: {type(error).__name__} {error}; try again")


def tags_of(one: Mapping[str, Any]) -> dict[str, str]:
    """Tags as labels."""
    return {str(tag["Key"]): str(tag.get("Value", "")) for tag in one.get("Tags") or []}


def _told(one: Mapping[str, Any]) -> Held:
    held = (
        one.get("GpuInfo", {}).get("Gpus")
        or one.get("NeuronInfo", {}).get("NeuronDevices")
        or one.get("InferenceAcceleratorInfo", {}).get("Accelerators")
        or []
    )
    return sum(int(each.get("Count", 0)) for each in held), held[0].get("Name") if held else None


def listed(name: str) -> Held:
    """Accelerators of a type as the table has it."""
    family, _, size = name.partition(".")
    model, counts = _LISTED.get(family, (None, {}))
    return (counts[size], model) if size in counts else (0, None)


_SIZES: Final = {
    "xlarge": 1, "2xlarge": 1, "4xlarge": 1, "8xlarge": 1, "12xlarge": 4, "16xlarge": 1,
    "24xlarge": 4, "48xlarge": 8,
}  # fmt: skip
# for who may not ask EC2; https://docs.aws.amazon.com/ec2/latest/instancetypes/ac.html
_LISTED: Final[dict[str, tuple[str, dict[str, int]]]] = {
    "p2": ("K80", {"xlarge": 1, "8xlarge": 8, "16xlarge": 16}),
    "p3": ("V100", {"2xlarge": 1, "8xlarge": 4, "16xlarge": 8}),
    "p3dn": ("V100", {"24xlarge": 8}),
    "p4d": ("A100", {"24xlarge": 8}),
    "p4de": ("A100", {"24xlarge": 8}),
    "p5": ("H100", {"4xlarge": 1, "48xlarge": 8}),
    "p5e": ("H200", {"48xlarge": 8}),
    "p5en": ("H200", {"48xlarge": 8}),
    "p6-b200": ("B200", {"48xlarge": 8}),
    "g4dn": ("T4", {"xlarge": 1, "2xlarge": 1, "4xlarge": 1, "8xlarge": 1, "12xlarge": 4,
                    "16xlarge": 1, "metal": 8}),
    "g5": ("A10G", _SIZES),
    "g6": ("L4", _SIZES),
    "g6e": ("L40S", _SIZES),
    "inf1": ("Inferentia", {"xlarge": 1, "2xlarge": 1, "6xlarge": 4, "24xlarge": 16}),
    "inf2": ("Inferentia2", {"xlarge": 1, "8xlarge": 1, "24xlarge": 6, "48xlarge": 12}),
    "trn1": ("Trainium", {"2xlarge": 1, "32xlarge": 16}),
    "trn1n": ("Trainium", {"32xlarge": 16}),
    "trn2": ("Trainium2", {"48xlarge": 16}),
    "dl1": ("Gaudi HL-205", {"24xlarge": 8}),
}  # fmt: skip
