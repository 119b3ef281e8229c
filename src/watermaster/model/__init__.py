"""The words all rooms share: records, table shapes, decisions, errors."""
