"""A package or a command in an unexpected place: zipped, copied, moved, in a target directory."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import venv
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from temporal_static_libs import __version__
from tests.support.ci.skips import require_program

FIX = re.compile(r"fix: +(.+?)(?:   #.*)?$", re.MULTILINE)
PROG = "temporal-libs-config"


def run(
    *command: str | Path, environ: Mapping[str, str] | None = None, cwd: str | Path = "/"
) -> subprocess.CompletedProcess[str]:
    """Run a command, with any exit status."""
    return subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, **(environ or {})},
        capture_output=True,
        text=True,
        check=False,
    )


def fix_of(text: str) -> str:
    """The command after `fix:` in a message."""
    found = FIX.search(text)
    assert found, text
    return found[1]


@pytest.fixture(scope="module")
def zipped(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A zip archive with the package, without its static libraries."""
    made = tmp_path_factory.mktemp("zip") / "an app.zip"
    with zipfile.ZipFile(wheel) as old, zipfile.ZipFile(made, "w") as new:
        for name in old.namelist():
            if not name.endswith(".a") and "/rust/" not in name:
                new.writestr(name, old.read(name))
    return made


@pytest.mark.parametrize(
    "option",
    *[["--cflags", "--libs", "--prefix", "--target", "--protodir", "--zig", "--doctor", "--json"]],
)
def test_package_in_a_zip_is_refused(zipped: Path, option: str) -> None:
    done = run(
        *(sys.executable, "-m", "temporal_static_libs", option), environ={"PYTHONPATH": str(zipped)}
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "the package is imported from a zip archive" in done.stderr
    assert f"\n  file:   {zipped}/temporal_static_libs\n" in done.stderr


@pytest.mark.parametrize("call", ["include_dir", "lib_dir", "link_flags", "library_set", "verify"])
def test_package_in_a_zip_through_the_api(zipped: Path, call: str) -> None:
    program = (
        f"import sys; sys.path.insert(0, {str(zipped)!r}); import temporal_static_libs as t\n"
        f"try: t.{call}()\nexcept t.MissingLibraryError as error: print(error)"
    )
    done = run(sys.executable, "-c", program)
    assert done.stdout.startswith("the package is imported from a zip archive"), done.stderr


def test_fix_unpacks_the_zip(zipped: Path, tmp_path: Path) -> None:
    environ = {"PYTHONPATH": str(zipped)}
    command = (sys.executable, "-m", "temporal_static_libs")
    assert run(*command, "--version", environ=environ).stdout == f"{__version__}\n"
    fix = fix_of(run(*command, "--cflags", environ=environ).stderr)
    assert run("sh", "-c", fix, cwd=tmp_path).returncode == 0
    done = run(*command, "--includedir", environ={"PYTHONPATH": str(tmp_path / "DIRECTORY")})
    assert done.stdout == f"{tmp_path}/DIRECTORY/temporal_static_libs/include\n"


@pytest.fixture
def environment(wheel: Path, tmp_path: Path) -> Path:
    """A virtual environment with the wheel."""
    environment = tmp_path / "first"
    venv.create(environment, with_pip=True, symlinks=True)
    python = environment / "bin" / "python"
    done = run(python, "-m", "pip", "install", "--no-index", wheel)
    assert done.returncode == 0, done.stderr
    assert run(environment / "bin" / PROG, "--verify").returncode == 0
    return environment


PIP = "-m pip install --force-reinstall --no-cache-dir"


def test_copied_environment(environment: Path, wheel: Path) -> None:
    copy = environment.with_name("copy")
    shutil.copytree(environment, copy, symlinks=True)
    script = copy / "bin" / PROG
    own, other = (
        next(it.glob("lib/python*/site-packages/temporal_static_libs"))
        for it in (copy, environment)
    )
    for option in ("--libdir", "--cflags", "--version", "--doctor"):
        done = run(script, option)
        assert (done.returncode, done.stdout) == (1, "")
        assert "this command belongs to one copy of the package" in done.stderr
        assert f"\n  command: {own}\n  imports: {other}, by " in done.stderr
    assert run("sh", "-c", f"{fix_of(done.stderr)} --libdir").stdout == f"{own}/lib\n"
    found = run(copy / "bin" / "python", "-m", "temporal_static_libs", "--doctor")
    assert f"{script} starts {environment}/bin/python" in found.stdout
    assert "which belongs to another environment; was this environment copied?" in found.stdout
    (line,) = [it for it in found.stdout.splitlines() if it.startswith("broken")]
    assert f"{copy}/bin/python {PIP}" in fix_of(line)
    index = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheel.parent)}
    assert run("sh", "-c", fix_of(line), environ=index).returncode == 0
    assert run(script, "--libdir").stdout == f"{own}/lib\n"


