"""The pkg-config modules of platforms that this machine's tests do not build for."""

from __future__ import annotations

import shlex
import subprocess
from dataclasses import replace
from pathlib import Path, PurePath

import pkgconf
import pytest

from temporal_static_libs._integration.pkgconfig import (
    module_name,
    pkg_config_module,
    suits_every_reader,
)
from temporal_static_libs._integration.template import Places
from temporal_static_libs._manifest import Manifest
from tests.support.pip.manifests import MANIFEST

PLACES = Places(PurePath("lib"), PurePath("include"), PurePath("proto"), "override", "")


def ask(
    directory: Path, *arguments: str, manifest: Manifest = MANIFEST, static: bool = False
) -> list[str]:
    """The output of pkgconf for a module in a directory, by default one for macOS."""
    (library,) = manifest.libraries
    module = directory / f"{module_name(library, static=static)}.pc"
    module.write_text(pkg_config_module(manifest, library, PLACES, static=static))
    done = subprocess.run(
        [pkgconf.get_executable(), *arguments, module],
        env={},
        capture_output=True,
        text=True,
        check=True,
    )
    return shlex.split(done.stdout)


def test_macos_module_has_the_frameworks(tmp_path: Path) -> None:
    assert ask(tmp_path, "--libs") == [
        *(f"-L{tmp_path}/../lib", "-ltemporal_sdk_core", "-liconv", "-lSystem", "-lc", "-lm"),
        *("-framework", "Security", "-framework", "CoreFoundation"),
    ]
    assert ask(tmp_path, "--cflags") == [f"-I{tmp_path}/../include"]
    assert ask(tmp_path, "--variable=gc_flag") == ["-Wl,-dead_strip"]
    assert ask(tmp_path, "--variable=protodir") == [f"{tmp_path}/../proto"]


def test_module_for_static_programs_on_musl(tmp_path: Path) -> None:
    (library,) = MANIFEST.libraries
    musl = replace(library, system_libraries=("gcc_s", "c"), frameworks=())
    manifest = replace(MANIFEST, target="x86_64-unknown-linux-musl", libraries=(musl,))
    found = f"-L{tmp_path}/../lib", "-ltemporal_sdk_core"
    assert ask(tmp_path, "--libs", manifest=manifest) == [*found, "-lgcc_s", "-lc"]
    for options in (("--libs",), ("--libs", "--static")):
        flags = ask(tmp_path, *options, manifest=manifest, static=True)
        assert flags == [*found, "-lgcc_eh", "-lc"]
    assert (tmp_path / "temporal-sdk-core-static.pc").is_file()


@pytest.mark.parametrize("name", ["/opt/v", "/home/a.b/.venv-3", "/home/josé/v"])
def test_directory_that_every_implementation_understands(name: str) -> None:
    assert suits_every_reader(Path(name))


@pytest.mark.parametrize(
    "name", ["/a b", "/a\tb", "/it's", '/"a"', "/a#b", "/a$b", "/a\\b", "/a;b"]
)
def test_directory_that_some_implementations_misread(name: str) -> None:
    assert not suits_every_reader(Path(name))
