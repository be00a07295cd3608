"""Benchmarks: ratios to something measured beside them, never times alone. `make bench`."""
