"""The pkg-config modules with different implementations."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import temporal_static_libs
from temporal_static_libs._components import COMPONENTS
from tests.support.docs.commands import commands
from tests.support.pip.consumer import Consumer
from tools.dev_server import DevServer

MODULES = {f"temporal-{component.name}": component.name for component in COMPONENTS}


def pkg_config(consumer: Consumer, directory: Path, *arguments: str) -> list[str]:
    """The output of pkgconf for modules in a directory, split as by a shell's ``eval``."""
    done = consumer.attempt(
        "pkg-config", *arguments, directory=Path("/"), PKG_CONFIG_PATH=str(directory)
    )
    assert done.returncode == 0, done.stdout
    return shlex.split(done.stdout)


def real(flags: list[str]) -> list[str]:
    """Flags with resolved directories."""
    return [
        flag[:2] + os.path.realpath(flag[2:]) if flag[:2] in ("-I", "-L") else flag
        for flag in flags
    ]


@pytest.fixture
def answered(consumer: Consumer) -> Path:
    """The directory that --pkgconfigdir prints."""
    (line,) = consumer.config("--pkgconfigdir")
    return Path(line)


@pytest.mark.parametrize("module", MODULES)
def test_flags_match_those_of_temporal_libs_config(
    consumer: Consumer, answered: Path, module: str
) -> None:
    """Except the archive: Zig would ignore its path, and CMake would put it before the objects."""
    options = ("--cflags", "--libs", "--libdir", "--component", MODULES[module])
    cflags, libs, libdir = consumer.config(*options)
    archive, *system = shlex.split(libs)
    name = Path(archive).stem.removeprefix("lib")
    expected = [*shlex.split(cflags), f"-L{libdir}", f"-l{name}", *system]
    for directory in (answered, consumer.package / "lib" / "pkgconfig"):
        assert real(pkg_config(consumer, directory, "--cflags", "--libs", module)) == expected


@pytest.mark.parametrize("module", MODULES)
def test_version_and_option_for_the_linker(consumer: Consumer, answered: Path, module: str) -> None:
    version, flag = (
        *pkg_config(consumer, answered, "--modversion", module),
        *pkg_config(consumer, answered, "--variable=gc_flag", module),
    )
    assert version == temporal_static_libs.__version__
    assert consumer.config("--ldflags") == [flag]
    assert pkg_config(consumer, answered, "--validate", module) == []


@pytest.mark.parametrize("module", MODULES)
def test_variable_names_the_protobuf_files(consumer: Consumer, answered: Path, module: str) -> None:
    for directory in (answered, consumer.package / "lib" / "pkgconfig"):
        (path,) = pkg_config(consumer, directory, "--variable=protodir", module)
        assert (Path(path) / "temporal/sdk/core/core_interface.proto").is_file()
        assert [os.path.realpath(path)] == consumer.config("--protodir")


@pytest.mark.parametrize("module", MODULES)
def test_static_adds_nothing(consumer: Consumer, answered: Path, module: str) -> None:
    plain = pkg_config(consumer, answered, "--libs", module)
    assert pkg_config(consumer, answered, "--libs", "--static", module) == plain


def test_sysroot_with_the_package_in_it(
    consumer: Consumer, repo_root: Path, tmp_path: Path
) -> None:
    (script,) = commands(repo_root / "docs" / "pkg-config.md", "Sysroots")
    shutil.copyfile(repo_root / "tests" / "wheel" / "program.c", tmp_path / "bridge.c")
    sysroot = tmp_path / "sysroot"
    show = "pkg-config --cflags --libs-only-L temporal-sdk-core"
    printed = consumer.shell(f"export PKG_CONFIG_SYSROOT_DIR={sysroot}\n{script}{show}", tmp_path)
    package = sysroot / "opt" / "temporal" / "temporal_static_libs"
    assert real(shlex.split(printed.splitlines()[-1])) == [
        f"-I{package}/include",
        f"-L{package}/lib",
    ]
    assert consumer.attempt(tmp_path / "bridge", directory=tmp_path).returncode == 0


def test_flags_have_no_space_even_if_the_package_path_has(
    consumer: Consumer, answered: Path
) -> None:
    assert " " in str(consumer.package)
    flags = pkg_config(consumer, answered, "--cflags", "--libs", "temporal-sdk-core")
    assert not [flag for flag in flags if " " in flag]


def test_moved_modules(consumer: Consumer, tmp_path: Path) -> None:
    moved = tmp_path / "mo ved"
    shutil.copytree(consumer.package, moved, copy_function=os.link)
    flags = pkg_config(
        consumer, moved / "lib" / "pkgconfig", "--cflags", "--libs-only-L", "temporal-client"
    )
    assert real(flags) == [f"-I{moved}/include", f"-L{moved}/lib"]


# Uses the tests' Python, which has pkgconf, with the consumer's packages.
PKGCONF = Path(sys.executable).with_name("pkgconf")


@pytest.mark.parametrize(
    "command",
    [
        pytest.param([sys.executable, "-m", "pkgconf"], id="module"),
        pytest.param([f"{PKGCONF}-pypi"], id="pkgconf-pypi"),
    ],
)
def test_pkgconf_from_pypi_finds_them_automatically(
    consumer: Consumer, tmp_path: Path, command: list[str]
) -> None:
    done = consumer.attempt(
        *(*command, "--libs-only-L", "temporal-sdk-core"),
        directory=tmp_path,
        PYTHONPATH=str(consumer.site),
    )
    assert done.returncode == 0, done.stdout
    assert real(shlex.split(done.stdout)) == [f"-L{consumer.package}/lib"]


def test_its_pkgconf_command_needs_the_directory(
    consumer: Consumer, answered: Path, tmp_path: Path
) -> None:
    ask = (PKGCONF, "--libs-only-L", "temporal-sdk-core")
    site = str(consumer.site)
    assert consumer.attempt(*ask, directory=tmp_path, PYTHONPATH=site).returncode != 0
    told = consumer.attempt(
        *ask, directory=tmp_path, PYTHONPATH=site, PKG_CONFIG_PATH=str(answered)
    )
    assert told.returncode == 0, told.stdout


def test_zigs_pkg_config_support(
    consumer: Consumer,
    answered: Path,
    dev_server: DevServer,
    server_version: str,
    repo_root: Path,
    tmp_path: Path,
) -> None:
    shutil.copyfile(repo_root / "examples" / "c" / "server_version.c", tmp_path / "bridge.c")
    shutil.copyfile(Path(__file__).with_name("build.zig"), tmp_path / "build.zig")
    zig = [sys.executable, "-m", "ziglang"]
    # The tests' cache, so that Zig's own libraries are not compiled again.
    env = subprocess.run([*zig, "env"], capture_output=True, text=True, check=True)
    (cache,) = (
        line.split('"')[-2] for line in env.stdout.splitlines() if "global_cache_dir" in line
    )
    built = consumer.attempt(
        *(*zig, "build", "--global-cache-dir", cache),
        directory=tmp_path,
        PKG_CONFIG_PATH=str(answered),
    )
    assert built.returncode == 0, built.stdout
    done = consumer.attempt(tmp_path / "zig-out/bin/bridge", dev_server.url, directory=tmp_path)
    assert (done.returncode, done.stdout) == (0, f"server version: {server_version}\n")
