"""The release, from wheels and a source distribution to publishing. Each step is a command.

    python -m tools.release COMMAND

Runs in an environment with pyproject.toml's dependency group ``release``. Its functions raise
`ToolError` if the release must not continue.
"""
