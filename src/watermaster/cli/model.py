"""`wm model`."""

from watermaster.cli.entities import nouns
from watermaster.model.entities import Noun

app = nouns(Noun.MODEL, "Models: who runs them, at what cost.")
