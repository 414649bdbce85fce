"""Fixtures for tests of the wheel and of building it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.pip.tiny_package import TinyPackage, make_tiny_package
from tests.support.pip.tiny_tree import TINY_WORKSPACE, plant_tiny_tree


@dataclass(frozen=True)
class Command:
    """A way to run temporal-libs-config.

    Attributes:
        argv: the command before its options.
    """

    argv: tuple[str, ...]

    def run(
        self, *options: str, environ: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        """Run it, with any exit status.

        Args:
            options: its options.
            environ: variables to add to the environment.
        """
        return subprocess.run(
            [*self.argv, *options],
            env={**os.environ, **(environ or {})},
            # In a directory without the package, because `python -m` looks here first.
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )

    def lines(self, *options: str, environ: Mapping[str, str] | None = None) -> list[str]:
        """The lines that a successful call prints."""
        done = self.run(*options, environ=environ)
        assert (done.returncode, done.stderr) == (0, b"")
        return os.fsdecode(done.stdout).splitlines()


SCRIPT = Command((str(Path(sys.executable).with_name("temporal-libs-config")),))
MODULE = Command((sys.executable, "-m", "temporal_static_libs"))


@pytest.fixture(params=[SCRIPT, MODULE], ids=["script", "module"])
def command(request: pytest.FixtureRequest) -> Command:
    """Each way to run temporal-libs-config."""
    chosen: Command = request.param
    return chosen


@pytest.fixture
def script() -> Command:
    """The installed script, for tests of behavior that both ways share."""
    return SCRIPT


@pytest.fixture(scope="session")
def pristine_site(package_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the installed package and its metadata, which tests must not change."""
    site = tmp_path_factory.mktemp("pristine")
    for directory in (package_dir, *package_dir.parent.glob(f"{package_dir.name}-*.dist-info")):
        shutil.copytree(directory, site / directory.name)
    return site


@pytest.fixture
def copy_site(pristine_site: Path) -> Callable[[Path], Path]:
    """A function that copies the installed package to a directory, for a test to change.

    The files are links to the pristine ones, because the archives are large: replace a file instead
    of writing to it.
    """

    def copy(site: Path) -> Path:
        shutil.copytree(pristine_site, site, copy_function=os.link)
        return site / "temporal_static_libs"

    return copy


@dataclass(frozen=True)
class TinyTree:
    """A source tree like this project's, whose Rust is the tiny workspace.

    Attributes:
        root: its directory.
        environ: the environment to build it in.
    """

    root: Path
    environ: Mapping[str, str]

    def pip(
        self, *arguments: str, environ: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run the test environment's pip on the tree, without isolation and without an index."""
        return subprocess.run(
            [
                *(sys.executable, "-m", "pip", *arguments),
                *("--no-build-isolation", "--no-deps", "--no-index", "--disable-pip-version-check"),
            ],
            env={**self.environ, **(environ or {})},
            cwd=self.root,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def wheel(self, directory: Path, environ: Mapping[str, str] | None = None) -> Path:
        """Build the tree's wheel into a new directory."""
        done = self.pip("wheel", "--wheel-dir", str(directory), ".", environ=environ)
        assert done.returncode == 0, done.stdout
        (wheel,) = directory.iterdir()
        return wheel


@pytest.fixture
def tiny_environ(tmp_path: Path) -> dict[str, str]:
    """An environment to compile the tiny workspace, separate from all other compiling.

    It is also separate from other tests, because cargo would reuse results of another copy of the
    workspace in a target directory if they are newer than the sources.
    """
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("CARGO_")},
        "CARGO_TARGET_DIR": str(tmp_path / "target"),
        "TEMPORAL_LIBS_CARGO_PROFILE": "quick",
    }


@pytest.fixture
def tiny_tree(tmp_path: Path, repo_root: Path, tiny_environ: dict[str, str]) -> TinyTree:
    """A source tree that compiles in a second."""
    return TinyTree(plant_tiny_tree(tmp_path / "tree", repo_root), tiny_environ)


@pytest.fixture
def tiny_package(
    tmp_path: Path, copy_site: Callable[[Path], Path], tiny_environ: dict[str, str]
) -> TinyPackage:
    """A copy of the installed package with intact archives and the tiny Rust workspace.

    Cargo's target directory is the one that the package sets.
    """
    del tiny_environ["CARGO_TARGET_DIR"]
    package = copy_site(tmp_path / "site")
    return make_tiny_package(package, TINY_WORKSPACE, tmp_path / "cache", tiny_environ)
