"""docs/reference/gates.md: every name that a condition may use, with its type and meaning."""

from watermaster.model.conditions import NAMES
from watermaster.model.evidence import EVIDENCE, OURS


def pages() -> dict[str, str]:
    """The page of names."""
    told = {
        f"evidence.{kind.replace('-', '_')}.{name}": field.description or ""
        for kind, record in EVIDENCE.items()
        for name, field in record.model_fields.items()
    }
    kinds = "".join(
        f"| `{kind}` | {(record.__doc__ or '').splitlines()[0]} "
        f"| {'Watermaster' if kind in OURS else 'whoever may'} |\n"
        for kind, record in EVIDENCE.items()
    )
    names = "".join(
        f"| `{name}` | {kind} | {told.get(name, '')} |\n" for name, kind in NAMES.items()
    )
    return {
        "gates.md": "# Gates\n\nConditions are [CEL](https://github.com/cel-expr/cel-spec), "
        "evaluated by cel-expr-python; where that has no build, by common-expression-language, "
        "which checks names and no types. How to use them: [gates](../how-to/gates.md).\n\n"
        "A condition that is true lets pass, one that is false refuses. One that hangs on a name "
        "without a value is missing that evidence, whatever else it says; one that is certain "
        "without it (`false && ...`, `true || ...`) is judged. A key that a map lacks "
        "(`evidence.evaluation.metrics.recall`) is missing evidence too. Any other failure of a "
        "condition refuses.\n\nOf each kind of evidence the newest counts, and only what speaks "
        "of the version's present digest. `evidence.approval.by` and `.count` are of distinct "
        "subjects; under `fourEyes` without who made the version and who asks.\n\n"
        f"| evidence | what it says | given by |\n|---|---|---|\n{kinds}\n"
        f"| name | type | meaning |\n|---|---|---|\n{names}"
    }
