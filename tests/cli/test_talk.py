"""Talk and progress go to a terminal only, and leave no mark on it."""

import io

from watermaster.cli.talk import talk
from watermaster.model.events import Notice, Progress, Step, tell_nobody


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_nothing_is_said_to_a_file():
    assert talk(io.StringIO()) is tell_nobody


def test_progress_is_one_line_that_is_wiped_when_done():
    out = Terminal()
    tell = talk(out)
    tell(Progress(1, 4, "files", "reading"))
    tell(Progress(4, 4, "files", "reading"))
    assert "\r" in out.getvalue()
    assert "\n" not in out.getvalue()
    last = out.getvalue().split("\r")
    assert last[-1] == ""
    assert last[-2].strip() == ""


def test_a_notice_keeps_its_line():
    out = Terminal()
    tell = talk(out)
    tell(Progress(10, None, "rows"))
    tell(Notice("odd"))
    tell(Step("ingest.done"))
    assert out.getvalue().endswith("odd\n")


def test_progress_is_drawn_at_most_ten_times_a_second():
    out = Terminal()
    tell = talk(out)
    for done in range(1000):
        tell(Progress(done, 1_000_000, "rows"))
    assert out.getvalue().count("rows") < 100
