"""``make rehearse``: cibuildwheel itself, in Docker, from a clean checkout to a tested wheel.

Does the same as the workflow for linux-x64, with two differences so that it only needs package
registries: the image is made from the distribution's packages, and its Rust is the distribution's,
not the one that tools/wheel/install_rust.sh pins.

The image is kept under a separate tag, because it is the same for each run and takes minutes to
make. Unless --fresh is given, cargo's results are kept in the user's cache directory. The checkout
and the container are always removed.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import platform
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path
from typing import Final

from temporal_static_libs._targets import target_of_triple
from tools import ROOT, ToolError, report_errors
from tools.images.container_settings import container_settings
from tools.images.rehearsal import rehearsal_image, remove_images
from tools.wheel.check import check_wheel

IDENTIFIER: Final = "cp311-manylinux_x86_64"
TRIPLE: Final = "x86_64-unknown-linux-gnu"
LABEL: Final = "temporal-static-libs-rehearsal"
# The directories in the container where pyproject.toml makes cargo put them.
CACHED: Final = (".cargo/registry", ".cache/temporal-static-libs/target")
# The directory of the build's record.
RECORD: Final = ".cache/temporal-static-libs/record"


def rehearse(scratch: Path, image: str, profile: str, record: Path, cache: Path | None) -> Path:
    """Build and test the wheel of the checked-out commit in an image; return it.

    The clone and the wheel are in `scratch`. The build's record is written to the directory
    `record`. cargo's registry and target directory are kept in `cache`, unless it is None.
    """
    clone, output = scratch / "clone", scratch / "wheelhouse"
    subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", ROOT, clone], check=True)
    commit = _git("rev-parse", "HEAD", directory=clone)
    print(f"commit {commit}, profile {profile}, image {image}", flush=True)
    label = f"{LABEL}={uuid.uuid4()}"
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith("CIBW_")},
        "CIBW_CACHE_PATH": str(scratch / "cibuildwheel"),
        "CIBW_MANYLINUX_X86_64_IMAGE": image,
        "CIBW_CONTAINER_ENGINE": _engine(label, record, cache),
        "TEMPORAL_LIBS_CARGO_PROFILE": profile,
        "TEMPORAL_LIBS_RUST_VERSION": "installed",
    }
    command: list[str | Path] = [sys.executable, "-m", "cibuildwheel", "--only", IDENTIFIER]
    try:
        subprocess.run([*command, "--output-dir", output], cwd=clone, env=environ, check=True)
        add: list[str | Path] = [sys.executable, "-m", "tools.wheel.builder"]
        add += [record / "build-record.json", IDENTIFIER]
        subprocess.run(add, cwd=clone, env=environ, check=True)
    finally:
        _remove_containers(label)
    wheels = list(output.iterdir())
    if len(wheels) != 1:
        raise ToolError(f"there are {len(wheels)} files in the wheelhouse, not 1")
    check_wheel(wheels[0], target_of_triple(TRIPLE), profile, commit)
    return wheels[0]


def _engine(label: str, record: Path, cache: Path | None) -> str:
    arguments = [f"--label={label}", "--network=host"]
    arguments.append(f"--volume={record.resolve()}:/root/{RECORD}")
    if cache is not None:
        for name in CACHED:
            source = cache.resolve() / name
            source.mkdir(parents=True, exist_ok=True)
            arguments.append(f"--volume={source}:/root/{name}")
    arguments += container_settings(os.environ, Path.home())
    # Mount nothing of this machine's file system except these.
    return f"docker; create_args: {shlex.join(arguments)}; disable_host_mount: True"


def _remove_containers(label: str) -> None:
    # cibuildwheel removes its container, unless it was killed.
    command = ["docker", "ps", "--all", "--quiet", "--filter", f"label={label}"]
    for container in subprocess.check_output(command, text=True).split():
        remove = ["docker", "rm", "--force", "--volumes", container]
        subprocess.run(remove, stdout=subprocess.DEVNULL, check=True)


def _git(*arguments: str, directory: Path = ROOT) -> str:
    return subprocess.check_output(["git", *arguments], cwd=directory, text=True).strip()


def _run(arguments: argparse.Namespace) -> None:
    if (found := platform.machine()) != "x86_64":
        raise ToolError(f"this machine's processor is {found}: rehearse on x86_64")
    if importlib.util.find_spec("cibuildwheel") is None:
        raise ToolError(
            f"{sys.executable} has no cibuildwheel, which needs Python 3.11 or newer: "
            "rm -r .venv/cibuildwheel && make rehearse PYTHON=python3.11"
        )
    if _git("status", "--porcelain"):
        print("note: uncommitted changes are not included", flush=True)
    image = rehearsal_image()
    started = time.monotonic()
    try:
        with tempfile.TemporaryDirectory(prefix="rehearsal-") as scratch:
            cache = None if arguments.fresh else arguments.cache
            arguments.output.mkdir(parents=True, exist_ok=True)
            (arguments.output / "build-record.json").unlink(missing_ok=True)
            wheel = rehearse(Path(scratch), image, arguments.profile, arguments.output, cache)
            kept = Path(shutil.copy(wheel, arguments.output))
    finally:
        if arguments.remove_image:
            remove_images()
    size, minutes = kept.stat().st_size / 1e6, (time.monotonic() - started) / 60
    print(f"\n{kept}: {size:.2f} MB, built and tested in {minutes:.1f} minutes")


def main() -> int:
    """Run from the command line; return 1 if the rehearsal failed, 130 if it was stopped."""
    user_cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    cache = user_cache / "temporal-static-libs" / "rehearsal"
    output = ROOT / "dist" / "rehearsal"
    parser = argparse.ArgumentParser(
        description=__doc__.partition("\n")[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    option = parser.add_argument
    option("--profile", default="release", help="the Cargo profile")
    option("--fresh", action="store_true", help="compile everything again")
    option("--remove-image", action="store_true", help="do not keep the image for the next run")
    option("--cache", type=Path, default=cache, help="directory for cargo's downloads and results")
    option("--output", type=Path, default=output, help="directory for the wheel")
    arguments = parser.parse_args()
    # As an exception, so that the container and the checkout are removed.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return report_errors("rehearse", lambda: _run(arguments))
    except KeyboardInterrupt:
        print("rehearse: stopped", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
