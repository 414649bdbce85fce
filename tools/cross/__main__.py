"""Make and test the wheels of other platforms, and print a table of the results.

    python -m tools.cross [PLATFORM ...]

Without a name, all except the machine's, which `make wheel` makes and `make test` tests.

Runs in an environment with pyproject.toml's dependency group ``cross``.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from temporal_static_libs._targets import TARGETS, Target
from tools import ROOT, ToolError
from tools.cross.build import build_wheel, host_triple
from tools.cross.trial import Trial
from tools.dev_server import running_dev_server


def main() -> int:
    """Run from the command line; return 1 if a wheel could not be made or does not work."""
    targets = {target.platform: target for target in TARGETS}
    parser = argparse.ArgumentParser(prog="make cross", description=__doc__.partition("\n")[0])
    parser.add_argument("platforms", nargs="*", metavar="PLATFORM", help=f"{', '.join(targets)}")
    parser.add_argument("--build-only", action="store_true", help="do not test the wheels")
    parser.add_argument(
        "--dist", type=Path, default=ROOT / "dist" / "cross", help="directory for the wheels"
    )
    arguments = parser.parse_args()
    if unknown := set(arguments.platforms) - set(targets):
        parser.error(f"there is no platform {', '.join(sorted(unknown))}")
    others = [name for name, target in targets.items() if target.triple != host_triple()]
    chosen = [targets[name] for name in arguments.platforms or others]

    rows, failures = [], []
    with ExitStack() as stack:
        server = None if arguments.build_only else stack.enter_context(running_dev_server()).url
        for target in chosen:
            print(f"\n==> cross: {target.platform}", flush=True)
            scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="cross-"))
            dist = arguments.dist.resolve() / target.platform
            try:
                rows.append(_row(target, dist, scratch, server))
            except ToolError as error:
                print(f"{target.platform}: {error}", file=sys.stderr, flush=True)
                failures.append(target.platform)
    print("\n| platform | wheel | MB | claim proven | tested |\n|---|---|---|---|---|")
    print(*rows, sep="\n")
    if failures:
        print(f"failed: {', '.join(failures)}", file=sys.stderr)
        return 1
    return 0


def _row(target: Target, dist: Path, scratch: str, server: str | None) -> str:
    wheel, proof = build_wheel(target, dist)
    tried = ["no"] if server is None else Trial(target, wheel, Path(scratch), server).run()
    size, tag = wheel.stat().st_size / 1e6, wheel.stem.split("-")[-1]
    return f"| {target.platform} | {tag} | {size:.2f} | {proof} | {'; '.join(tried)} |"


if __name__ == "__main__":
    sys.exit(main())
