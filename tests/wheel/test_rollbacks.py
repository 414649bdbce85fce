"""docs/migration.md: running the commands of each rollback."""

from __future__ import annotations

import json
import re
import subprocess
import venv
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from benchmarks.harness.package_index import PROJECT, PackageServer, user_of
from temporal_static_libs import __version__
from tests.support.docs.commands import commands, run
from tests.support.pip.tiny_package import TinyPackage

if TYPE_CHECKING:
    from tests.wheel.conftest import TinyTree

PAGE = Path(__file__).parents[2] / "docs" / "migration.md"
NEWER = f"{__version__}.post1"


def documented(heading: str) -> str:
    """The commands under a heading."""
    (script,) = commands(PAGE, heading)
    return script


@dataclass(frozen=True)
class Environment:
    """An environment of a user who has only an index.

    Attributes:
        python: its interpreter.
        environ: its variables.
        scratch: where commands run.
    """

    python: Path
    environ: Mapping[str, str]
    scratch: Path

    def run(self, script: str) -> str:
        """Run commands, and return what they print."""
        return run(script, self.scratch, self.environ, python=self.python)

    def config(self, *options: str) -> subprocess.CompletedProcess[str]:
        """Run its temporal-libs-config, with any exit status."""
        return subprocess.run(
            [self.python.with_name("temporal-libs-config"), *options],
            env=self.environ,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture(scope="module")
def user_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment with pip, which takes some seconds to create."""
    directory = tmp_path_factory.mktemp("user") / "environment"
    venv.create(directory, symlinks=True, with_pip=True)
    return directory / "bin" / "python"


@pytest.fixture
def environment(user_python: Path, index: str, tmp_path: Path) -> Environment:
    """An environment without the package, which is in the index."""
    made = Environment(user_python, user_of(index), tmp_path / "scratch")
    made.run(f"python -m pip uninstall --quiet --yes {PROJECT}")
    return made


@pytest.fixture
def index_of_two(tmp_path: Path, tiny_tree: TinyTree, package_server: PackageServer) -> str:
    """An index with this version and a repackaging of it."""
    wheels = [tiny_tree.wheel(tmp_path / "first")]
    for file, line in (
        ("pyproject.toml", 'version = "{}"'),
        ("temporal_static_libs/_about.py", '__version__ = "{}"'),
    ):
        path = tiny_tree.root / file
        text = path.read_text()
        assert text.count(line.format(__version__)) == 1
        path.write_text(text.replace(line.format(__version__), line.format(NEWER)))
    wheels.append(tiny_tree.wheel(tmp_path / "second"))
    return package_server.add_index("two", wheels)


def test_phase_1_installs_the_package_alongside_the_existing_setup(
    environment: Environment,
) -> None:
    printed = environment.run(documented("Phase 1: Infrastructure")).splitlines()
    assert __version__ in printed
    assert printed[-1] == "ok: libtemporal_sdk_core.a libtemporal_client.a"


def test_rollback_to_cargo(tiny_package: TinyPackage, tmp_path: Path) -> None:
    script = documented("Rollback: compile with cargo") + "python -m temporal_static_libs --json\n"
    printed = run(script, tmp_path / "scratch", tiny_package.environ)
    assert str(tiny_package.compiled) in printed.splitlines()
    assert '"source": "compiled"' in printed
    # Removing the setting returns to the wheel.
    answer = tiny_package.answer("--json", USE_PREBUILT_LIBS="")
    assert json.loads("\n".join(answer))["source"] == "wheel"


def test_rollback_to_other_archives(environment: Environment) -> None:
    environment.run(f"python -m pip install {PROJECT}")
    script = documented("Rollback: other archives")
    printed = environment.run(f"{script}temporal-libs-config --json --libs\n")
    directory = environment.scratch / "unpacked" / "temporal_static_libs" / "lib"
    assert str(directory) in printed.splitlines()
    assert '"source": "override"' in printed
    assert f"{directory}/libtemporal_sdk_core.a -l" in printed


def test_altered_other_archives_stop_the_build(environment: Environment) -> None:
    environment.run(f"python -m pip install {PROJECT}")
    script = documented("Rollback: other archives")
    environment.run(script)
    archive = environment.scratch / "unpacked/temporal_static_libs/lib/libtemporal_sdk_core.a"
    with open(archive, "ab") as file:
        file.write(b"x")
    override = {**environment.environ, "TEMPORAL_LIBS_DIR": str(archive.parent)}
    done = replace(environment, environ=override).config("--libs")
    assert (done.returncode, done.stdout) == (1, "")
    assert str(archive) in done.stderr


def test_rollback_to_the_previous_version(environment: Environment, index_of_two: str) -> None:
    environment = replace(environment, environ=user_of(index_of_two))
    environment.run(f"python -m pip install {PROJECT}")
    assert environment.config("--version").stdout.strip() == NEWER
    environment.run(documented("Rollback: the previous version"))
    assert environment.config("--version").stdout.strip() == __version__
    assert environment.config("--verify").returncode == 0


@pytest.mark.parametrize("damage", ["missing", "altered"])
def test_rollback_to_an_intact_installation(environment: Environment, damage: str) -> None:
    environment.run(f"python -m pip install {PROJECT}")
    (libdir,) = environment.config("--libdir").stdout.splitlines()
    archive = Path(libdir, "libtemporal_client.a")
    if damage == "missing":
        archive.unlink()
    else:
        archive.write_bytes(b"!<arch>\n")
    done = environment.config("--verify")
    assert (done.returncode, done.stdout) == (1, "")
    assert str(archive) in done.stderr
    # pip alone does nothing.
    assert "already satisfied" in environment.run(f"python -m pip install {PROJECT}")
    assert environment.config("--verify").returncode == 1
    environment.run(documented("Rollback: reinstall"))
    assert environment.config("--verify").returncode == 0


def test_versions_on_the_page_are_current() -> None:
    named = re.findall(rf"{PROJECT}==(\S+)", PAGE.read_text())
    assert set(named) == {__version__}
