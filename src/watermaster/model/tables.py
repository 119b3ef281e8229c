"""The table types; rules import them from here, so that Ibis has one door."""

import ibis
from ibis.expr.types import Column, Scalar, Value
from ibis.expr.types.relations import Table

YES = ibis.literal(1, type="int8") == 1
NO = ibis.literal(0, type="int8") == 1

__all__ = ["NO", "YES", "Column", "Scalar", "Table", "Value", "ibis"]
