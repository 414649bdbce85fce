"""Benchmarks: the installed wheel and its alternatives, measured side by side in one run."""
