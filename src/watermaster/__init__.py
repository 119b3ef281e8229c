"""Watermaster: measure the river, record who takes what, allot it."""
