"""`wm dataset`."""

from watermaster.cli.entities import nouns
from watermaster.model.entities import Noun

app = nouns(Noun.DATASET, "Datasets: who reads and writes them.")
