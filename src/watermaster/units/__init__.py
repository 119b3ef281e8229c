"""Money, bytes, GPU-seconds and periods: parse, add, print."""
