"""How marks get their colour: by class on a page, so that a theme costs nothing, or literally
for a report or mail, whose renderers know no CSS variables.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from watermaster.serve.tokens import Tokens

Tip = Sequence[tuple[str, str, str]]  # name, figure, colour colour or nothing


@dataclass(frozen=True, slots=True)
class Paint:
    """The palette of one drawing; without tokens, colours are classes of the stylesheet."""

    tokens: Tokens | None = None

    def fill(self, colour: str) -> str:
        """The attribute that fills a mark."""
        return f'fill="{self.tokens[colour]}"' if self.tokens else f'class="f-{colour}"'

    def stroke(self, colour: str) -> str:
        """The attribute that strokes a line."""
        return f'stroke="{self.tokens[colour]}"' if self.tokens else f'class="s-{colour}"'

    def text(self, colour: str = "muted", size: float = 11, weight: int = 400) -> str:
        """The attributes of a text."""
        shape = f'font-size="{size}" font-weight="{weight}"'
        family = ' font-family="Inter"' if self.tokens else ""
        return f"{self.fill(colour)} {shape}{family}"

    def halo(self) -> str:
        """Keeps a text readable on top of marks."""
        if not self.tokens:
            return ""
        return f'paint-order="stroke" stroke="{self.tokens["paper"]}" stroke-width="3.5"'


SCREEN = Paint()


def drawing(width: float, height: float, marks: str, name: str, kind: str = "") -> str:
    """A whole chart. One that holds links is a group, so that they stay reachable."""
    role = "group" if "<a " in marks else "img"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
        f'width="{width:g}" height="{height:g}" role="{role}" aria-label="{escape(name)}" '
        f'class="ch {kind}" preserveAspectRatio="xMinYMid">{marks}</svg>'
    )


def titled(head: str, tip: Tip) -> str:
    """The words of a mark, twice: for every reader, and for the pointer's note."""
    told = "; ".join(f"{name} {figure}" for name, figure, _ in tip)
    note = "|".join([head, *("~".join(row) for row in tip)])
    return f'data-tip="{escape(note)}"><title>{escape(f"{head}: {told}")}</title>'


def linked(address: str | None, name: str, marks: str) -> str:
    """Marks that lead somewhere; without an address, just the marks."""
    if address is None:
        return marks
    return f'<a href="{escape(address)}" aria-label="{escape(name)}">{marks}</a>'


def label(text: str, most: int) -> str:
    """A name that fits into so many characters, safe to stand in a drawing."""
    return escape(text if len(text) <= most else text[: most - 1] + "…")
