"""Make the SBOM and the license file of everything compiled into the archives.

usage: python -m tools.licenses --cargo-about PATH --cargo-cyclonedx PATH

Writes both ``rust/archives.cdx.json`` and ``rust/THIRD-PARTY-LICENSES.txt``, for all platforms and
with the hash of the Cargo.lock that they were made from, or neither. ``rust/about.toml`` lists the
allowed licenses.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

from temporal_static_libs._checksums import sha256_of
from temporal_static_libs._targets import TARGETS
from tools import ROOT, report_errors
from tools.licenses.crate_texts import licenses_of, render, run_cargo_about
from tools.licenses.linked_crates import platforms_of_crates
from tools.licenses.sbom import describe_archives, run_cargo_cyclonedx

WORKSPACE = ROOT / "rust"
SBOM = WORKSPACE / "archives.cdx.json"
LICENSES = WORKSPACE / "THIRD-PARTY-LICENSES.txt"
#: A section of the file, and a component of the SBOM.
STANDARD_LIBRARY = Path(__file__).with_name("rust_standard_library.txt")

OWN = "temporal-static-libs-"
"""Prefix of this project's crates, whose license is the project's."""


def make(cargo_about: str, cargo_cyclonedx: str) -> None:
    """Write both files with the pinned programs at these paths."""
    # For all targets; from here on, nothing needs a network.
    subprocess.run(["cargo", "fetch", "--locked"], cwd=WORKSPACE, check=True)
    lock_sha256 = sha256_of(WORKSPACE / "Cargo.lock")
    platforms = platforms_of_crates(
        WORKSPACE, [(target.platform, target.triple) for target in TARGETS]
    )
    answer = run_cargo_about(cargo_about, WORKSPACE, [target.triple for target in TARGETS])
    sbom = describe_archives(
        run_cargo_cyclonedx(cargo_cyclonedx, WORKSPACE),
        platforms,
        licenses_of(answer, platforms).expressions,
        json.loads(STANDARD_LIBRARY.with_suffix(".json").read_text(encoding="utf-8")),
        lock_sha256,
    )
    third_party = [crate for crate in platforms if not crate.name.startswith(OWN)]
    licenses = render(
        licenses_of(answer, third_party),
        platforms,
        STANDARD_LIBRARY.read_text(encoding="utf-8"),
        lock_sha256,
    )
    SBOM.write_text(f"{json.dumps(sbom, indent=2, ensure_ascii=False)}\n", encoding="utf-8")
    LICENSES.write_text(licenses, encoding="utf-8")
    print(f"licenses: {len(third_party)} crates in {SBOM.name} and {LICENSES.name}")


def main() -> int:
    """Run the command line; return 1 if neither file is written."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cargo-about", required=True, help="the pinned cargo-about")
    parser.add_argument("--cargo-cyclonedx", required=True, help="the pinned cargo-cyclonedx")
    arguments = parser.parse_args()
    return report_errors("licenses", lambda: make(arguments.cargo_about, arguments.cargo_cyclonedx))


if __name__ == "__main__":
    sys.exit(main())
