"""Link a wheel's shared library, check it, and describe it for the release.

    python -m tools.shared WHEEL DIRECTORY

Runs in an environment with PyPI's ``lief`` and ``ziglang``. On Linux it also needs ``strip``; on
macOS, Apple's command line tools.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tools import report_errors
from tools.shared.make import make_shared_library


def main() -> int:
    """Run from the command line; return 1 if there is no valid library."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("wheel", type=Path, metavar="WHEEL", help="a repaired wheel")
    parser.add_argument(
        "directory", type=Path, metavar="DIRECTORY", help="directory for the library"
    )
    arguments = parser.parse_args()
    return report_errors(
        "no shared library was created",
        lambda: print(make_shared_library(arguments.wheel, arguments.directory)),
    )


if __name__ == "__main__":
    sys.exit(main())
