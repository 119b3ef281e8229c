"""What stands in AWS accounts outside clusters: instances, volumes, snapshots, SageMaker.

Location: `aws:eu-central-1,us-east-1`. What is needed to read is in roles/aws-reader.json. A kind
of which not all was told is a rejected row, never nothing there.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from watermaster.model.errors import BadInputError
from watermaster.model.events import Notice, Progress, Tell
from watermaster.model.resources import SourceSpec
from watermaster.model.seen import Seen
from watermaster.observe.aws_account import Region, account_of, clients_of
from watermaster.observe.aws_ec2 import EC2
from watermaster.observe.aws_rows import Found, Place, Read, Types
from watermaster.observe.aws_sagemaker import SAGEMAKER
from watermaster.observe.batches import Row, seen_rows
from watermaster.units.periods import Period

PREFIX: Final = "aws:"
ROWS: Final = 5_000  # told at once
KINDS: Final[tuple[Read, ...]] = (*EC2, *SAGEMAKER)


def observe(source: SourceSpec, window: Period, tell: Tell) -> Iterator[Seen]:
    """One row of `subjects` for each thing there is now, on the last day of the window.

    Training jobs that ended in the window are `runs` too.
    """
    at = window.end - timedelta(microseconds=1)
    names = [one.strip() for one in source.location.removeprefix(PREFIX).split(",")]
    if not source.location.startswith(PREFIX) or not all(names):
        fix = "write aws: and the regions, e.g. aws:eu-central-1,us-east-1"
        raise BadInputError(source.location, "names no AWS region", fix)
    clients = clients_of(source)
    regions = [Region(name, clients(name)) for name in dict.fromkeys(names)]
    account = account_of(regions, source.location)
    for number, region in enumerate(regions):
        tell(Progress(number, len(regions), "regions", region.name))
        platform = source.platform or f"aws-{region.name}"
        place = Place(platform, account, region.name, at, window.start)
        types = Types(region)
        for read in KINDS:
            yield from _batches(read(region, place, types))
        yield from _unread(region, tell)


def _batches(found: Iterator[Found]) -> Iterator[Seen]:
    held: dict[str, list[Row]] = {}
    for table, row in found:
        rows = held.setdefault(table, [])
        rows.append(row)
        if len(rows) >= ROWS:
            yield from seen_rows(table, rows)
            rows.clear()
    for table, rows in held.items():
        yield from seen_rows(table, rows)


def _unread(region: Region, tell: Tell) -> Iterator[Seen]:
    rows = []
    for (kind, reason), count in region.gaps.items():
        text = f"{reason} ({count} times)" if count > 1 else reason
        tell(Notice(f"{region.name}: {kind}: {text}"))
        rows.append({"delivery": "", "file": f"{PREFIX}{region.name}", "row": 0, "column": kind,
                     "reason": text})  # fmt: skip
    yield from seen_rows("rejected", rows)
