"""Measurements, each a script that prints a result and writes it to `benchmarks/results/` with its command."""
