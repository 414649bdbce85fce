"""Container images that are made here, of Debian's packages.

The functions raise `ToolError` where something is missing that images are made with; where a
program fails, whose messages are above, CalledProcessError.
"""
