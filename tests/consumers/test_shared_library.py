"""Programs that load the shared library from `--shared` or from a release's asset."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from temporal_static_libs._manifest import MANIFEST_NAME, parse_manifest
from temporal_static_libs._targets import target_of_triple
from tests.support.docs.commands import commands
from tests.support.peers.breaking_proxy import ends_with_closing_peer
from tests.support.pip.consumer import Consumer
from tools.dev_server import DevServer
from tools.release.contents import ReleaseWheel
from tools.release.shared_library import make_shared_tarball, read_shared_library
from tools.shared.make import make_shared_library

URL = "http://127.0.0.1:7233"


class Library(NamedTuple):
    """A shared library and the file that describes its interface."""

    file: Path
    interface: Path


@pytest.fixture(scope="module")
def asset(wheel: Path, consumer: Consumer, tmp_path_factory: pytest.TempPathFactory) -> Library:
    """An unpacked release asset, made from the wheel in the same way as for a release."""
    scratch = tmp_path_factory.mktemp("asset")
    made = scratch / "shared"
    make_shared_library(wheel, made)
    text = (consumer.package / "lib" / MANIFEST_NAME).read_text(encoding="utf-8")
    manifest = parse_manifest(text)
    of_release = ReleaseWheel(wheel, target_of_triple(manifest.target), manifest)
    make_shared_tarball(read_shared_library(made, of_release), of_release, scratch)
    (checksum,) = scratch.glob("*.sha256")
    subprocess.run(["sha256sum", "--check", checksum.name], cwd=scratch, check=True)
    subprocess.run(["tar", "-xzf", f"{checksum.stem}.tar.gz"], cwd=scratch, check=True)
    directory = scratch / checksum.stem
    assert re.fullmatch(r"temporal-static-libs-linux-x64-shared-v[\d.]+", directory.name)
    found = {path.relative_to(directory).as_posix() for path in directory.rglob("*.*")}
    library = "libtemporalio_sdk_core_c_bridge.so"
    assert {library, "interface.json", "include/temporal-sdk-core-c-bridge.h"} <= found
    assert (directory / "licenses" / "LICENSE").is_file()
    return Library(directory / library, directory / "interface.json")


def run(
    consumer: Consumer, *command: str | Path, url: str, without: Path
) -> subprocess.CompletedProcess[str]:
    """Run a program on a machine without other programs and without the package."""
    return consumer.attempt(*command, url, directory=without, PATH=str(without))


def test_ctypes_program_needs_neither_compiler_nor_package(
    consumer: Consumer,
    dev_server: DevServer,
    server_version: str,
    asset: Library,
    repo_root: Path,
    tmp_path: Path,
) -> None:
    program = repo_root / "examples" / "ctypes" / "server_version.py"
    # The machine's Python, not one of an environment with the package.
    python = Path(consumer.python.resolve())
    command = (python, "-E", "-s", program, *asset)
    done = run(consumer, *command, url=dev_server.url, without=tmp_path)
    assert (done.returncode, done.stdout) == (0, f"server version: {server_version}\n")
    refused = run(consumer, *command, url="http://127.0.0.1:0", without=tmp_path)
    assert refused.returncode == 1
    assert refused.stdout.startswith("Connection failed: ")


def test_ctypes_program_refuses_another_interface(
    consumer: Consumer, asset: Library, repo_root: Path, tmp_path: Path
) -> None:
    other = tmp_path / "interface.json"
    text = asset.interface.read_text(encoding="utf-8")
    other.write_text(re.sub(r'"abi": "\w+"', '"abi": "0"', text, count=1))
    program = repo_root / "examples" / "ctypes" / "server_version.py"
    command = (consumer.python, program, asset.file, other)
    done = run(consumer, *command, url=URL, without=tmp_path)
    assert done.returncode == 1
    assert f"ValueError: {asset.file} has the ABI " in done.stdout


def test_ctypes_program_reports_a_server_that_closes_the_connection(
    asset: Library, consumer: Consumer, repo_root: Path
) -> None:
    program = repo_root / "examples" / "ctypes" / "server_version.py"
    assert ends_with_closing_peer(consumer.python, program, *asset, runs=20) == {1: 20}


def test_guide_ends_with_a_first_call(
    consumer: Consumer,
    dev_server: DevServer,
    server_version: str,
    repo_root: Path,
    tmp_path: Path,
) -> None:
    project = tmp_path / "a project"
    shutil.copytree(repo_root / "examples" / "ctypes", project)
    (script,) = commands(repo_root / "docs" / "shared-library.md", "From pip to a first call")
    assert URL in script
    printed = consumer.shell(script.replace(URL, dev_server.url), project)
    assert printed.splitlines()[-1] == f"server version: {server_version}"


def test_bun_loads_it_without_a_bridge(
    consumer: Consumer,
    dev_server: DevServer,
    server_version: str,
    asset: Library,
    repo_root: Path,
    tmp_path: Path,
) -> None:
    program = repo_root / "examples" / "bun-ffi" / "server_version.ts"
    bun = shutil.which("bun", path=consumer.environ["PATH"])
    assert bun is not None
    done = run(consumer, bun, program, *asset, url=dev_server.url, without=tmp_path)
    assert (done.returncode, done.stdout) == (0, f"server version: {server_version}\n")
    refused = run(consumer, bun, program, *asset, url="http://127.0.0.1:0", without=tmp_path)
    assert refused.returncode == 1
    assert refused.stdout.startswith("Connection failed: ")
