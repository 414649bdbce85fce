"""Tagging and checking wheels, and reproducing their builds.

The functions raise `ToolError`, and CalledProcessError if a program fails, after printing its
messages.
"""
