"""Make the SBOM and the licence file of what is compiled into the archives.

usage: python -m tools.licenses --cargo-about PATH --cargo-cyclonedx PATH

Writes ``rust/archives.cdx.json`` and ``rust/THIRD-PARTY-LICENSES.txt``, one pair for all platforms,
with the hash of the Cargo.lock that they were made from. What licences there may be is in
``rust/about.toml``.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys

from temporal_static_libs._targets import TARGETS
from tools import ROOT
from tools.licenses.crate_texts import licences_of, render, run_cargo_about
from tools.licenses.linked_crates import platforms_of_crates
from tools.licenses.sbom import describe_archives, run_cargo_cyclonedx

WORKSPACE = ROOT / "rust"
SBOM = WORKSPACE / "archives.cdx.json"
LICENCES = WORKSPACE / "THIRD-PARTY-LICENSES.txt"
STANDARD_LIBRARY = ROOT / "tools" / "licenses" / "rust_standard_library.txt"

OWN = "temporal-static-libs-"
"""What this project's own crates begin with; their licence is the project's."""

STANDARD_LIBRARY_COMPONENT = {
    "type": "library",
    "bom-ref": "rust-standard-library",
    "name": "rust-standard-library",
    "description": "std and the crates inside it, as they come with the compiler that the "
    "package's manifest.json names under rustc",
    "scope": "required",
    "licenses": [
        {
            "expression": "(MIT OR Apache-2.0) AND MIT AND Apache-2.0 WITH LLVM-exception "
            "AND Unicode-3.0"
        }
    ],
    "externalReferences": [{"type": "vcs", "url": "https://github.com/rust-lang/rust"}],
}


def make(cargo_about: str, cargo_cyclonedx: str) -> int:
    """Write both files.

    Args:
        cargo_about: path of the pinned cargo-about.
        cargo_cyclonedx: path of the pinned cargo-cyclonedx.

    Returns:
        The number of crates that are not this project's own.

    Raises:
        ValueError: a crate's licence is not clear.
        subprocess.CalledProcessError: a tool failed; what it says of it is on stderr.
    """
    # Of all targets; from here on nothing needs a network.
    subprocess.run(["cargo", "fetch", "--locked"], cwd=WORKSPACE, check=True)
    lock_sha256 = hashlib.sha256((WORKSPACE / "Cargo.lock").read_bytes()).hexdigest()
    platforms = platforms_of_crates(
        WORKSPACE, [(target.platform, target.triple) for target in TARGETS]
    )
    answer = run_cargo_about(cargo_about, WORKSPACE, [target.triple for target in TARGETS])
    sbom = describe_archives(
        run_cargo_cyclonedx(cargo_cyclonedx, WORKSPACE),
        platforms,
        licences_of(answer, platforms).expressions,
        STANDARD_LIBRARY_COMPONENT,
        lock_sha256,
    )
    third_party = [crate for crate in platforms if not crate.name.startswith(OWN)]
    licences = render(
        licences_of(answer, third_party),
        platforms,
        STANDARD_LIBRARY.read_text(encoding="utf-8"),
        lock_sha256,
    )
    SBOM.write_text(f"{json.dumps(sbom, indent=2, ensure_ascii=False)}\n", encoding="utf-8")
    LICENCES.write_text(licences, encoding="utf-8")
    return len(third_party)


def main() -> int:
    """Run the command line; 0 when both files are written, 1 with a message when neither is."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cargo-about", required=True, help="the pinned cargo-about")
    parser.add_argument("--cargo-cyclonedx", required=True, help="the pinned cargo-cyclonedx")
    arguments = parser.parse_args()
    try:
        count = make(arguments.cargo_about, arguments.cargo_cyclonedx)
    except (ValueError, subprocess.CalledProcessError) as error:
        print(f"licenses: {error}", file=sys.stderr)
        return 1
    print(f"licenses: {count} crates in {SBOM.name} and {LICENCES.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
