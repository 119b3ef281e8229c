"""Conditions in CEL: checked against typed names when written, judged with what is known.

The names a condition may use are `NAMES`: all fields of all kinds of evidence, and what is known
of model, version and change. CEL is cel-expr-python's (the C++ evaluator of its authors); where
that has no build, common-expression-language's, which knows no types: names are checked here for
both. https://github.com/cel-expr/cel-spec
"""

import functools
import importlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import ModuleType
from typing import Any, Final

from watermaster.model.evidence import EVIDENCE

_WORDS: Final = {
    "str": "string", "int": "int", "float": "double", "bool": "bool",
    "list[str]": "list(string)", "dict[str, float]": "map(string, double)",
}  # fmt: skip
_NAME: Final = re.compile(r"(?<![\w.])(?:now\b|(?:evidence|model|version|change)(?:\.[a-z_]\w*)+)")
_TEXT: Final = re.compile(r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'")
_FAULT: Final = re.compile(r"ERROR: <input>:(\d+):(\d+): ([^\n]*)")


def _names() -> dict[str, str]:
    named = {
        "model.name": "string", "model.owner": "string", "model.purpose": "string",
        "model.risk_class": "string", "model.licence": "string", "model.base_model": "string",
        "model.intended_use": "string", "model.data_classes": "list(string)",
        "version.number": "int", "version.made_by": "string", "version.digest": "string",
        "version.lineage": "string", "version.run_id": "string", "version.source": "string",
        "change.way": "string", "change.by": "string", "change.environment": "string",
        "now": "timestamp",
    }  # fmt: skip
    for kind, record in EVIDENCE.items():
        root = f"evidence.{kind.replace('-', '_')}"
        for name, field in record.model_fields.items():
            told = str(getattr(field.annotation, "__name__", field.annotation))
            plain = str(field.annotation) if "[" in str(field.annotation) else told
            named[f"{root}.{name}"] = _WORDS[plain.removesuffix(" | None")]
        named |= {f"{root}.at": "timestamp", f"{root}.by": "string"}
    return named | {"evidence.approval.count": "int", "evidence.approval.by": "list(string)"}


NAMES: Final = _names()


class ConditionError(Exception):
    """What is wrong with a condition as written, where in it, and what to write."""

    def __init__(self, what: str, fix: str, column: int | None = None) -> None:
        super().__init__(what)
        self.what, self.fix, self.column = what, fix, column


@dataclass(frozen=True, slots=True)
class Unknown:
    """It cannot be said: these names have no value."""

    missing: tuple[str, ...]
    why: str = ""


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition that was checked."""

    text: str
    paths: tuple[str, ...]  # what it reads, each once, in order: names, and keys of their maps

    def judge(self, values: Mapping[str, Any]) -> bool | Unknown:
        """True, False, or Unknown where it hangs on something that has no value."""
        names = {_name(path) for path in self.paths}
        known = {name: values[name] for name in names if values.get(name) is not None}
        said, why = _said(self.text, known)
        if isinstance(said, bool):
            return said
        return Unknown(tuple(p for p in self.paths if value_at(values, p) is None), why)


def value_at(values: Mapping[str, Any], path: str) -> Any:
    """What stands at a path; None where nothing does."""
    name = _name(path)
    held, key = values.get(name), path[len(name) + 1 :]
    return held.get(key) if key and isinstance(held, Mapping) else held


def condition(text: str) -> Condition:
    """A checked condition; ConditionError where it is none."""
    paths = tuple(dict.fromkeys(_NAME.findall(_TEXT.sub('""', text))))
    for path in paths:
        _name(path)
    if _typed() is not None:
        kind = _compiled(text).return_type().name()
        if kind.lower() not in {"bool", "dyn"}:
            fault = f"answers {kind.lower()}, not true or false"
            raise ConditionError(fault, "compare it with something")
    return Condition(text, paths)


def _name(path: str) -> str:
    """The declared name that a path begins with: what follows it is a key of a map."""
    parts = path.split(".")
    for length in range(len(parts), 0, -1):
        name = ".".join(parts[:length])
        if name in NAMES:
            return name
    near = get_close_matches(path, NAMES, 1, 0.6)
    some = f"write {near[0]}" if near else "see the names in docs/reference/gates.md"
    raise ConditionError(f"{path!r} is nothing that is known", some)


@functools.cache
def _typed() -> ModuleType | None:
    try:
        return importlib.import_module("cel_expr_python.cel")
    except ImportError:
        return None


@functools.cache
def _environment() -> Any:
    cel: Any = _typed()
    plain = {word: cel.Type(word) for word in ("string", "int", "double", "bool", "timestamp")}
    kinds = plain | {
        "list(string)": cel.Type.List(plain["string"]),
        "map(string, double)": cel.Type.Map(plain["string"], plain["double"]),
    }
    return cel.NewEnv(variables={name: kinds[kind] for name, kind in NAMES.items()})


@functools.lru_cache(1024)
def _compiled(text: str) -> Any:
    try:
        return _environment().compile(text)
    except RuntimeError as error:
        raise _fault(str(error)) from None


def _fault(told: str) -> ConditionError:
    found = _FAULT.search(told)
    what = found[3] if found else told.partition("\n")[0]
    column = int(found[2]) if found else None
    fix = "mend the condition"
    if "no matching overload" in what and "double" in what and "int" in what:
        fix = "write the number with a point: 200.0"
    return ConditionError(what.replace(" (in container '')", ""), fix, column)


def _said(text: str, known: Mapping[str, Any]) -> tuple[Any, str]:
    if _typed() is not None:
        value = _compiled(text).eval(data=dict(known)).value()
        return value, "" if isinstance(value, bool) else str(value)
    cel: Any = importlib.import_module("cel")
    try:
        return cel.evaluate(text, _nested(known)), ""
    except (ValueError, RuntimeError, TypeError, LookupError) as error:
        return None, str(error)


def _nested(known: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, value in known.items():
        *roots, last = name.split(".")
        place = made
        for root in roots:
            place = place.setdefault(root, {})
        place[last] = value
    return made
