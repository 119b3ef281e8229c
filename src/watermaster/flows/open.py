"""Open a project: its settings and its ledger."""

from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from watermaster.ledger.open import Clock, Ledger, create_ledger, open_ledger, utc_clock
from watermaster.model.config import Config
from watermaster.model.errors import BadInputError
from watermaster.model.events import Tell, tell_nobody
from watermaster.model.identity import Subject, local

CONFIG_NAME = "config.yaml"


@dataclass(frozen=True)
class Project:
    """All a flow needs: where it lives, how it is set, what is known, who listens, who asks."""

    home: Path
    config: Config
    ledger: Ledger
    tell: Tell
    actor: str
    subject: Subject | None = None  # as authenticated; none: whoever may use this machine

    @property
    def asker(self) -> Subject:
        """Who asks, and what they may."""
        return self.subject or local(self.actor)


def open_project(
    home: Path, tell: Tell = tell_nobody, actor: str = "local", clock: Clock = utc_clock
) -> Project:
    """Open what `wm init` made under `home`."""
    config = read_config(home)
    return Project(home, config, open_ledger(home, config, clock), tell, actor)


def create_project(
    home: Path, tell: Tell = tell_nobody, actor: str = "local", clock: Clock = utc_clock
) -> Project:
    """Make the ledger under `home`, or complete it; existing content stays."""
    config = read_config(home)
    return Project(home, config, create_ledger(home, config, clock), tell, actor)


def read_config(home: Path) -> Config:
    """The settings in `config.yaml`; defaults where there is none."""
    path = home / CONFIG_NAME
    if not path.exists():
        return Config()
    try:
        return Config.model_validate(YAML(typ="safe").load(path) or {})
    except YAMLError as error:
        what = " ".join(str(error).split())
        raise BadInputError(str(path), f"is not YAML ({what})", "mend its syntax") from None
    except UnicodeDecodeError:
        raise BadInputError(str(path), "is not UTF-8", "save the file as UTF-8") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BadInputError(
            str(path), f"{where}: {first['msg']}", "see docs/reference/settings.md"
        ) from None
