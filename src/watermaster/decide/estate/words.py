"""Words people write in tags, labels and accounts, brought together."""

import difflib
import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final

MEANINGS: Final = {  # what a tag or label key stands for, spelled without signs
    "team": ("team", "owner", "owningteam", "ownerteam", "squad", "group", "department"),
    "workload": (
        "workload", "application", "app", "appname", "service", "component", "project",
        "appkubernetesioname", "k8sapp", "appkubernetesioinstance", "rayioclustername", "jobname",
    ),
    "environment": ("environment", "env", "stage", "appenvironment"),
    "cost_center": ("costcenter", "costcentre", "cc"),
    "unit": ("unit", "businessunit", "bu", "division"),
}  # fmt: skip
CLOSE: Final = 0.8  # two spellings of one word: ratio of difflib
RARE: Final = Decimal("0.2")  # a misspelling has less than so much of the weight of the word


def plain(text: str) -> str:
    """Letters and digits only, lower case.

    >>> plain("Cost-Centre"), plain("app.kubernetes.io/name")
    ('costcentre', 'appkubernetesioname')
    """
    return re.sub(r"[^a-z0-9]", "", text.lower())


def meaning(key: str) -> str | None:
    """What a key stands for: team, workload, environment, cost_center, unit; None if unknown.

    >>> meaning("Team"), meaning("costCentre"), meaning("etam"), meaning("colour")
    ('team', 'cost_center', 'team', None)
    """
    word = plain(key)
    exact = {spelled: name for name, words in MEANINGS.items() for spelled in words}
    if word in exact:
        return exact[word]
    near = [spelled for spelled in exact if len(spelled) > 3 and is_slip(word, spelled)]
    return exact[near[0]] if near else None


def is_slip(word: str, right: str) -> bool:
    """Whether a word is another one with two letters swapped, or one lost, added or changed."""
    if word == right or abs(len(word) - len(right)) > 1 or len(right) < 4:
        return False
    if len(word) == len(right):
        apart = [place for place in range(len(word)) if word[place] != right[place]]
        swapped = (
            len(apart) == 2
            and apart[1] == apart[0] + 1
            and word[apart[0]] == right[apart[1]]
            and word[apart[1]] == right[apart[0]]
        )
        return len(apart) == 1 or swapped
    longer, shorter = sorted((word, right), key=len, reverse=True)
    return any(longer[:place] + longer[place + 1 :] == shorter for place in range(len(longer)))


def as_name(text: str) -> str | None:
    """A resource name made of a text; None where nothing is left of it.

    >>> as_name("Claims & Fraud"), as_name("--"), as_name("a" * 80) == "a" * 63
    ('claims-fraud', None, True)
    """
    name = re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-.")[:63].strip("-.")
    return name or None


def spellings(weights: Mapping[str, Decimal]) -> dict[str, str]:
    """Each spelling to the word meant: itself, or the far more frequent one it is a slip of.

    Case and signs never tell words apart: `Claims_Fraud` is claims-fraud.
    """
    by_weight = sorted(weights, key=lambda word: (-weights[word], word))
    meant: dict[str, str] = {}
    first: dict[str, str] = {}
    for word in by_weight:
        known = first.get(plain(word))
        if known is None:
            near = difflib.get_close_matches(plain(word), list(first), 3, CLOSE)
            known = next(
                (
                    first[right]
                    for right in near
                    if is_slip(plain(word), right)
                    and weights[word] < RARE * weights[first[right]]
                    and not _is_numbered(plain(word), right)
                ),
                None,
            )
        if known is None:
            first[plain(word)] = word
        meant[word] = known or word
    return meant


def _is_numbered(word: str, right: str) -> bool:
    """Whether two words differ in digits only: node-1 and node-2 are two things."""
    return word != right and re.sub(r"\d", "", word) == re.sub(r"\d", "", right)


def most(weighed: Iterable[tuple[str, Decimal]]) -> tuple[str, Decimal] | None:
    """The value with most weight, and its share of all; None of nothing."""
    sums: dict[str, Decimal] = {}
    for value, weight in weighed:
        sums[value] = sums.get(value, Decimal(0)) + weight
    if not sums:
        return None
    total = sum(sums.values(), Decimal(0))
    value = min(sums, key=lambda one: (-sums[one], one))
    return value, sums[value] / total if total else Decimal(1)
