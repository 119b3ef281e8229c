"""`wm workload`."""

from watermaster.cli.entities import nouns
from watermaster.model.entities import Noun

app = nouns(Noun.WORKLOAD, "Workloads: what they cost, whose they are, what runs of them.")
