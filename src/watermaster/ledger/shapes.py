"""Our shapes as Iceberg schemas; partitions are the slices."""

from typing import Final

from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.transforms import IdentityTransform
from pyiceberg.types import (
    DecimalType,
    DoubleType,
    IcebergType,
    LongType,
    NestedField,
    StringType,
    TimestamptzType,
)

from watermaster.model.shapes import TIME, Shape

_SIMPLE: Final[dict[str, IcebergType]] = {
    "string": StringType(),
    "int64": LongType(),
    "float64": DoubleType(),
    TIME: TimestamptzType(),
}


def iceberg_type(text: str) -> IcebergType:
    """The Iceberg type of a column type as model/shapes.py writes it."""
    if text.startswith("decimal("):
        precision, scale = text.removeprefix("decimal(").rstrip(")").split(",")
        return DecimalType(int(precision), int(scale))
    return _SIMPLE[text]


def iceberg_schema(shape: Shape) -> Schema:
    """All columns optional: what is unknown is null."""
    fields = (
        NestedField(number, column.name, iceberg_type(column.type), required=False)
        for number, column in enumerate(shape.columns, start=1)
    )
    return Schema(*fields)


def iceberg_partitions(shape: Shape, schema: Schema) -> PartitionSpec:
    """One identity partition per slice column."""
    fields = (
        PartitionField(schema.find_field(name).field_id, 1000 + number, IdentityTransform(), name)
        for number, name in enumerate(shape.slice_by)
    )
    return PartitionSpec(*fields)
