"""Text of a FOCUS file to values, as DuckDB expressions: numbers and moments.

Nothing here reads a row. Numbers never pass through a float: DuckDB casts text to a decimal
exactly and rounds what lies beyond the 15th decimal half away from zero.
"""

from typing import Final

from watermaster.observe.engine import (
    Moment,
    Number,
    Text,
    Truth,
    Whole,
    epoch_us,
    ibis,
    make_timestamp,
    rtrim,
    strlen,
    timezone,
    try_strptime,
)

NULLS: Final = (  # texts of a file that say: nothing here
    "", "NULL", "null", "Null", "N/A", "n/a", "#N/A", "NaN", "nan", "\\N", "<NA>", "None", "nil",
)  # fmt: skip
PLACES: Final = 15
FINEST: Final = 51  # decimals beyond which a number is refused: 15 kept and 36 accounted for
_BARE_BYTES: Final = len("2026-09-01T00:00:00")
_EARLIEST: Final = "1990-01-01"
_LATEST: Final = "2200-01-01"
_GROUPED: Final = r"^[-+]?\d{1,3}(?:,\d{3})+(?:\.\d*)?$"
_PLAIN: Final = r"^[-+]?(?:\d+\.?\d*|\.\d+)$"
_SYMBOL: Final = r"[$€£¥]"
_HAS_OFFSET: Final = r"(?i)\d\s*(?:z|[+-]\d\d(?::?\d\d)?|[a-z]+(?:/[a-z_]+)?)$"


def as_people_write(text: Text, cast: Number, kind: str) -> Number:
    """`cast`, or what `$10,000.00 `, `-1,234.50` and `(12.00)` in brackets say.

    `1,234` alone may be a decimal comma and stays NULL; with a currency sign, a point or two
    groups it cannot be one. The amount of a text beyond FINEST decimals is NULL too.
    """
    bare = text.re_replace(r"\s", "").re_replace(_SYMBOL, "")
    bracketed = bare.re_search(r"^\([^()+-]*\)$")
    bare = bracketed.ifelse(ibis.literal("-") + bare.re_replace(r"[()]", ""), bare)
    certain = text.re_search(_SYMBOL) | bare.contains(".") | bare.re_search(",.*,")
    readable = bare.re_search(_PLAIN) | (bare.re_search(_GROUPED) & certain)
    people = readable.ifelse(bare.replace(",", ""), ibis.null("string")).try_cast(kind)
    return ibis.cases(
        (cast.isnull(), people),
        (may_be_long(text), (decimals(text) <= FINEST).ifelse(cast, ibis.null(kind))),
        else_=cast,
    )


def may_be_long(text: Text) -> Truth:
    """Whether a number may have more than 15 decimals; cheap, and never wrongly false."""
    return (strlen(text) > PLACES + 1) | text.contains("e") | text.contains("E")


def is_long(text: Text) -> Truth:
    """Whether a number has more than 15 decimals; counts only where it may."""
    return may_be_long(text).ifelse(decimals(text) > PLACES, False)


def most_decimals(text: Text) -> Whole:
    """The most decimals any number of the column has; 0 stands for 15 and less."""
    return may_be_long(text).ifelse(decimals(text), 0).max()


def decimals(text: Text) -> Whole:
    """How many decimals a number has once its exponent is worked in, at least 0."""
    digits, point = _digits(text)
    worked = ibis.greatest(strlen(rtrim(digits, "0")) - point, 0)
    dot = text.find(".")
    plain = (dot < 0).ifelse(0, strlen(rtrim(text.strip(), "0")) - dot - 1)
    return (text.contains("e") | text.contains("E")).ifelse(worked, plain)


def rounding(text: Text) -> tuple[Number, Number]:
    """What rounding to 15 decimals took away: exact - rounded, in units of 1e-15 and 1e-33.

    The two add up to the whole difference for numbers of up to FINEST decimals.
    """
    digits, point = _digits(text)
    lead = ibis.literal("0").repeat(ibis.greatest(-(point + PLACES), 0))
    tail = lead + digits.substr(ibis.greatest(point + PLACES, 0))
    near, far = (
        (ibis.literal("0.0") + tail.substr(start, 18)).try_cast("decimal(38, 19)") * 10
        for start in (0, 18)
    )
    up = (tail.left(1) >= "5").ifelse(1, 0)
    sign = text.strip().startswith("-").ifelse(-1, 1)
    return (near - up) * sign, far * sign


def _digits(text: Text) -> tuple[Text, Whole]:
    """All digits of a number, and how many of them stand before its point."""
    plain = text.strip().lower().re_replace("^[-+]", "").replace("_", "")
    mantissa, exponent = (plain + "e").split("e")[0], (plain + "e").split("e")[1]
    whole, part = (mantissa + ".").split(".")[0], (mantissa + ".").split(".")[1]
    return whole + part, whole.length() + ibis.coalesce(exponent.try_cast("int64"), 0)


def moment(text: Text, layout: str | None, zone: str) -> Moment:
    """The text as naive UTC: ISO 8601 with or without offset, else `layout`; NULL if neither.

    A time without offset is local in `zone`.
    """
    said = text
    text = text.strip()
    utc = make_timestamp(epoch_us(text.try_cast("timestamp('UTC')")))
    if zone == "UTC":  # a cast that knows zones asks a calendar, which costs four times the other
        bytes_ = strlen(said)
        without = (bytes_ == _BARE_BYTES) & (said.right(3).left(1) == ":")
        simple = ((bytes_ == _BARE_BYTES + 1) & said.endswith("Z")) | without
        utc = simple.ifelse(said.try_cast("timestamp"), utc)
    else:
        local = _utc_of(text.try_cast("timestamp"), zone)
        utc = text.re_search(_HAS_OFFSET).ifelse(utc, local)
    if layout is None:
        return utc
    read = try_strptime(text, layout)
    return ibis.coalesce(read if zone == "UTC" else _utc_of(read, zone), utc)


def plausible(when: Moment) -> Moment:
    """The time; NULL in years before 1990 or from 2200, which are misread text."""
    early, late = (ibis.literal(day, type="timestamp") for day in (_EARLIEST, _LATEST))
    return ((when >= early) & (when < late)).ifelse(when, ibis.null("timestamp"))


def _utc_of(local: Moment, zone: str) -> Moment:
    return make_timestamp(epoch_us(timezone(zone, local)))
