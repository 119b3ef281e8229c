"""The registry's words: models, versions, what may be written, and errors in MLflow's sentences.

Source of the rules and sentences: MLflow 3.17.2's REST API, https://mlflow.org/docs/latest/rest-api.html
"""

import posixpath
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from watermaster.model.errors import NotFoundError, RefusedError, UsageError

MOST_NAME: Final = 256  # characters
MOST_KEY: Final = 250
MOST_VALUE: Final = 100_000
MOST_ALIAS: Final = 255
MOST_TEXT: Final = 100_000  # of a description or an address
MOST_TAGS: Final = 1_000  # of one model or version
MOST_VERSION: Final = 2**31 - 1
PROMPT: Final = "mlflow.prompt.is_prompt"  # the tag that makes a model a prompt

_KEY: Final = re.compile(r"[\w.\-/ :]*")
_ALIAS: Final = re.compile(r"[\w\-]+")
_NUMBERED: Final = re.compile(r"[vV]\d+")

Tags = tuple[tuple[str, str], ...]


class Stage(StrEnum):
    """MLflow's stages, the older way to say where a version stands."""

    NONE = "None"
    STAGING = "Staging"
    PRODUCTION = "Production"
    ARCHIVED = "Archived"


STANDS: Final = (Stage.STAGING, Stage.PRODUCTION)  # the stages somebody relies on


class Lineage(StrEnum):
    """Whether it is known which run made a version."""

    RESOLVED = "resolved"  # the tracking server knows the run or the logged model
    UNRESOLVED = "unresolved"  # one is named, and it could not be found
    UNASKED = "none asked"  # none is named


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelVersion:
    """One version of a model, as MLflow's clients see it and as gates judge it."""

    model: str
    version: int
    created_ms: int
    updated_ms: int
    description: str | None
    user_id: str | None  # as the client says, so anybody's word
    made_by: str  # as authenticated
    stage: str
    source: str
    storage: str | None
    run_id: str | None
    run_link: str | None
    logged_model: str | None
    status: str
    status_message: str | None
    lineage: str
    digest: str | None
    tags: Tags = ()
    aliases: tuple[str, ...] = ()

    @property
    def slots(self) -> frozenset[str]:
        """Where people find it: alias/prod, stage/Production."""
        held = {f"alias/{alias}" for alias in self.aliases}
        return frozenset(held | {f"stage/{one}" for one in STANDS if one == self.stage})


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredModel:
    """A model of the registry with its newest version of each stage."""

    name: str
    created_ms: int
    updated_ms: int
    description: str | None
    team: str | None
    made_by: str
    tags: Tags = ()
    aliases: tuple[tuple[str, int], ...] = ()
    latest: tuple[ModelVersion, ...] = ()

    @property
    def is_prompt(self) -> bool:
        """Whether it holds prompts, which MLflow keeps among models."""
        return (PROMPT, "true") in [(key, value.lower()) for key, value in self.tags]


class MlflowError:
    """A mark: the error's `what` is the sentence MLflow's clients know."""


class BadValueError(MlflowError, UsageError):
    """Something asked cannot be."""

    def __init__(self, what: str, where: str = "registry") -> None:
        super().__init__(where, what, "see docs/how-to/registry.md")


class UnknownModelError(MlflowError, NotFoundError):
    """No model of that name."""

    def __init__(self, name: str) -> None:
        super().__init__(name, f"Registered Model with name={name} not found", "see wm model list")


class UnknownVersionError(MlflowError, NotFoundError):
    """No version of that number, or it was deleted."""

    def __init__(self, name: str, version: object) -> None:
        what = f"Model Version (name={name}, version={version}) not found"
        super().__init__(f"{name} {version}", what, "see wm model show")


class TakenError(MlflowError, RefusedError):
    """The name is taken."""

    http_status = 400

    def __init__(self, name: str, what: str | None = None) -> None:
        what = what or f"Registered Model (name={name}) already exists."
        super().__init__(name, what, "take another name")


class StandsError(RefusedError):
    """What would be taken away stands where a gate guards."""

    http_status = 403


def checked_name(name: str, path: str = "name") -> str:
    """A model's name; any script will do, but it is a part of addresses."""
    if not name.strip():
        raise BadValueError(f"Missing value for required parameter '{path}'.")
    if "/" in name or ":" in name:
        raise BadValueError(f"Invalid model name '{name}'. Names cannot contain '/' or ':'.")
    _path_like("name", name)
    return _within(path, name, MOST_NAME)


def checked_tags(tags: Iterable[tuple[str, str]]) -> Tags:
    """Tags; of two with one key the last counts."""
    held = dict(tags)
    if len(held) > MOST_TAGS:
        raise BadValueError(f"{len(held)} tags are given; a model or version has {MOST_TAGS}.")
    for key, value in held.items():
        checked_tag(key, value)
    return tuple(held.items())


def checked_tag(key: str, value: str) -> None:
    """One tag."""
    checked_key(key)
    _within("key", key, MOST_KEY)
    _within("value", value, MOST_VALUE)


def checked_key(key: str) -> str:
    """The key of a tag."""
    if not _KEY.fullmatch(key):
        allowed = (
            "Names may only contain alphanumerics, underscores (_), dashes (-), periods (.), "
            "spaces ( ), colon(:) and slashes (/)."
        )
        raise BadValueError(f"Invalid value \"{key}\" for parameter 'key' supplied: {allowed}")
    _path_like("key", key)
    return key


def checked_text(path: str, text: str) -> str:
    """A description or an address."""
    return _within(path, text, MOST_TEXT)


def checked_version(version: str | int) -> int:
    """A version's number; -1 stands for one that cannot be."""
    try:
        number = int(version)
    except ValueError:
        what = f"Parameter 'version' must be an integer, got '{version}'."
        raise BadValueError(what) from None
    return number if 0 <= number <= MOST_VERSION else -1


def checked_alias(alias: str) -> str:
    """An alias as it may be asked for."""
    if not _ALIAS.fullmatch(alias):
        allowed = "Names may only contain alphanumerics, underscores (_), and dashes (-)."
        raise BadValueError(f"Invalid alias name: '{alias}'. {allowed}")
    return _within("Registered model alias name", alias, MOST_ALIAS)


def free_alias(alias: str) -> str:
    """An alias as it may be set: not one that means something else."""
    checked_alias(alias)
    if alias.lower() == "latest":
        raise BadValueError("'latest' alias name (case insensitive) is reserved.")
    if _NUMBERED.fullmatch(alias):
        raise BadValueError(f"Version alias name '{alias}' is reserved.")
    return alias


def checked_stage(stage: str) -> Stage:
    """A stage, however its letters are written."""
    for one in Stage:
        if one.lower() == stage.lower():
            return one
    known = ", ".join(Stage)
    raise BadValueError(f"Invalid Model Version stage: {stage}. Value must be one of {known}.")


def _within(path: str, text: str, most: int) -> str:
    if len(text) > most:
        raise BadValueError(f"'{path}' exceeds the maximum length of {most} characters")
    return text


def _path_like(path: str, name: str) -> None:
    """Clients write names into paths: one that would lead elsewhere is none."""
    norm = posixpath.normpath(name)
    if norm != name or norm == "." or norm.startswith(("..", "/")):
        raise BadValueError(
            f"Invalid value \"{name}\" for parameter '{path}' supplied: Names may be treated as "
            "files in certain cases, and must not resolve to other names when treated as such. "
            f"This name would resolve to '{norm}'"
        )
