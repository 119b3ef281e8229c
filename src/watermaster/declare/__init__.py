"""YAML in, checked resources out; every error has file:line:column."""
