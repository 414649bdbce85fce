"""Container images made locally from Debian's packages.

The functions raise `ToolError` if a program for making images is missing, and CalledProcessError if
a program fails, after printing its messages.
"""
