"""Money as people read it: four significant steps, and full cents in ledger rows."""

from decimal import ROUND_HALF_UP, Decimal
from typing import Final

THIN: Final = "\u202f"  # thin no-break space
MINUS: Final = "\u2212"
MISSING: Final = "\u2013"  # en dash: missing is never 0
SYMBOLS: Final = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "INR": "₹"}
_CENT: Final = Decimal("0.01")
# from this size on (after rounding): divided by, decimals, suffix
_STEPS: Final = (
    (Decimal(1_000_000_000), Decimal(1_000_000_000), 2, "bn"),
    (Decimal(1_000_000), Decimal(1_000_000), 2, "M"),
    (Decimal(10_000), Decimal(1_000), 0, "k"),
    (Decimal(1_000), Decimal(1_000), 1, "k"),
    (Decimal(100), Decimal(1), 0, ""),
    (Decimal(0), Decimal(1), 2, ""),
)


def compact(amount: Decimal | None, currency: str) -> str:
    """An amount short enough to compare at a glance; None is an en dash.

    >>> [compact(Decimal(a), "USD") for a in ("0.84", "412.3", "9800", "41000", "-1830000")]
    ['$0.84', '$412', '$9.8\u202fk', '$41\u202fk', '\u2212$1.83\u202fM']
    """
    if amount is None:
        return MISSING
    sign, size = MINUS if amount < 0 else "", abs(amount)
    if 0 < size < _CENT / 2:
        return f"{sign}<{_with_symbol('0.01', currency)}"
    text, suffix = _steps(size)
    if not Decimal(text.replace(THIN, "")):
        return _with_symbol("0", currency)
    return f"{sign}{_with_symbol(text, currency)}{THIN + suffix if suffix else ''}"


def cents(amount: Decimal | None, currency: str) -> str:
    """An amount to the cent, for the rows of a ledger.

    >>> cents(Decimal("1004.268"), "USD"), cents(Decimal("-0.004"), "EUR")
    ('$1\u202f004.27', '€0.00')
    """
    if amount is None:
        return MISSING
    rounded = amount.quantize(_CENT, ROUND_HALF_UP)
    sign = MINUS if rounded < 0 else ""
    return f"{sign}{_with_symbol(grouped(abs(rounded)), currency)}"


def signed(amount: Decimal, currency: str) -> str:
    """A difference, always with its sign.

    >>> signed(Decimal(67000), "USD"), signed(Decimal(-9700), "USD"), signed(Decimal(0), "USD")
    ('+$67\u202fk', '\u2212$9.7\u202fk', '$0')
    """
    text = compact(amount, currency)
    return f"+{text}" if amount > 0 else text


def grouped(number: Decimal | int) -> str:
    """A number with thin spaces between thousands.

    >>> grouped(565418), grouped(Decimal("1004.27"))
    ('565\u202f418', '1\u202f004.27')
    """
    return f"{number:,}".replace(",", THIN)


def parse_compact(text: str) -> Decimal | None:
    """What a printed amount says, as far as it says it; None for missing.

    >>> parse_compact(compact(Decimal(41321), "USD"))
    Decimal('41000')
    """
    if text == MISSING:
        return None
    bare = text.replace(MINUS, "-").replace("<", "").lstrip("+")
    negative, bare = bare.startswith("-"), bare.lstrip("-")
    factor = Decimal(1)
    for _, divided_by, _, suffix in _STEPS:
        if suffix and bare.endswith(THIN + suffix):
            bare, factor = bare.removesuffix(THIN + suffix), divided_by
            break
    digits = "".join(char for char in bare if char.isdigit() or char == ".")
    size = Decimal(digits) * factor
    return -size if negative else size


def _steps(size: Decimal) -> tuple[str, str]:
    """Digits and suffix; a size that rounds up to the next step is shown as that step."""
    for least, divided_by, decimals, suffix in _STEPS:
        if size >= least:
            return _rounded(size, divided_by, decimals, suffix)
    raise AssertionError(size)


def _rounded(size: Decimal, divided_by: Decimal, decimals: int, suffix: str) -> tuple[str, str]:
    unit = divided_by.scaleb(-decimals)
    whole = (size / unit).quantize(Decimal(1), ROUND_HALF_UP) * unit
    above = [step for step in _STEPS if step[0] > size and whole >= step[0]]
    if above:
        _, divided_by, decimals, suffix = above[-1]
    digits = (whole / divided_by).quantize(Decimal(1).scaleb(-decimals))
    return grouped(digits), suffix


def _with_symbol(text: str, currency: str) -> str:
    symbol = SYMBOLS.get(currency)
    return f"{symbol}{text}" if symbol else f"{currency}{THIN}{text}"
