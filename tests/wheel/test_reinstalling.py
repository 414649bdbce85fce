"""The command after `fix:` is for the installer in use, and restores the archives."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import venv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from temporal_static_libs import __version__
from temporal_static_libs._origin import reinstall_anywhere
from tests.support.pip.managed_python import make_managed_python

ARCHIVE = "libtemporal_client.a"
FIX = re.compile(r"^  fix:    (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Installed:
    """The wheel, installed by a program in the usual way.

    Attributes:
        python: the interpreter.
        site: the directory that contains the package.
        environ: the environment for it, whose package index is a directory.
    """

    python: Path
    site: Path
    environ: dict[str, str]

    @property
    def archive(self) -> Path:
        """One of its archives."""
        return self.site / "temporal_static_libs" / "lib" / ARCHIVE

    def run(self, command: Sequence[str | Path] | str) -> subprocess.CompletedProcess[str]:
        """Run a command or a shell line, with any exit status."""
        return subprocess.run(
            command,
            shell=isinstance(command, str),
            cwd="/",
            env=self.environ,
            capture_output=True,
            text=True,
            check=False,
        )

    def config(self, *options: str) -> subprocess.CompletedProcess[str]:
        """Run temporal-libs-config."""
        return self.run([self.python, "-m", "temporal_static_libs", *options])

    def fix(self) -> str:
        """The command after `fix:` in its message about the archive."""
        done = self.config("--verify")
        assert done.returncode == 1, done
        found = FIX.search(done.stderr)
        assert found, done.stderr
        return found[1]


Install = Callable[[str], Installed]


@pytest.fixture
def install(
    request: pytest.FixtureRequest, published_wheel: Path, delivery_programs: Path, tmp_path: Path
) -> Install:
    """A function that installs the wheel with ``pip`` or ``uv``, and an option or link mode.

    ``--break-system-packages`` installs into an externally managed Python.
    """
    environment = tmp_path / "environment"
    python = environment / "bin" / "python"
    variables = {
        name: it for name, it in os.environ.items() if not name.startswith(("PIP_", "UV_"))
    }
    environ = {
        **variables,
        "PATH": f"{delivery_programs}{os.pathsep}{variables['PATH']}",
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(published_wheel.parent),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "UV_OFFLINE": "1",
        "UV_FIND_LINKS": str(published_wheel.parent),
        "UV_CACHE_DIR": str(tmp_path / "uv"),
        "UV_NO_CONFIG": "1",
    }

    def install(how: str) -> Installed:
        program, _, mode = how.partition(" ")
        is_managed = mode == "--break-system-packages"
        if is_managed:
            make_managed_python(environment)
        else:
            venv.create(environment, with_pip=program == "pip", symlinks=True)
        site = next(environment.glob("lib/python*/site-packages"))
        if mode == "--target":
            site = tmp_path / "a target"
            environ["PYTHONPATH"] = str(site)
        elif program == "uv" and not is_managed:
            environ["UV_LINK_MODE"] = mode
        programs: dict[str, list[str | Path]] = {
            "pip": [python, "-m", "pip", "install"],
            "uv": [delivery_programs / "uv", "pip", "install", "--python", python],
        }
        options: list[str | Path] = [mode, site] if mode == "--target" else []
        options += [mode] if is_managed else []
        done = subprocess.run(
            [*programs[program], *options, f"temporal-static-libs=={__version__}"],
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return Installed(python, site, environ)

    return install


@pytest.mark.parametrize(
    ("how", "command"),
    [
        ("pip", "{python} -m pip install --force-reinstall --no-cache-dir {package}"),
        (
            "pip --target",
            "{python} -m pip install --force-reinstall --no-cache-dir --upgrade "
            "--target '{site}' {package}",
        ),
        (
            "pip --break-system-packages",
            "{python} -m pip install --force-reinstall --no-cache-dir --break-system-packages "
            "{package}",
        ),
        ("uv copy", "{uv} --python {python} {package}"),
        ("uv hardlink", "{uv} --python {python} {package}"),
        ("uv symlink", "{uv} --python {python} {package}"),
        ("uv --target", "{uv} --python {python} --target '{site}' {package}"),
        (
            "uv --break-system-packages",
            "{uv} --python {python} --break-system-packages {package}",
        ),
    ],
)
def test_fix_is_for_the_installer_and_works(install: Install, how: str, command: str) -> None:
    installed = install(how)
    with installed.archive.open("r+b") as archive:  # also in uv's cache if it is the same file
        archive.seek(1000)
        archive.write(b"somebody's")
    fix = installed.fix()
    assert fix == command.format(
        python=installed.python,
        site=installed.site,
        uv="uv pip install --reinstall --no-cache --link-mode copy",
        package=f"temporal-static-libs=={__version__}",
    )
    done = installed.run(fix)
    assert done.returncode == 0, done.stderr
    assert installed.config("--verify").returncode == 0


def test_archives_deleted_with_uvs_cache(install: Install) -> None:
    installed = install("uv symlink")
    target = installed.archive.readlink()
    target.unlink()
    done = installed.config("--verify")
    assert done.stderr.startswith(
        f"temporal-libs-config: error: {ARCHIVE} is a symbolic link to {target}, which does not "
    )
    assert installed.run(installed.fix()).returncode == 0
    assert installed.config("--verify").returncode == 0


def test_package_deleted_with_uvs_cache(install: Install, repo_root: Path) -> None:
    installed = install("uv symlink")
    assert installed.run("uv cache clean").returncode == 0
    script = installed.python.with_name("temporal-libs-config")
    page = (repo_root / "docs" / "troubleshooting.md").read_text()
    said = installed.run([script, "--verify"]).stderr.splitlines()[-1]
    assert said in page.splitlines()
    (command,) = re.findall(
        "uv pip install --reinstall --link-mode copy temporal-static-libs", page
    )
    assert installed.run(f"{command} --python {installed.python}").returncode == 0
    assert installed.run([script, "--verify"]).returncode == 0


@pytest.mark.parametrize("installer", ["", "Poetry 1.8.3\n", "conda", "\x1b]0;x\n", "\xff" * 60])
def test_fix_for_another_installer_is_a_sentence(
    copy_site: Callable[[Path], Path], tmp_path: Path, installer: str
) -> None:
    package = copy_site(tmp_path / "site")
    (file,) = package.parent.glob("*.dist-info/INSTALLER")
    file.unlink()
    file.write_bytes(installer.encode("latin-1"))
    (package / "lib" / ARCHIVE).unlink()
    environ = {**os.environ, "PYTHONPATH": str(package.parent)}
    fix = Installed(Path(sys.executable), package.parent, environ).fix()
    name = installer.strip() if installer[:1].isalpha() else "the program that installed it"
    name = "the program that installed it" if len(installer) > 50 else name
    requirement = f"temporal-static-libs=={__version__}"
    assert fix == f"reinstall {requirement} with {name}, into {package.parent}"


def test_archive_is_fixed_without_any_metadata(
    copy_site: Callable[[Path], Path], tmp_path: Path
) -> None:
    package = copy_site(tmp_path / "site")
    (directory,) = package.parent.glob("*.dist-info")
    directory.rename(tmp_path / "elsewhere")
    (package / "lib" / ARCHIVE).unlink()
    environ = {**os.environ, "PYTHONPATH": str(package.parent)}
    fix = Installed(Path(sys.executable), package.parent, environ).fix()
    assert fix.startswith("reinstall ")
    assert "with the program that installed it, into " in fix


def test_metadata_is_only_read_for_messages(package_dir: Path) -> None:
    program = (
        "import sys; import temporal_static_libs as t; t.verify(); t.link_flags()\n"
        "assert 'importlib.metadata' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], cwd="/", check=True)


def test_build_system_files_have_the_fix_of_each_installer(package_dir: Path) -> None:
    fix = reinstall_anywhere("1.2.3")
    assert (
        "python -m pip install --force-reinstall --no-cache-dir temporal-static-libs==1.2.3" in fix
    )
    assert "uv pip install --reinstall --no-cache" in fix


def test_commands_are_spelled_in_one_place(repo_root: Path) -> None:
    package = repo_root / "temporal_static_libs"
    files = [*package.rglob("*.py"), *package.rglob("*.zig")]
    spelling = [file.name for file in files if "reinstall --no-cache" in file.read_text("utf-8")]
    assert spelling == ["_origin.py"]
