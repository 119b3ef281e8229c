"""A month of the ledger beside the invoices that were paid for it."""

from dataclasses import dataclass, field
from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    """One invoice as the finance system has it."""

    invoice_id: str
    issuer: str | None
    currency: str
    amount: Decimal  # all of it, tax included
    tax: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Billed:
    """What the ledger holds of one invoice in one currency: BilledCost by kind of charge."""

    invoice_id: str | None
    issuer: str | None
    currency: str
    use: Decimal  # usage and purchases
    tax: Decimal
    credits: Decimal
    adjustments: Decimal
    rows: int

    @property
    def total(self) -> Decimal:
        """All of it."""
        return self.use + self.tax + self.credits + self.adjustments


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One invoice beside the ledger, and why they differ."""

    invoice_id: str | None
    issuer: str | None
    currency: str
    ledger: Decimal | None  # None: no row of it was delivered
    invoice: Decimal | None  # None: no such invoice was given
    use: Decimal
    tax: Decimal
    credits: Decimal
    adjustments: Decimal
    difference: Decimal | None  # invoice - ledger
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """All invoices of a month; `unexplained` sums the differences nothing explains."""

    rule: str
    snapshot: str
    why: str
    month: str
    lines: list[Line] = field(default_factory=list)
    unexplained: dict[str, Decimal] = field(default_factory=dict)  # by currency
