"""Installs a wheel from a requirements file with hashes, and runs smoke.py on it.

    python install.py --requirements FILE --tools FILE
                      (--index-url URL | --find-links DIRECTORY) [--tarball FILE] [--shared FILE]

Uses a new environment and removes it at the end. With a tarball, the programs are linked with its
content instead. With the asset of a shared library, also loads that library. Needs only the
standard library and a C compiler.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

SMOKE = Path(__file__).resolve().parent / "smoke.py"
SHARED = SMOKE.with_name("shared.py")


def install(python: Path, arguments: argparse.Namespace) -> None:
    """Install the wheel and the other requirements of the smoke test with the environment's pip.

    Args:
        python: the environment's interpreter.
        arguments: of the command line.

    Raises:
        CalledProcessError: pip failed; its messages are above.
    """
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    if arguments.find_links is None:
        source = ["--index-url", arguments.index_url, "--no-cache-dir"]
    else:
        source = ["--no-index", "--find-links", str(arguments.find_links)]
    wheel = ["--require-hashes", "--only-binary=:all:", "--no-deps"]
    wheel += ["--requirement", str(arguments.requirements)]
    subprocess.run([*pip, *source, *wheel], check=True)
    tools = ["--require-hashes", "--requirement", str(arguments.tools)]
    subprocess.run([*pip, *tools], check=True)


def main() -> int:
    """Run from the command line.

    Returns:
        0; 1 if something failed.
    """
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--requirements", type=Path, required=True, help="with hashes")
    parser.add_argument(
        "--tools", type=Path, required=True, help="requirements of smoke.py with hashes: ziglang"
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--index-url", help="the index to install from")
    source.add_argument("--find-links", type=Path, help="the directory to install from")
    parser.add_argument("--tarball", type=Path, help="tarball to link with instead of the wheel")
    parser.add_argument("--shared", type=Path, help="asset with a shared library to load")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="temporal-install-") as scratch:
        environment = Path(scratch, "venv")
        # Not every user of Windows can create links.
        venv.create(environment, with_pip=True, symlinks=os.name != "nt")
        python = environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
        environ, archives = dict(os.environ), "wheel"
        if arguments.tarball is not None:
            unpacked = Path(scratch, "unpacked")
            shutil.unpack_archive(arguments.tarball, unpacked, filter="data")
            (directory,) = unpacked.iterdir()
            environ["TEMPORAL_LIBS_DIR"], archives = str(directory / "lib"), "override"
        try:
            install(python, arguments)
            command = [str(python), str(SMOKE), "--source", archives]
            subprocess.run(command, env=environ, check=True)
            if arguments.shared is not None:
                subprocess.run([str(python), str(SHARED), str(arguments.shared)], check=True)
        except subprocess.CalledProcessError as error:
            print(f"install.py: exit status {error.returncode} of: {error.cmd}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
