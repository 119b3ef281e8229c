"""Near misses of tag keys and values: what each should be, how sure that is, and why.

A key or value is compared in its normal form (no case, no signs), then by the letters that differ.
Numbers are never guessed at: `CC-105` is no near miss of `CC-104`. What is right is told by the
allowed values of its policy, else by the values selectors name, else by the spelling that most of
the cost carries. Where two answers are as likely, none is given.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from watermaster.decide.cost.spelling import digits, distance, normal
from watermaster.decide.cost.tagged import Tag
from watermaster.model.resources import TagRule
from watermaster.model.tag_fixes import TagFix, TagSet, Wrong

RULE: Final = "tag-fix/1"
SURE: Final = 0.85  # fixes from here on are accepted by `--accept all`
ALIAS, SAME, ONE_OFF, TWO_OFF, NUMBER = 1.0, 0.98, 0.93, 0.87, 0.75
LETTERS: Final = {1: 4, 2: 8}  # letters a word must have to differ in one or two of them
CLEAR: Final = 0.03  # the likeliest answer leads the next by more
MOSTLY: Final = 0.6  # of the cost of one word, to be its right spelling
RARE: Final = 20  # a near miss without a list of values costs so much less
Scored = tuple[float, str, str]  # likelihood, answer, reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is right, and what is repaired already."""

    rules: Sequence[TagRule]
    tags: Sequence[Tag] = ()  # as declared: their repairs are not proposed again
    selected: Mapping[str, frozenset[str]] = field(default_factory=dict)  # values selectors name
    other_keys: frozenset[str] = frozenset()  # keys in use by selectors: right as they are


def tag_fixes(delivered: Sequence[TagSet], known: Known) -> list[TagFix]:
    """Keys first, then values, of the keys of all policies; the dearest of each first.

    Values are looked at under each key, its known spellings, and the spellings proposed here.
    """
    keys = list(_keys(delivered, known))
    found: list[TagFix] = []
    for rule in known.rules:
        tag = next((one for one in known.tags if one.key == rule.key), Tag(key=rule.key))
        words = [rule.key, *tag.spellings]
        words += [one.found for one in keys if one.meant == rule.key and one.confidence >= SURE]
        found += _values(delivered, (rule, tag), words, known)
    return [*sorted(keys, key=_dearest), *sorted(found, key=_dearest)]


def sure(fixes: Iterable[TagFix]) -> list[TagFix]:
    """Those that need nobody's eye."""
    return [one for one in fixes if one.meant is not None and one.confidence >= SURE]


def _dearest(one: TagFix) -> tuple[Decimal, str]:
    return -sum(one.costs.values(), Decimal(0)), one.name


# ---- keys ----


def _keys(delivered: Sequence[TagSet], known: Known) -> Iterator[TagFix]:
    right = {rule.key for rule in known.rules} | known.other_keys
    right |= {word for tag in known.tags for word in tag.spellings}
    for key in sorted({key for one in delivered for key in one.tags} - right):
        scored = [told for rule in known.rules if (told := _key(key, rule))]
        if not scored:
            continue
        best = _clear(scored)
        meant = best[1] if best else None
        touched = [one for one in delivered if key in one.tags]
        missing = [one for one in touched if not (meant and one.tags.get(meant))]
        weight, said = 1.0, ""
        if meant:
            rule = next(one for one in known.rules if one.key == meant)
            weight, said = _fit(key, rule, touched, known)
        yield _fix((Wrong.KEY, meant or scored[0][1], key), scored, best, missing, (weight, said))


def _key(key: str, rule: TagRule) -> Scored | None:
    if key in rule.aliases:
        return ALIAS, rule.key, f"its policy names it as another spelling of {rule.key}"
    return _near(key, rule.key)


def _fit(key: str, rule: TagRule, touched: Sequence[TagSet], known: Known) -> tuple[float, str]:
    """How well what the odd key holds suits the right one: 0 to 1, and why."""
    both = [one for one in touched if one.tags.get(rule.key)]
    differ = sum(one.charges for one in both if one.tags[rule.key] != one.tags[key])
    if differ:
        share = differ / sum(one.charges for one in touched)
        return 1 - share, f"; {share:.0%} of its charges carry {rule.key} with another value"
    right = frozenset(rule.values) or known.selected.get(rule.key, frozenset())
    if not right:
        return 1.0, ""
    fits = sum(one.charges for one in touched if _of_values(one.tags[key], right))
    share = fits / sum(one.charges for one in touched)
    return 0.5 + share / 2, f"; {share:.0%} of its charges hold a value of {rule.key}"


def _of_values(value: str, right: Iterable[str]) -> bool:
    return any(value == one or _near(value, one) for one in right)


