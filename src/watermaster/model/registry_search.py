"""What may be searched for in the registry: MLflow's filter grammar and orders, read into records.

    name = 'claims' AND version_number > 2 AND tags.`env` != 'dev'

Clauses are joined by AND alone. Unlike MLflow, `!=` on a tag matches what lacks the tag.
"""

import base64
import binascii
import json
import re
from dataclasses import dataclass
from typing import Any, Final

from watermaster.model.registry import MOST_VERSION, PROMPT, BadValueError

MOST_FILTER: Final = 20_000  # characters
MOST_CLAUSES: Final = 50
LISTED: Final = ("name", "run_id")  # attributes that take IN
NUMBERS: Final = ("version_number",)
_TEXTS: Final = ("=", "!=", "LIKE", "ILIKE", "IN", "NOT IN")
_ORDERED: Final = ("=", "!=", ">", ">=", "<", "<=")
_TAGGED: Final = ("=", "!=", "LIKE", "ILIKE")
_WORD: Final = re.compile(
    r"""\s*(?:
    (?P<name>(?:[A-Za-z_]\w*\.)?(?:`[^`]*`|"[^"]*"(?=\s*(?:[=!<>]|(?i:like|ilike|in|not)\b))
             |[A-Za-z_][\w.\-/:]*))
    |(?P<text>'(?:[^']|'')*'|"[^"]*")
    |(?P<number>-?\d+(?:\.\d+)?)
    |(?P<sign>!=|>=|<=|<>|[=<>])
    |(?P<mark>[(),])
    |(?P<other>\S)
    )""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Clause:
    """One condition: an attribute, or a tag, compared with a value."""

    key: str
    sign: str  # = != > >= < <= LIKE ILIKE IN NOT IN
    value: str | int | tuple[str, ...]
    is_tag: bool = False


@dataclass(frozen=True, slots=True)
class Order:
    """One key to sort by."""

    key: str
    is_down: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What is searched for, in which order, from where on."""

    clauses: tuple[Clause, ...] = ()
    prompts: bool = False  # prompts instead of models: never both
    orders: tuple[Order, ...] = ()
    most: int
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Searched:
    """What can be asked of one kind of thing."""

    attributes: tuple[str, ...]
    orders: tuple[str, ...]
    natural: tuple[Order, ...]
    most: int  # in one answer


MODELS: Final = Searched(
    ("name",), ("name", "timestamp", "last_updated_timestamp"), (Order("name", False),), 1000
)
VERSIONS: Final = Searched(
    ("name", "version_number", "run_id", "source_path"),
    ("name", "version_number", "creation_timestamp", "last_updated_timestamp"),
    (
        Order("last_updated_timestamp", True),
        Order("name", False),
        Order("version_number", True),
    ),
    200_000,
)


def read_search(
    things: Searched, text: str, orders: list[str], most: int, token: str = ""
) -> Search:
    """The parts of a search as a client writes them."""
    if most < 1:
        what = f"Invalid value for max_results. It must be a positive integer, but got {most}"
        raise BadValueError(what)
    clauses = read_filter(text, things)
    asked = [one for one in clauses if one.is_tag and one.key == PROMPT]
    return Search(
        clauses=tuple(one for one in clauses if one not in asked),
        prompts=bool(asked)
        and (asked[0].sign, str(asked[0].value).lower()) in {("=", "true"), ("!=", "false")},
        orders=_orders(orders, things),
        most=most,
        offset=read_token(token),
    )


def read_filter(text: str, things: Searched) -> list[Clause]:
    """The clauses of a filter.

    >>> read_filter("tags.env != 'dev' and version_number > 2", VERSIONS)
    [Clause(key='env', sign='!=', value='dev', is_tag=True), \
Clause(key='version_number', sign='>', value=2, is_tag=False)]
    """
    if not text:
        return []
    if not text.strip():
        raise BadValueError(f"Invalid filter '{text}'. Could not be parsed.")
    if len(text) > MOST_FILTER:
        raise BadValueError(f"'filter' exceeds the maximum length of {MOST_FILTER} characters")
    words = _Words(text)
    clauses: list[Clause] = []
    while not words.is_done:
        if words.take("AND"):
            continue
        if clauses and not words.followed("AND"):
            raise words.stray()
        clauses.append(_clause(words, things))
    if len(clauses) > MOST_CLAUSES:
        raise BadValueError(f"The filter has {len(clauses)} clauses; {MOST_CLAUSES} are allowed")
    return clauses


def token_of(offset: int) -> str:
    """What a client sends back for the next page."""
    return base64.b64encode(json.dumps({"offset": offset}).encode()).decode()


def read_token(token: str) -> int:
    """Where the next page begins.

    >>> read_token(token_of(7))
    7
    """
    if not token:
        return 0
    try:
        text = base64.b64decode(token, validate=True)
    except (binascii.Error, ValueError):
        raise BadValueError("Invalid page token, could not base64-decode") from None
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        raise BadValueError(f"Invalid page token, decoded value={text!r}") from None
    offset = told.get("offset") if isinstance(told, dict) else None
    if not isinstance(offset, int) or not 0 <= offset <= MOST_VERSION:
        raise BadValueError(f"Invalid page token, parsed value={told}")
    return offset


class _Words:
    """The words of a filter, read from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        found = [match for match in _WORD.finditer(text) if match.lastgroup]
        self._words = [(str(m.lastgroup), m.group(str(m.lastgroup))) for m in found]
        self._at = 0

    @property
    def is_done(self) -> bool:
        return self._at >= len(self._words)

    def next(self) -> tuple[str, str]:
        """The next word and its kind; an empty one at the end."""
        word = ("end", "") if self.is_done else self._words[self._at]
        self._at += 1
        return word

    def take(self, *words: str) -> bool:
        """Step over a word, or several in a row, if they come next."""
        here = [text.upper() for _, text in self._words[self._at : self._at + len(words)]]
        if here != list(words):
            return False
        self._at += len(words)
        return True

    def followed(self, word: str) -> bool:
        """Whether the word just read was this."""
        return self._words[self._at - 1][1].upper() == word

    def stray(self) -> BadValueError:
        """What is said of the word that comes next."""
        _, text = self.next()
        return BadValueError(f"Invalid clause(s) in filter string: {text or self._text}")


def _clause(words: _Words, things: Searched) -> Clause:
    kind, left = words.next()
    sign = _sign(words) if kind == "name" and left.upper() not in {"OR", "NOT"} else None
    if sign is None:
        raise BadValueError(f"Invalid clause(s) in filter string: {left}")
    key, is_tag = _key(left, things)
    if is_tag:
        if sign in {"IN", "NOT IN"}:
            what = "Expected a quoted string value for tag (e.g. 'my-value'). Got a list"
            raise BadValueError(what)
        if sign not in _TAGGED:
            raise BadValueError(f"Invalid comparator for tag: {sign}")
        return Clause(key, sign, _quoted(words), is_tag=True)
    if key in NUMBERS:
        return Clause(key, sign, _number(words, key, sign))
    if sign in {"IN", "NOT IN"}:
        return Clause(key, sign, _listed(words, key))
    if sign not in _TEXTS:
        raise BadValueError(f"Invalid comparator for attribute: {sign}")
    return Clause(key, sign, _quoted(words))


def _sign(words: _Words) -> str | None:
    for taken in (("NOT", "IN"), ("IN",), ("LIKE",), ("ILIKE",), *((one,) for one in _ORDERED)):
        if words.take(*taken):
            return " ".join(taken)
    return None


def _key(left: str, things: Searched) -> tuple[str, bool]:
    entity, dot, key = left.partition(".")
    if not dot:
        entity, key = "attribute", left
    if entity not in {"attribute", "tag", "tags"}:
        what = (
            f"Invalid entity type '{entity}'. Valid entity types are ('attribute', 'tag', 'tags')"
        )
        raise BadValueError(what)
    key = key.strip('`"')
    if entity == "attribute" and key not in things.attributes:
        known = ", ".join(things.attributes)
        what = f"Invalid attribute key '{key}' specified. Valid keys are '{known}'"
        raise BadValueError(what)
    return key, entity != "attribute"


def _quoted(words: _Words) -> str:
    kind, text = words.next()
    if kind == "text":
        return text[1:-1].replace("''", "'") if text.startswith("'") else text[1:-1]
    raise BadValueError(
        "Parameter value is either not quoted or unidentified quote types used for string value "
        f"{text}. Use either single or double quotes."
    )


def _number(words: _Words, key: str, sign: str) -> int:
    if sign in {"IN", "NOT IN"}:
        known = list(LISTED)
        what = f"Only {known} attributes support comparison with a list of quoted string values."
        raise BadValueError(what)
    if sign not in _ORDERED:
        raise BadValueError(f"Invalid comparator for attribute {key}: {sign}")
    _, text = words.next()
    try:
        number = int(text.strip("'\""))
    except ValueError:
        raise BadValueError(f"Invalid value for numeric attribute '{key}': {text}") from None
    return max(-1, min(number, MOST_VERSION))


def _listed(words: _Words, key: str) -> tuple[str, ...]:
    if key not in LISTED:
        raise BadValueError("Invalid comparator for attribute: IN")
    found: list[str] = []
    mark = words.next()[1]
    while mark in {"(", ","}:
        kind, text = words.next()
        if text == ")":
            mark = text
            break
        if kind != "text":
            what = f"While parsing a list in the query, expected string value, but got {text}"
            raise BadValueError(what)
        found.append(text[1:-1])
        mark = words.next()[1]
    if mark != ")":
        raise BadValueError(f"Invalid clause(s) in filter string: {key} IN")
    if not found:
        raise BadValueError(
            "While parsing a list in the query, expected a non-empty list of string values, but "
            "got empty list"
        )
    return tuple(found)


def _orders(asked: list[str], things: Searched) -> tuple[Order, ...]:
    if not asked:
        return things.natural
    found = [_order(text, things) for text in asked]
    keys = [_ALIKE.get(one.key, one.key) for one in found]
    if len(set(keys)) < len(keys):
        raise BadValueError(f"`order_by` contains duplicate fields: {asked}")
    rest = [one for one in things.natural if one.key in {"name", "version_number"}]
    return (*found, *(one for one in rest if one.key not in keys))


_ALIKE: Final = {"timestamp": "last_updated_timestamp"}


def _order(text: str, things: Searched) -> Order:
    words = text.split()
    if not words:
        raise BadValueError(f"Invalid order_by clause '{text}'. Could not be parsed.")
    way = words[1].upper() if len(words) > 1 else "ASC"
    if len(words) > 2 or way not in {"ASC", "DESC"}:
        raise BadValueError(f"Invalid ordering key in order_by clause '{text}'.")
    key = words[0].removeprefix("attribute.").strip("`")
    if key not in things.orders:
        known: Any = ", ".join(things.orders)
        raise BadValueError(f"Invalid order by key '{key}' specified. Valid keys are '{known}'")
    return Order(key, way == "DESC")
