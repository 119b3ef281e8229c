"""What `wm` says while it works: a progress line, notices. On stderr, and only to a terminal."""

import sys
import time
from dataclasses import dataclass, field
from typing import TextIO

from watermaster.model.events import Event, Notice, Progress, Step, Tell, tell_nobody
from watermaster.units.cells import visible

WIDTH = 24
REDRAW_S = 0.1


@dataclass
class Line:
    """The one line that is redrawn while something runs."""

    out: TextIO
    drawn: int = 0
    next_at: float = field(default=0.0)

    def draw(self, event: Progress) -> None:
        """Show how far it is, at most ten times a second."""
        finished = event.total is not None and event.done >= event.total
        now = time.monotonic()
        if now < self.next_at and not finished:
            return
        self.next_at = now + REDRAW_S
        text = visible(progress_text(event))
        self.out.write("\r" + text.ljust(self.drawn))
        self.drawn = len(text)
        if finished:
            self.clear()
        self.out.flush()

    def clear(self) -> None:
        """Leave an empty line behind."""
        if self.drawn:
            self.out.write("\r" + " " * self.drawn + "\r")
            self.drawn = 0


def talk(out: TextIO | None = None) -> Tell:
    """Where a flow's events go: to a terminal as notices and a progress line, else nowhere."""
    target = out or sys.stderr
    if not target.isatty():
        return tell_nobody
    line = Line(target)

    def tell(event: Event) -> None:
        if isinstance(event, Progress):
            line.draw(event)
        elif isinstance(event, Notice):
            line.clear()
            target.write(visible(f"{event.text}\n"))
        elif isinstance(event, Step) and event.name.endswith(".done"):
            line.clear()

    return tell


def progress_text(event: Progress) -> str:
    """One progress event as one line.

    >>> progress_text(Progress(3, 12, "files", "reading"))
    'reading [######..................] 3 of 12 files'
    >>> progress_text(Progress(2500, None, "rows"))
    '2,500 rows'
    """
    what = f"{event.what} " if event.what else ""
    if not event.total:
        return f"{what}{event.done:,} {event.unit}"
    full = min(WIDTH, WIDTH * event.done // event.total)
    bar = "#" * full + "." * (WIDTH - full)
    return f"{what}[{bar}] {event.done:,} of {event.total:,} {event.unit}"
