"""Compare the C interface with the one in Temporal's Python package.

    python -m tools.interface upstream [VERSION] [--header FILE]

Runs in an environment with pyproject.toml's dependency group ``upstream``; needs a C compiler.
Exits with 0 if a program compiled against Temporal's header works with these libraries, with 1 if
it can break, and with 2 if the two could not be compared. See CONTRIBUTING.md.
"""

from __future__ import annotations

import argparse
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from tools import ROOT
from tools.interface.errors import CannotCompareError

_HEADER = ROOT / "temporal_static_libs/include/temporal-sdk-core-c-bridge.h"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line, this process's if None; return 0, 1 or 2, as above."""
    parser = argparse.ArgumentParser(prog="interface", description=__doc__.partition("\n")[0])
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("upstream", help="compare with Temporal's Python package")
    command.add_argument("version", nargs="?", metavar="VERSION", help="default: the newest")
    command.add_argument("--header", type=Path, default=_HEADER, help="header to compare")
    arguments = parser.parse_args(argv)
    try:
        # Imported here, so that a missing package does not end with Python's status 1.
        from tools.interface.upstream import compare

        comparison = compare(arguments.header, arguments.version)
    except CannotCompareError as error:
        print(f"could not compare: {error}", file=sys.stderr)
    except ImportError as error:
        print(f"could not compare: {error}\n  fix: run `make upstream`", file=sys.stderr)
    except Exception:
        traceback.print_exc()
        print("could not compare: this is a bug in tools/interface", file=sys.stderr)
    else:
        print(comparison)
        return 1 if comparison.breaks else 0
    return 2


if __name__ == "__main__":
    sys.exit(main())
