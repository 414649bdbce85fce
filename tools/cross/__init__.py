"""Wheels of platforms that this machine is not of.

The functions raise `ToolError` if a wheel cannot be made, or does not work.
"""
