"""The release: from wheels and a source distribution to what is published, each step a command.

    python -m tools.release COMMAND

Runs in an environment with pyproject.toml's dependency group ``release``.
"""


class ReleaseError(Exception):
    """The release must not go on. The message says what is wrong, and what to do."""
