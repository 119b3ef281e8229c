"""Tags and the origin row as canonical JSON: sorted keys, no spaces, values as they came.

Tags arrive as a JSON object, as a Python dict, as `key=value;...`, as `"key":"value"` without
braces, or as a list of {key, value}. Each reading turns what it knows into an object and leaves
the rest to the next; what is none of these is kept in the origin row.
"""

from collections.abc import Iterable, Sequence
from json import dumps
from typing import Final

from watermaster.model.tables import Table
from watermaster.observe.engine import (
    Text,
    Texts,
    Truth,
    attempt,
    ibis,
    json_all,
    json_all_texts,
    json_keys,
    json_texts,
    json_valid,
    list_sort,
    list_zip,
    map_from_entries,
    map_to_json,
    minify,
    regexp_extract_all,
    strlen,
    texts_sort,
    to_json,
)

NO_TYPE: Final = ""  # added to JSON it makes text; else the engine reads all text as JSON
_PARTS: Final = "= tag parts"
_START, _END = "\x1e", "\x1f"
_QUOTED: Final = r"'(?:[^'\\]|\\.)*'|" + r'"(?:[^"\\]|\\.)*"'
_PYTHON_PAIR: Final = rf"(?:{_QUOTED})\s*:\s*(?:{_QUOTED}|[^,}}'\"]+)"
_PLAIN_PAIR: Final = r"\s*([^=;,{}\s][^=;,{}]*?)\s*=\s*([^;,{}\x1e\x1f]*)"


def is_object(text: Text) -> Truth:
    """Whether a text is a JSON object."""
    return text.startswith("{") & json_valid(text)


def canonical(step: Table, name: str) -> Table:
    """The table with a column of JSON objects in canonical form: sorted keys, no spaces.

    Flat objects of plain texts, the usual tags, are sorted as text: `"a":"1","b":"2"` is cut at
    `","`. Objects with escapes, numbers or nests are taken apart, which costs three times more.
    A key that is there twice stays there twice.
    """
    step = step.mutate({name: minify(step[name]) + NO_TYPE}).view()
    text = step[name]
    inner = text.substr(2, text.length() - 4).replace('":"', _START)
    step = step.mutate({_PARTS: texts_sort(inner.split('","'))}).view()
    text, parts = step[name], step[_PARTS]
    cuts = strlen(text) - strlen(text.replace(',"', ""))
    nested = text.contains("\\") | text.contains("[") | text.substr(1).contains("{")
    flat = text.endswith('"}') & ~nested & (cuts == 2 * (parts.length() - 1))
    joined = ibis.literal('{"') + parts.join('","').replace(_START, '":"') + '"}'
    return step.mutate({name: flat.ifelse(joined, _taken_apart(text)).nullif("{}")}).view()


def _taken_apart(tags: Text) -> Text:
    pairs = list_sort(list_zip(json_keys(tags), json_all(tags, "$.*")))
    return ibis.coalesce(attempt(map_to_json(map_from_entries(pairs)) + NO_TYPE), tags)


def values(tags: Text, keys: Sequence[str]) -> Texts:
    """The raw text of each key, all read in one pass over the JSON."""
    paths = ["/" + key.replace("~", "~0").replace("/", "~1") for key in keys]
    return json_texts(tags, ibis.literal(paths, type="array<string>"))


def origin(fields: Iterable[tuple[str, Text]]) -> Text:
    """A JSON object of the fields that are not NULL, sorted by name; NULL if there is none."""
    held = [
        ibis.literal(dumps(name, ensure_ascii=False) + ":") + to_json(value)
        for name, value in sorted(fields, key=lambda field: field[0])
    ]
    if not held:
        return ibis.null("string")
    return ibis.literal("{") + ibis.literal(",").join(held).nullif("") + "}"


def _trimmed(text: Text) -> Text:
    return text.strip()


def _from_braceless(text: Text) -> Text:
    return _where(text, text.startswith('"'), ibis.literal("{") + text + "}")


def _from_list(text: Text) -> Text:
    """`[{"key": "a", "value": "b"}]`, the two words as they are or with a capital."""
    json = json_valid(text).ifelse(text, ibis.null("string"))
    held = [
        attempt(map_to_json(map_from_entries(list_zip(keys, held))) + NO_TYPE)
        for keys, held in (
            (json_all_texts(json, f"$[*].{key}"), json_all_texts(json, f"$[*].{value}"))
            for key, value in (("key", "value"), ("Key", "Value"))
        )
    ]
    read = ibis.coalesce(*(each.nullif("{}") for each in held))
    return ibis.coalesce(text.startswith("[").ifelse(read, ibis.null("string")), text)


def _from_python(text: Text) -> Text:
    """`{'a': 'b', "c": None}`: pairs are found first, then each side gets JSON's quotes."""
    pairs = regexp_extract_all(text, _PYTHON_PAIR, 0)
    marked = ibis.literal(_START) + pairs.join(_END + _START) + _END
    marked = marked.re_replace(rf"{_START}'((?:[^'\\]|\\.)*)'\s*:", rf'{_START}"\1":')
    marked = marked.re_replace(rf":\s*'((?:[^'\\]|\\.)*)'{_END}", rf':"\1"{_END}')
    for python, json in (("None", "null"), ("True", "true"), ("False", "false")):
        marked = marked.re_replace(rf":\s*{python}\s*{_END}", f":{json}{_END}")
    joined = marked.replace(_END + _START, ",").replace(_START, "").replace(_END, "")
    read = ibis.literal("{") + joined.replace("\\'", "'") + "}"
    return _where(text, text.startswith("{") & (pairs.length() > 0), read)


def _from_plain(text: Text) -> Text:
    """`a=b;c=d` and `{a=b, c=d}`: quotes and backslashes are made safe, then pairs are quoted."""
    safe = to_json(text)
    pairs = regexp_extract_all(safe.substr(1, safe.length() - 2), _PLAIN_PAIR, 0)
    marked = ibis.literal(_START) + pairs.join(_END + _START) + _END
    marked = marked.re_replace(rf"{_START}{_PLAIN_PAIR}[;,}}]?{_END}", r',"\1":"\2"')
    return _where(text, pairs.length() > 0, ibis.literal("{") + marked.substr(1) + "}")


def _only_objects(text: Text) -> Text:
    return is_object(text).ifelse(text, ibis.null("string"))


def _where(text: Text, fits: Truth, read: Text) -> Text:
    """`read` where the text is no object yet, has the look, and becomes an object by it."""
    return (~is_object(text) & fits & json_valid(read)).ifelse(read, text)


READINGS: Final = (
    _trimmed, _from_braceless, _from_list, _from_python, _from_plain, _only_objects,
)  # fmt: skip
