"""Writes docs/reference from the code: `make docs`; `make check` compares.

A module `tools/reference_<kind>.py` with a function `pages() -> dict[str, str]` (file name to
Markdown) joins without being named here.
"""

import importlib
import sys
from pathlib import Path

from pydantic import BaseModel
from pydantic.fields import FieldInfo

import watermaster.model.errors
from watermaster.model.config import Config, RegistrySettings, SignIn
from watermaster.model.errors import WatermasterError
from watermaster.model.shapes import SHAPES, Shape

FOLDER = Path("docs/reference")
HEAD = "<!-- Written by `make docs`; change the code instead. -->\n\n"


def main(root: Path) -> int:
    """Write every generated page."""
    for name, text in all_pages().items():
        (root / FOLDER / name).write_text(text)
    return 0


def all_pages() -> dict[str, str]:
    """File name to text of every generated page."""
    pages = {"tables.md": tables(), "errors.md": errors(), "settings.md": settings()}
    for path in sorted(Path(__file__).parent.glob("reference_*.py")):
        pages |= importlib.import_module(f"tools.{path.stem}").pages()
    return {name: HEAD + text for name, text in pages.items()}


def stale(root: Path) -> list[str]:
    """One sentence for each page that is not what the code says now."""
    return [
        f"{FOLDER / name}: not what the code says; run make docs"
        for name, text in all_pages().items()
        if not (root / FOLDER / name).exists() or (root / FOLDER / name).read_text() != text
    ]


def tables() -> str:
    """The fact tables, column by column."""
    intro = (
        "# Fact tables\n\nFacts hold what was seen. Columns are only added. Times are UTC; money "
        "is `decimal(28, 15)` beside its currency; bytes and GPU-seconds are whole numbers; what "
        "is unknown is null. Declared tag keys join `charges` and `allocations` as "
        "`tag_<snake_key>`.\n\n"
    )
    return intro + "\n".join(_table(shape) for shape in SHAPES.values())


def _table(shape: Shape) -> str:
    rows = "".join(f"| `{c.name}` | {c.type} | {c.doc} |\n" for c in shape.columns)
    return (
        f"## {shape.name}\n\nOne row per: {shape.grain}. A delivery replaces one "
        f"({', '.join(shape.slice_by)}) whole.\n\n"
        f"| column | type | meaning |\n|---|---|---|\n{rows}"
    )


def errors() -> str:
    """Every error raised on purpose."""
    rows = "".join(
        f"| `{error.__name__}` | {error.exit_code} | {error.http_status} | {_first_line(error)} |\n"
        for error in error_classes()
    )
    return (
        "# Errors\n\nEvery error is one sentence: where it is, what is wrong; what to do. "
        "`--debug` adds the trace.\n\n| error | `wm` exits | HTTP status | means |\n"
        f"|---|---|---|---|\n{rows}"
    )


def settings() -> str:
    """Every setting of a home's config.yaml."""
    rows = _settings(Config)
    return (
        "# Settings\n\n`config.yaml` in the home (`--home`, `WM_HOME`, default `./.watermaster`). "
        "What is left out has its default; unknown keys are refused.\n\n"
        f"| setting | default | meaning |\n|---|---|---|\n{rows}\n"
        "## signIn\n\nHow to set it up: [sign-in](../how-to/sign-in.md).\n\n"
        f"| setting | default | meaning |\n|---|---|---|\n{_settings(SignIn)}\n"
        "## registry\n\nWhat it serves: [the model registry](../how-to/registry.md).\n\n"
        f"| setting | default | meaning |\n|---|---|---|\n{_settings(RegistrySettings)}"
    )


def _settings(record: type[BaseModel]) -> str:
    return "".join(
        f"| `{field.alias or name}` | {_default(field)} | {field.description or ''} |\n"
        for name, field in record.model_fields.items()
    )


def _default(field: FieldInfo) -> str:
    return "needed" if field.is_required() else f"`{field.get_default()}`"


def error_classes() -> list[type[WatermasterError]]:
    """WatermasterError and all that is made of it, by name."""
    found = vars(watermaster.model.errors).values()
    kinds = [k for k in found if isinstance(k, type) and issubclass(k, WatermasterError)]
    return sorted(kinds, key=lambda kind: kind.__name__)


def _first_line(kind: type) -> str:
    return (kind.__doc__ or "").strip().splitlines()[0]


if __name__ == "__main__":
    sys.exit(main(Path(__file__).parents[1]))