# ---- values ----


def _values(
    delivered: Sequence[TagSet], whose: tuple[TagRule, Tag], words: Sequence[str], known: Known
) -> Iterator[TagFix]:
    rule, tag = whose
    repaired = {raw for raws in tag.values.values() for raw in raws} | set(tag.unclear)
    held: defaultdict[str, list[TagSet]] = defaultdict(list)
    for one in delivered:
        value = next((one.tags[word] for word in words if one.tags.get(word)), None)
        if value is not None:
            held[value].append(one)
    right = frozenset(rule.values) or known.selected.get(rule.key, frozenset())
    for value in sorted(held.keys() - right - repaired):
        scored = _by_list(value, right) if right else _by_cost(value, held)
        if scored:
            yield _fix(
                (Wrong.VALUE, rule.key, value), scored, _clear(scored), held[value], (1.0, "")
            )


def _by_list(value: str, right: Iterable[str]) -> list[Scored]:
    found = [told for one in sorted(right) if (told := _near(value, one))]
    if not found and value.isdecimal():
        found = [(NUMBER, one, f"the only number in {one}") for one in sorted(right)
                 if digits(one) == (value,)]  # fmt: skip
    return found


def _by_cost(value: str, held: Mapping[str, Sequence[TagSet]]) -> list[Scored]:
    """Spellings of the same word, by cost; else one much dearer word that is nearly the same."""
    weights = {one: sum(abs(each.cost) for each in sets) for one, sets in held.items()}
    same = {one: weights[one] for one in held if normal(one) == normal(value)}
    if len(same) > 1:
        total = sum(same.values(), Decimal(0))
        most = max(same, key=lambda one: (same[one], one))
        share = float(same[most] / total) if total else 0.0
        if share < MOSTLY:
            return [(0.5, one, f"spelt in {len(same)} ways, none the usual one")
                    for one in sorted(same, key=lambda one: -same[one])[:2]]  # fmt: skip
        if value == most:
            return []
        return [(SAME * share, most, f"{share:.0%} of the cost of this word is spelt {most}")]
    return [
        (told[0] - 0.05, one, f"{told[2]}, and that costs {RARE} times more")
        for one in sorted(held)
        if weights[one] >= RARE * weights[value] and (told := _near(value, one))
    ]


# ---- both ----


def _near(word: str, right: str) -> Scored | None:
    """How likely a word is meant to be the right one; None where it is not near."""
    one, other = normal(word), normal(right)
    if not one or not other:
        return None
    if one == other:
        return SAME, right, f"the same as {right} but for case, spaces or signs"
    if digits(one) != digits(other):
        return None
    letters = min(sum(map(str.isalpha, one)), sum(map(str.isalpha, other)))
    if abs(len(one) - len(other)) > max(LETTERS):
        return None
    off = distance(one, other)
    if letters < LETTERS.get(off, len(one) + len(other)) or _is_suffix(word, right):
        return None
    return (ONE_OFF if off == 1 else TWO_OFF), right, f"{off} letter{'s' * (off > 1)} from {right}"


def _is_suffix(word: str, right: str) -> bool:
    """Whether one is the other and a part of its own: `chat` and `chat-b` are two names."""
    short, long = sorted((word, right), key=len)
    return long.startswith(short) and not long[len(short)].isalnum()


def _clear(scored: Sequence[Scored]) -> Scored | None:
    """The likeliest, if it leads; two that are as likely are nobody's."""
    first, *rest = sorted(scored, key=lambda told: (-told[0], told[1]))
    return None if (rest and first[0] - rest[0][0] < CLEAR) or first[0] <= 0.5 else first


def _fix(
    named: tuple[Wrong, str, str],
    scored: Sequence[Scored],
    best: Scored | None,
    touched: Sequence[TagSet],
    weighed: tuple[float, str],
) -> TagFix:
    what, key, found = named
    costs: defaultdict[str, Decimal] = defaultdict(Decimal)
    for one in touched:
        costs[one.currency] += one.cost
    likely = sorted(scored, key=lambda told: (-told[0], told[1]))
    names = tuple(told[1] for told in likely)
    reason = best[2] + weighed[1] if best else f"as likely {' as '.join(names)}: say which"
    confidence = best[0] * weighed[0] if best else likely[0][0] / len(likely)
    return TagFix(
        name=f"{key}{':' if what is Wrong.KEY else '='}{found}", what=what, key=key, found=found,
        meant=best[1] if best else None, candidates=names, confidence=round(confidence, 3),
        reason=reason, costs=dict(costs), charges=sum(one.charges for one in touched),
    )  # fmt: skip
