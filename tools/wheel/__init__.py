"""Tag and check the wheel that the build makes, and repeat builds of it.

The functions raise `ToolError`, and where a program fails CalledProcessError, with the program's
messages above.
"""
