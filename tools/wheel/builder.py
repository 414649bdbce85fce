"""Add cibuildwheel's version and the container's image to a build's record.

    python -m tools.wheel.builder RECORD IDENTIFIER

cibuildwheel pins images by digest, so the pinned image is the one it pulled. Runs after the build,
in cibuildwheel's environment and with its environment variables.
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
    """Return the reference of a build's image; None outside a container."""
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
    """Write cibuildwheel's part to the build's record, if the build has written one."""
    if not record.exists():
        return
    content = json.loads(record.read_text(encoding="utf-8"))
    content["builder"] = {"cibuildwheel": version("cibuildwheel"), "image": image_of(identifier)}
    write_whole(record, f"{json.dumps(content, indent=2)}\n".encode("ascii"))


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("record", type=Path, metavar="RECORD", help="a build record")
    parser.add_argument(
        "identifier", metavar="IDENTIFIER", help="cibuildwheel's identifier of the build"
    )
    arguments = parser.parse_args()
    return report_errors("no builder is recorded", lambda: add_builder(**vars(arguments)))


if __name__ == "__main__":
    sys.exit(main())
