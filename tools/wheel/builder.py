"""Add to a build's record what cibuildwheel brought along: its version, and the container's image.

    python -m tools.wheel.builder RECORD IDENTIFIER

cibuildwheel refers to images by digest: what it pins is exactly what it pulls. Runs in its
environment, and with its environment variables, after the build.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from importlib.metadata import version
from pathlib import Path

from temporal_static_libs._whole_files import write_whole
from tools import ROOT, report_errors


def image_of(identifier: str) -> str | None:
    """Return the reference of the image that a build runs in; None outside a container."""
    if "linux" not in identifier:
        return None
    # Needs Python 3.11 or newer.
    from cibuildwheel.options import CommandLineArguments, compute_options

    arguments = CommandLineArguments.defaults()
    arguments.package_dir = ROOT
    options = compute_options("linux", arguments, os.environ).build_options(identifier)
    kind, _, architecture = identifier.partition("-")[2].partition("_")
    images = {"manylinux": options.manylinux_images, "musllinux": options.musllinux_images}[kind]
    return None if images is None else str(images[architecture])


def add_builder(record: Path, identifier: str) -> None:
    """Write cibuildwheel's part into a record that the build has left, if it has left one."""
    if not record.exists():
        return
    content = json.loads(record.read_text(encoding="utf-8"))
    content["builder"] = {"cibuildwheel": version("cibuildwheel"), "image": image_of(identifier)}
    write_whole(record, f"{json.dumps(content, indent=2)}\n".encode("ascii"))


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("record", type=Path, metavar="RECORD", help="a build record")
    parser.add_argument("identifier", metavar="IDENTIFIER", help="of the build, for cibuildwheel")
    arguments = parser.parse_args()
    return report_errors("no builder is recorded", lambda: add_builder(**vars(arguments)))


if __name__ == "__main__":
    sys.exit(main())
