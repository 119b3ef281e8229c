"""`wm model`."""

from watermaster.cli import model_artefact, model_registry
from watermaster.cli.entities import nouns
from watermaster.model.entities import Noun

app = nouns(Noun.MODEL, "Models: who runs them, at what cost.")
model_registry.add_to(app)
model_artefact.add_to(app)
