"""Workflow tasks polled and completed."""
