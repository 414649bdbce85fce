"""``make reproduce``: two builds of a commit in different places must have the same bytes.

Each build has a separate clone, target directory and cargo home, at paths of different lengths.
With ``--against WHEEL``, there is one build, which must equal that wheel. With ``--sdist``, the
last build uses the commit's unpacked source distribution instead of a clone.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from tools import ROOT

PLACES = ("one", "another/place/with/a/longer/name")


def build(place: Path, commit: str, profile: str, *, from_sdist: bool) -> Path:
    """Build the wheel of a commit, or of its source distribution, in a new directory."""
    tree = place / "clone"
    tree.parent.mkdir(parents=True)
    subprocess.run(["git", "clone", "--quiet", "--no-checkout", ROOT, tree], check=True)
    subprocess.run(["git", "checkout", "--quiet", commit], cwd=tree, check=True)
    if from_sdist:
        tree = _unpacked_sdist(tree, place / "sdist")
    environ = {
        **os.environ,
        "CARGO_HOME": str(place / "cargo-home"),
        "CARGO_TARGET_DIR": str(place / "target"),
    }
    subprocess.run(["make", "wheel", f"PROFILE={profile}"], cwd=tree, env=environ, check=True)
    (wheel,) = (tree / "dist" / profile).glob("*.whl")
    return wheel


def _unpacked_sdist(clone: Path, directory: Path) -> Path:
    subprocess.run(["make", ".venv/build/.ready"], cwd=clone, check=True)
    command = [".venv/build/bin/python", "-m", "build", "--sdist", "--no-isolation", "--outdir"]
    subprocess.run([*command, directory], cwd=clone, check=True)
    (sdist,) = directory.iterdir()
    subprocess.run(["tar", "-xzf", sdist, "-C", directory], check=True)
    return directory / sdist.name.removesuffix(".tar.gz")


def hashes(wheel: Path) -> dict[str, str]:
    """Return the SHA-256 of a wheel and of each file in it, by name."""
    with zipfile.ZipFile(wheel) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    contents[wheel.name] = wheel.read_bytes()
    return {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}


def main() -> int:
    """Run from the command line; return 1 if anything differs."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    option = parser.add_argument
    option("--profile", default="release", help="the Cargo profile")
    option("--commit", default="HEAD", help="commit to build")
    option(
        "--against",
        type=Path,
        metavar="WHEEL",
        help="compare with this wheel instead of a second build",
    )
    option("--sdist", action="store_true", help="start the last build from the sdist")
    arguments = parser.parse_args()
    # Checked before the work, so that a wrong name wastes no time.
    results = [hashes(arguments.against)] if arguments.against else []
    # Resolved once, because HEAD may have changed by the second build.
    command = ["git", "rev-parse", "--verify", f"{arguments.commit}^{{commit}}"]
    commit = subprocess.check_output(command, cwd=ROOT, text=True).strip()
    print(f"commit {commit}, profile {arguments.profile}", flush=True)
    with tempfile.TemporaryDirectory(prefix="reproduce-") as scratch:
        for name in PLACES[len(results) :]:
            from_sdist = arguments.sdist and name == PLACES[-1]
            place = Path(scratch, name)
            wheel = build(place, commit, arguments.profile, from_sdist=from_sdist)
            results.append(hashes(wheel))
    first, second = results
    for name in sorted(name for name in first if name.endswith((".a", ".whl"))):
        print(f"{first[name]}  {name}")
    if different := sorted({name for name, _ in first.items() ^ second.items()}):
        print("they differ in:", *different, sep="\n  ", file=sys.stderr)
        return 1
    print("the same bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
