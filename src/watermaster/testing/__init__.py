"""Fakes, builders, conformance checks and the simulated company; shipped for connector authors."""
