"""The release: from wheels and a source distribution to what is published, each step a command.

    python -m tools.release COMMAND

Runs in an environment with pyproject.toml's dependency group ``release``. Its functions raise
`ToolError` where the release must not go on.
"""
