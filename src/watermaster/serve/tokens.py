"""The colours of every page, chart, report and mail: their one place."""

from collections.abc import Mapping
from typing import Final

Tokens = Mapping[str, str]

LIGHT: Final[Tokens] = {
    "canvas": "#f5f7f9", "paper": "#ffffff", "raise": "#ffffff",
    "line": "#e4e9ee", "line2": "#cbd3db",
    "ink": "#10202f", "ink2": "#3a4a59", "muted": "#566777",
    "brand": "#0b5c7a", "brandw": "#e4f1f6",
    "good": "#0f7563", "goodw": "#e2f3ef",
    "warn": "#885700", "warnw": "#fdf1dc", "warnf": "#d98400",
    "bad": "#ad321b", "badw": "#fcebe7",
    "c1": "#0f4a9e", "c2": "#cc7d10", "c3": "#279f93", "c4": "#9165d6", "c5": "#84204a",
    "c0": "#c3ccd4",
    "h0": "#eef3f6", "h1": "#d3e4ee", "h2": "#abcde0", "h3": "#7db2cf", "h4": "#4d93b9",
    "h5": "#22729c", "h6": "#0a4a6b",
}  # fmt: skip

DARK: Final[Tokens] = {
    "canvas": "#0b1118", "paper": "#121a23", "raise": "#17212c",
    "line": "#212d39", "line2": "#374655",
    "ink": "#e7edf3", "ink2": "#c3ced9", "muted": "#93a3b4",
    "brand": "#63bfe0", "brandw": "#12303e",
    "good": "#4fc9b4", "goodw": "#10312d",
    "warn": "#f0b04a", "warnw": "#33270f", "warnf": "#f0b04a",
    "bad": "#ff8f7a", "badw": "#3a1d18",
    "c1": "#3a80dc", "c2": "#f18d15", "c3": "#55d6bb", "c4": "#b39dfd", "c5": "#b0506e",
    "c0": "#3f4d5b",
    "h0": "#18222c", "h1": "#17354a", "h2": "#175070", "h3": "#226f98", "h4": "#3f91bd",
    "h5": "#76b9dc", "h6": "#c4e4f5",
}  # fmt: skip

TEXT: Final = ("ink", "ink2", "muted", "brand", "good", "warn", "bad")
GROUNDS: Final = ("canvas", "paper", "raise")
WASHES: Final = {"brand": "brandw", "good": "goodw", "warn": "warnw", "bad": "badw"}
CATEGORIES: Final = ("c1", "c2", "c3", "c4", "c5")

# each activity keeps its colour on every page; what has none is drawn in c0
ACTIVITY_COLOURS: Final[Mapping[str, str]] = {
    "training": "c1", "idle": "c2", "inference": "c3", "batch": "c4", "development": "c5",
}  # fmt: skip


def stylesheet() -> str:
    """The tokens as CSS variables: by the reader's system, unless a theme was chosen."""
    marks = "".join(
        f".f-{name}{{fill:var(--{name})}}.s-{name}{{stroke:var(--{name})}}"
        f".b-{name}{{background:var(--{name})}}"
        for name in LIGHT
    )
    return (
        f":root{{color-scheme:light;{_variables(LIGHT)}}}"
        f"@media(prefers-color-scheme:dark){{:root:not([data-theme=light])"
        f"{{color-scheme:dark;{_variables(DARK)}}}}}"
        f":root[data-theme=dark]{{color-scheme:dark;{_variables(DARK)}}}"
        f"@media print{{:root:root:root{{color-scheme:light;{_variables(LIGHT)}}}}}"
        f"{marks}\n"
    )


def _variables(tokens: Tokens) -> str:
    return "".join(f"--{name}:{value};" for name, value in tokens.items())
