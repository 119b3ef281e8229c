"""Make a home: its settings, an empty ledger, and an example of what to declare."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from pydantic import BaseModel

from watermaster.flows.open import CONFIG_NAME, create_project
from watermaster.model.config import Config

EXAMPLE = "example_estate"
Setting = str | list[str]


@dataclass(frozen=True, slots=True)
class Initialised:
    """What was made; what was there before is left as it was and not listed."""

    home: str
    made: list[str]
    estate: str


def initialise(home: Path, estate: Path, settings: Mapping[str, Setting]) -> Initialised:
    """Make what is missing of a home and an example estate; running it again changes nothing."""
    made: list[str] = []
    config = home / CONFIG_NAME
    if not config.exists():
        home.mkdir(parents=True, exist_ok=True)
        config.write_text(config_text(settings))
        made.append(str(config))
    if not (home / "records.db").exists():
        made.append(str(home / "records.db"))
    create_project(home)
    if not estate.exists():
        made += _example(estate)
    return Initialised(str(home), made, str(estate))


def config_text(settings: Mapping[str, Setting]) -> str:
    """A config.yaml that says what can be set; what is not chosen stands as a comment."""
    lines = ["# Settings of this ledger; what is left out has the value shown.", ""]
    for name, field in Config.model_fields.items():
        key = field.alias or name
        default = field.get_default()
        lines += [f"# {field.description}", _line(key, settings.get(key), default), ""]
    return "\n".join(lines)


def _line(key: str, chosen: Setting | None, default: object) -> str:
    if isinstance(chosen, list):
        return f"{key}: [{', '.join(map(_quoted, chosen))}]"
    if chosen is not None:
        return f"{key}: {_quoted(chosen)}"
    if isinstance(default, BaseModel):
        held = default.model_dump(mode="json", by_alias=True, exclude_none=True)
        return "\n".join([f"# {key}:", *(f"#   {name}: {value}" for name, value in held.items())])
    shown = "" if default is None else str(getattr(default, "value", default))
    return f"# {key}: {shown}".rstrip()


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _example(estate: Path) -> list[str]:
    """The example, file by file; a folder that is there already is the user's."""
    estate.mkdir(parents=True)
    made = []
    for source in sorted(files("watermaster.flows").joinpath(EXAMPLE).iterdir(), key=str):
        if source.name.endswith(".yaml"):
            target = estate / source.name
            target.write_text(source.read_text())
            made.append(str(target))
    return made
