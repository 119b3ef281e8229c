"""Amounts as Kubernetes writes them: counts, sizes, thousandths; and which of them accelerators."""

import re
from fractions import Fraction
from typing import Final

_ACCELERATOR: Final = re.compile(
    r"^(?:[\w.-]+/gpu|nvidia\.com/(?:gpu\.shared|mig-[\w.-]+)|aws\.amazon\.com/neuron(?:device)?"
    r"|google\.com/tpu|habana\.ai/gaudi)$"
)
_AMOUNT: Final = re.compile(r"(\d+)(?:\.(\d+))?([KMGTPE]i|[kMGTPE]|m|)")
_LETTERS: Final = "KMGTPE"


def is_accelerator(name: str) -> bool:
    """Whether a resource of this name is an accelerator, or a part of one.

    >>> is_accelerator("nvidia.com/gpu"), is_accelerator("cpu")
    (True, False)
    """
    return _ACCELERATOR.match(name) is not None


def whole(amount: object) -> int:
    """A count as Kubernetes writes it; what is none counts as 0."""
    text = str(amount or 0)
    thousands = 1000 if text.endswith("k") else 1
    digits = text.removesuffix("k")
    return int(digits) * thousands if digits.isascii() and digits.isdigit() else 0


def bytes_of(amount: object) -> int | None:
    """A size such as 100Gi or 5G in bytes; None where it is none."""
    found = None if str(amount or "").endswith("m") else amount_of(amount)
    return None if found is None else int(found)


def amount_of(amount: object) -> Fraction | None:
    """Any amount, exactly; None where it is none.

    >>> amount_of("500m"), amount_of("1.5Gi"), amount_of("much")
    (Fraction(1, 2), Fraction(1610612736, 1), None)
    """
    found = _AMOUNT.fullmatch(str(amount or ""))
    if found is None:
        return None
    part = found[2] or ""
    number = Fraction(int(found[1] + part), 10 ** len(part))
    if found[3] == "m":
        return number / 1000
    base, unit = (1024, found[3][:1]) if found[3].endswith("i") else (1000, found[3].upper())
    return number * base ** (_LETTERS.index(unit) + 1) if unit else number