def test_moved_environment(environment: Path, wheel: Path) -> None:
    moved = environment.rename(environment.with_name("moved"))
    script = moved / "bin" / PROG
    found = run(moved / "bin" / "python", "-m", "temporal_static_libs", "--doctor")
    assert found.returncode == 1
    assert f"{script} starts {environment}/bin/python" in found.stdout
    assert "which does not exist; was the environment moved?" in found.stdout
    index = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheel.parent)}
    assert run("sh", "-c", fix_of(found.stdout), environ=index).returncode == 0
    assert run(script, "--doctor").returncode == 0


@pytest.fixture
def target(environment: Path, wheel: Path, tmp_path: Path) -> Path:
    """A ``pip install --target`` directory, made by a Python that also has the package."""
    target = tmp_path / "a target"
    done = run(
        environment / "bin" / "python",
        *("-m", "pip", "install", "--no-index", "--target", target, wheel),
    )
    assert done.returncode == 0, done.stderr
    return target


def test_command_of_a_target_refuses_another_package(target: Path) -> None:
    script = target / "bin" / PROG
    for option in ("--libdir", "--cflags"):
        done = run(script, option)
        assert (done.returncode, done.stdout) == (1, "")
        assert f"\n  command: {target}/temporal_static_libs\n" in done.stderr
    fixed = run("sh", "-c", f"{fix_of(done.stderr)} --libdir")
    assert fixed.stdout == f"{target}/temporal_static_libs/lib\n"


def test_other_copy_on_pythonpath_is_accepted(environment: Path, target: Path) -> None:
    done = run(environment / "bin" / PROG, "--libdir", environ={"PYTHONPATH": str(target)})
    assert done.stdout == f"{target}/temporal_static_libs/lib\n"


def test_link_to_the_command(environment: Path, tmp_path: Path) -> None:
    """Like those that pipx and uv create."""
    link = tmp_path / "bin" / PROG
    link.parent.mkdir()
    link.symlink_to(environment / "bin" / PROG)
    done = run(link, "--prefix")
    assert done.stdout == run(environment / "bin" / PROG, "--prefix").stdout != ""


def test_environment_on_a_noexec_file_system(environment: Path, tmp_path: Path) -> None:
    unshare = require_program("unshare")
    compiler = require_program("cc")
    python = environment / "bin" / "python"
    program = Path(__file__).with_name("program.c")
    steps = f"""
set -e
mount --bind '{environment}' '{environment}'
mount -o remount,bind,noexec '{environment}'
! '{environment}/bin/{PROG}' --version
{compiler} '{program}' $('{python}' -m temporal_static_libs --cflags --ldflags --libs) \
    -o '{tmp_path}/program'
'{tmp_path}/program'
'{python}' -m temporal_static_libs --doctor
"""
    user = [] if os.geteuid() == 0 else ["--map-root-user"]
    done = run(unshare, "--mount", *user, "sh", "-c", steps)
    assert done.returncode == 0, done.stderr
    said = f"{environment}/bin/{PROG} cannot be executed (is its file system mounted noexec?); use "
    assert f"ok      command: {said}{python} -m temporal_static_libs\n" in done.stdout


def test_uvs_relocatable_script_is_ok(delivery_programs: Path, wheel: Path, tmp_path: Path) -> None:
    environ = {"UV_CACHE_DIR": str(tmp_path / "cache"), "UV_NO_CONFIG": "1", "UV_OFFLINE": "1"}
    uv, environment = delivery_programs / "uv", tmp_path / "first"
    made = run(
        uv, "venv", "--relocatable", "--python", sys.executable, environment, environ=environ
    )
    assert made.returncode == 0, made.stderr
    python = environment / "bin" / "python"
    done = run(uv, "pip", "install", "--python", python, wheel, environ=environ)
    assert done.returncode == 0, done.stderr
    moved = environment.rename(tmp_path / "moved")
    done = run(moved / "bin" / PROG, "--doctor")
    assert (done.returncode, f"ok      command: {moved}/bin/{PROG}\n" in done.stdout) == (0, True)


def test_environment_with_a_space_in_its_path(wheel: Path, tmp_path: Path) -> None:
    """Its scripts are started by a shell."""
    environment = tmp_path / "with space"
    venv.create(environment, with_pip=True, symlinks=True)
    done = run(environment / "bin/python", "-m", "pip", "install", "--no-index", wheel)
    assert done.returncode == 0, done.stderr
    assert run(environment / "bin" / PROG, "--doctor").returncode == 0
    moved = environment.rename(tmp_path / "moved")
    found = run(moved / "bin" / "python", "-m", "temporal_static_libs", "--doctor")
    assert f"starts {environment}/bin/python, which does not exist" in found.stdout
