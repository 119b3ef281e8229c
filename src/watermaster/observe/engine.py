"""Words for functions of the embedded engine that Ibis has none for, and expressions as Any.

Ibis types what its methods return too loosely for a checker to follow, so connectors that build
expressions take `ibis` from here and name what an expression stands for by these aliases.
"""

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from watermaster.model import tables

ibis: Any = tables.ibis
Text: TypeAlias = Any
Texts: TypeAlias = Any
Number: TypeAlias = Any
Whole: TypeAlias = Any
Moment: TypeAlias = Any
Truth: TypeAlias = Any

_TEXTS: Final = "array<string>"
_PAIRS: Final = "array<struct<key: string, value: string>>"
_MAP: Final = "map<string, string>"
_ZONED: Final = "timestamp('UTC')"
_STUBS: Final[dict[int, Callable[..., Any]]] = {
    1: lambda a: a,
    2: lambda a, b: (a, b),
    3: lambda a, b, c: (a, b, c),
}


def _engine(name: str, *takes: str, gives: str) -> Callable[..., Any]:
    """A function that the engine has under this name."""
    stub = _STUBS[len(takes)]
    signature = (tuple(map(ibis.dtype, takes)), ibis.dtype(gives))
    return ibis.udf.scalar.builtin(stub, name=name, signature=signature)


strlen: Final = _engine("strlen", "string", gives="int64")  # bytes: needs no decoding
rtrim: Final = _engine("rtrim", "string", "string", gives="string")  # these letters, at the end
epoch_us: Final = _engine("epoch_us", _ZONED, gives="int64")
make_timestamp: Final = _engine("make_timestamp", "int64", gives="timestamp")
try_strptime: Final = _engine("try_strptime", "string", "string", gives="timestamp")
timezone: Final = _engine("timezone", "string", "timestamp", gives=_ZONED)  # local time in a zone
attempt: Final = _engine("try", "string", gives="string")  # NULL where finding it failed

json_valid: Final = _engine("json_valid", "string", gives="boolean")
to_json: Final = _engine("to_json", "string", gives="string")
minify: Final = _engine("json", "string", gives="string")
json_keys: Final = _engine("json_keys", "string", gives=_TEXTS)
json_all: Final = _engine("json_extract", "string", "string", gives=_TEXTS)  # a path with a star
json_all_texts: Final = _engine("json_extract_string", "string", "string", gives=_TEXTS)
json_texts: Final = _engine("json_extract_string", "string", _TEXTS, gives=_TEXTS)
regexp_extract_all: Final = _engine("regexp_extract_all", "string", "string", "int64", gives=_TEXTS)
list_zip: Final = _engine("list_zip", _TEXTS, _TEXTS, gives=_PAIRS)
list_sort: Final = _engine("list_sort", _PAIRS, gives=_PAIRS)
texts_sort: Final = _engine("list_sort", _TEXTS, gives=_TEXTS)
map_from_entries: Final = _engine("map_from_entries", _PAIRS, gives=_MAP)  # no key twice
map_to_json: Final = _engine("to_json", _MAP, gives="string")


@ibis.udf.agg.builtin(
    name="min", signature=((ibis.dtype("string"), ibis.dtype("int64")), ibis.dtype(_TEXTS))
)
def first_texts(text: Any, most: int) -> Texts:
    """So many texts at most, in their order; NULL is none."""


def any_to_json(value: Any) -> Text:
    """A value of any type as JSON."""
    signature = ((value.type(),), ibis.dtype("string"))
    return ibis.udf.scalar.builtin(_STUBS[1], name="to_json", signature=signature)(value)
