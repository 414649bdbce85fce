"""The release: from wheels and a source distribution to what is published, each step a command.

    python -m release COMMAND      (from the checkout, with tools/ on the path)

Runs in an environment with pyproject.toml's dependency group ``release``.
"""

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]


class ReleaseError(Exception):
    """The release must not go on. The message says what is wrong, and what to do."""
