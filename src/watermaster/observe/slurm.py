"""One Slurm cluster: its accounting (jobs, GPUs they held) and what stands in it now.

The location is a file or folder with saved text, told apart by content (sacct, squeue, scontrol
show, sinfo, sacctmgr show, a declared list of nodes), or `sacct:` to ask the commands themselves,
`sacct:CLUSTER` for another cluster of the same accounting.
"""

from collections.abc import Iterator

from watermaster.model.events import Tell
from watermaster.model.resources import SourceSpec
from watermaster.model.seen import Seen
from watermaster.observe.slurm_live import LIVE, observe_live
from watermaster.observe.slurm_saved import observe_saved
from watermaster.units.periods import Period


def observe(source: SourceSpec, window: Period, tell: Tell) -> Iterator[Seen]:
    """Jobs and nodes of one Slurm cluster: subjects, runs, gpu_hours, gpu_supply, rejected."""
    asked = int(window.start.timestamp()), int(window.end.timestamp())
    if source.location.startswith(LIVE):
        yield from observe_live(source, asked, tell)
    else:
        yield from observe_saved(source, asked, tell)
