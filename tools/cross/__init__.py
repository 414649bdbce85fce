"""Wheels for platforms other than this machine's.

The functions raise `ToolError` if a wheel cannot be made or does not work.
"""
