"""`wm platform`."""

from watermaster.cli.entities import nouns
from watermaster.model.entities import Noun

app = nouns(Noun.PLATFORM, "Platforms: what runs there, at what cost.")
