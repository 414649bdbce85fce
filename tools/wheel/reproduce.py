"""``make reproduce``: two builds of one commit, in different places, must give the same bytes.

Each build has its own clone, target directory and cargo home, at paths of different lengths. With
``--against WHEEL`` there is one build, and it must give that wheel. With ``--sdist`` the last build
is not in a clone but in what the commit's source distribution unpacks to.
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
    """Build a commit's wheel in a new directory.

    Args:
        place: the directory, which does not exist.
        commit: what to check out.
        profile: the Cargo profile.
        from_sdist: whether to build its source distribution first, and the wheel of that.

    Returns:
        The wheel.

    Raises:
        CalledProcessError: the build failed; its messages are above.
    """
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
    venv = ".venv/build"
    subprocess.run(["make", f"{venv}/.ready"], cwd=clone, check=True)
    python = clone / venv / "bin" / "python"
    command = [str(python), "-m", "build", "--sdist", "--no-isolation"]
    subprocess.run([*command, "--outdir", str(directory)], cwd=clone, check=True)
    (sdist,) = directory.iterdir()
    subprocess.run(["tar", "-xzf", sdist, "-C", directory], check=True)
    return directory / sdist.name.removesuffix(".tar.gz")


def hashes(wheel: Path) -> dict[str, str]:
    """SHA-256 of a wheel and of each file in it, by name."""
    found = {wheel.name: hashlib.sha256(wheel.read_bytes()).hexdigest()}
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            found[name] = hashlib.sha256(archive.read(name)).hexdigest()
    return found


def main() -> int:
    """Run from the command line.

    Returns:
        0; 1 if anything differs.
    """
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--profile", default="release", help="the Cargo profile")
    parser.add_argument("--commit", default="HEAD", help="what to build")
    parser.add_argument("--against", type=Path, metavar="WHEEL", help="in place of a second build")
    parser.add_argument(
        "--sdist", action="store_true", help="have the last build start from the sdist"
    )
    arguments = parser.parse_args()
    # Before the work, so that a wrong name costs none.
    given = [hashes(arguments.against)] if arguments.against else []
    # Once: HEAD may have moved on by the time of the second build.
    command = ["git", "rev-parse", "--verify", f"{arguments.commit}^{{commit}}"]
    commit = subprocess.check_output(command, cwd=ROOT, text=True).strip()
    print(f"commit {commit}, profile {arguments.profile}", flush=True)
    with tempfile.TemporaryDirectory(prefix="reproduce-") as scratch:
        wheels = [
            build(
                Path(scratch, place),
                commit,
                arguments.profile,
                from_sdist=arguments.sdist and place == PLACES[-1],
            )
            for place in PLACES[len(given) :]
        ]
        first, second = [*given, *map(hashes, wheels)]
    different = sorted(
        name for name in first.keys() | second.keys() if first.get(name) != second.get(name)
    )
    for name in sorted(name for name in first if name.endswith((".a", ".whl"))):
        print(f"{first[name]}  {name}")
    if different:
        print("they differ in:", *different, sep="\n  ", file=sys.stderr)
        return 1
    print("the same bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
