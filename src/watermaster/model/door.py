"""The cluster's door: what a workload of a cluster names, and what is answered about it."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Literal

from pydantic import Field

from watermaster.model.gates import Ruling, Verdict
from watermaster.model.record import Record

MODEL_NOTE: Final = "watermaster.dev/model"  # annotation: NAME/3, NAME@prod or models:/...
DIGEST_NOTE: Final = "watermaster.dev/model-digest"  # annotation: sha256:...


class DoorSettings(Record):
    """What a cluster's API server asks before it lets a workload in."""

    when_down: Literal["refuse", "allow"] = Field(
        "refuse",
        description="what the cluster does with a workload while the door does not answer",
    )
    unnamed: Literal["refuse", "warn", "allow"] = Field(
        "refuse",
        description="what becomes of a workload that asks for accelerators and names no model",
    )
    label: str = Field(
        "watermaster.dev/environment",
        description="label of a namespace whose value is its environment",
    )
    timeout_s: int = Field(5, ge=1, le=30, description="seconds the cluster waits for an answer")


class Way(StrEnum):
    """How a model is named."""

    VERSION = "version"
    SLOT = "slot"
    LATEST = "latest"
    LOGGED = "logged"  # MLflow 3's model id
    DIGEST = "digest"  # of the model's files
    IMAGE = "image"  # digest of an image, which may or may not be a registered model
    PLACE = "place"  # address of the files
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A model as something names it."""

    where: str  # in the object: spec.template.spec.containers.0.env.1.value
    said: str
    way: Way
    model: str = ""
    version: int = 0
    rest: str = ""  # slot, model id, digest or address


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """What a cluster is asked to run, as far as the door looks at it."""

    kind: str
    namespace: str
    name: str
    named: tuple[Named, ...]
    has_accelerators: bool

    @property
    def where(self) -> str:
        """As people write it."""
        return f"{self.kind} {self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """Whether a version has passed the gates of an environment."""

    model: str
    version: int
    digest: str | None
    environment: str
    verdict: Verdict
    why: str
    slot: str | None = None  # where it stands since it passed; None: it was judged now
    ruling: Ruling | None = None
    warnings: tuple[str, ...] = ()

    @property
    def has_passed(self) -> bool:
        """Whether it may run there."""
        return self.verdict is Verdict.ALLOWED


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One question of an API server."""

    uid: str
    environment: str
    by: str  # who asks the cluster, as the cluster authenticated them
    operation: str
    workload: Workload
    was: Workload | None = None  # before an update
    is_rehearsal: bool = False
    is_leaving: bool = False  # it is being deleted already


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the door says."""

    uid: str
    allowed: bool
    why: str
    warnings: tuple[str, ...] = ()
    looked: tuple[Passed, ...] = field(default=())
