"""Workflows, skips and records as tests run or make them."""
