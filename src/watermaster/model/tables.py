"""The table types; rules import them from here, so that Ibis has one door."""

import ibis
from ibis.expr.types import Column, Scalar, Value
from ibis.expr.types.relations import Table

__all__ = ["Column", "Scalar", "Table", "Value", "ibis"]
