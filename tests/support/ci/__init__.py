"""Workflow runs, skips and records for tests."""
