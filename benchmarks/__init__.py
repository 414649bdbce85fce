"""Benchmarks: the installed wheel beside its alternatives, measured side by side in one run."""
