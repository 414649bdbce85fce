"""The files of a GitHub release for builds without pip, used as in docs/release-files.md."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import temporal_static_libs
from temporal_static_libs._components import COMPONENTS
from tests.support.ci.skips import require_program
from tests.support.docs.commands import commands, files
from tests.support.peers.page_server import serving
from tests.support.pip.consumer import Consumer
from tests.support.pip.release_files import release_wheel
from tests.support.zig.zig_versions import OTHERS, OWN, python_with_zig
from tools.release.artifact_bundle import make_artifact_bundle
from tools.release.contents import ReleaseWheel
from tools.release.tarballs import make_tarball

VERSION = temporal_static_libs.__version__
HEADER = "temporal-sdk-core-c-bridge.h"
# A runtime uses the system libraries that the archive needs.
C_PROGRAM = f"""\
#include <stdio.h>
#include "{HEADER}"

int main(void) {{
    struct TemporalCoreRuntimeOptions options = {{0}};
    struct TemporalCoreRuntimeOrFail made = temporal_core_runtime_new(&options);
    if (made.fail) return 1;
    temporal_core_runtime_free(made.runtime);
    puts(temporal_static_libs_version());
}}
"""
ZIG_PROGRAM = """\
const std = @import("std");
const temporal = @import("temporal");

pub fn main() void {
    const options = std.mem.zeroes(temporal.TemporalCoreRuntimeOptions);
    const made = temporal.temporal_core_runtime_new(&options);
    temporal.temporal_core_runtime_free(made.runtime);
    std.debug.print("{s}\\n", .{temporal.temporal_static_libs_version()});
}
"""
# Like the output of `zig init`. The first half of a fingerprint is a checksum of the name.
ZON = """\
.{
    .name = .bridge,
    .version = "0.0.0",
    .fingerprint = 0x69780f9f00000001,
    .paths = .{""},
}
"""


@dataclass(frozen=True)
class Assets:
    """The files of a release, on a server.

    Attributes:
        directory: the directory of the files.
        wheel: the wheel that they are made from.
        url: the server's URL, which replaces GitHub's.
    """

    directory: Path
    wheel: ReleaseWheel
    url: str

    @property
    def tarball(self) -> Path:
        """The tarball of this platform."""
        (found,) = self.directory.glob("*.tar.gz")
        return found

    @property
    def artifact_bundle(self) -> Path:
        """The artifact bundle."""
        (found,) = self.directory.glob("*.artifactbundle.zip")
        return found

    def sha256(self, file: Path) -> str:
        """The hash in a file's checksum file."""
        stem = file.name.removesuffix(".tar.gz").removesuffix(".zip")
        return (self.directory / f"{stem}.sha256").read_text().split()[0]

    def of_page(self, text: str) -> str:
        """A text of the page, adapted to these files."""
        text = text.replace("linux-x64", self.wheel.target.platform)
        return re.sub(r"https://github\.com/\S+?/releases/download/[\w.-]+", self.url, text)

    def unpack(self, directory: Path) -> Path:
        """Unpack the tarball, and return its top directory."""
        subprocess.run(["tar", "-xzf", self.tarball, "-C", directory], check=True)
        return directory / self.tarball.name.removesuffix(".tar.gz")


@pytest.fixture(scope="module")
def assets(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Assets]:
    """The release's files for the wheel under test."""
    directory = tmp_path_factory.mktemp("assets")
    source = release_wheel(wheel)
    make_tarball(source, directory)
    make_artifact_bundle([source], directory)
    pages = {f"/{file.name}": file.read_bytes() for file in directory.iterdir()}
    with pytest.MonkeyPatch.context() as monkeypatch, serving(pages) as server:
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        yield Assets(directory, source, f"http://{server}")


@pytest.fixture
def page(repo_root: Path) -> Path:
    """The page."""
    return repo_root / "docs" / "release-files.md"


def test_page_lists_the_content_of_a_tarball(assets: Assets, page: Path, tmp_path: Path) -> None:
    unpacked = assets.unpack(tmp_path)
    text = page.read_text(encoding="utf-8").partition("## What is in a tarball")[2]
    text = text.partition("\n## ")[0]
    named = set(re.findall(r"`((?:include|lib|share|CMakeLists)[/.\w]*)`", text))
    assert all((unpacked / name).exists() for name in named), named
    own = {"CMakeLists.txt", "README.md"}
    assert {path.name for path in unpacked.iterdir()} == {"include", "lib", "share"} | own
    shares = {f"share/{path.name}" for path in (unpacked / "share").iterdir()}
    schemas = {name for name in shares if name.endswith(".schema.json")}
    assert shares - schemas == {name.rstrip("/") for name in named if name.startswith("share/")}
    libraries = {path.name for path in (unpacked / "lib").iterdir()}
    assert libraries == {
        *(library.file for library in assets.wheel.manifest.libraries),
        *("manifest.json", "checksums.sha256"),
    }
    sbom = json.loads((unpacked / "share/sbom/temporal-static-libs.cdx.json").read_text())
    assert sbom["bomFormat"] == "CycloneDX"
    subprocess.run(["sha256sum", "-c", "checksums.sha256"], cwd=unpacked / "lib", check=True)


@pytest.mark.parametrize("version", [OWN, *OTHERS])
def test_zig_fetches_the_tarball_and_links_it(
    assets: Assets, page: Path, repo_root: Path, tmp_path: Path, version: str
) -> None:
    python = python_with_zig(version, repo_root)
    (build,) = files(page, "Zig")
    (tmp_path / "src").mkdir()
    for name, content in {
        "build.zig": build,
        "build.zig.zon": ZON,
        "src/main.zig": ZIG_PROGRAM,
    }.items():
        (tmp_path / name).write_text(content)
    zig = f"{shlex.quote(str(python))} -m ziglang "
    (script,) = commands(page, "Zig")
    script = assets.of_page(re.sub(r"^zig ", zig, script, flags=re.MULTILINE))
    try:
        subprocess.run(["bash", "-ec", script], cwd=tmp_path, check=True)
    finally:
        # Zig keeps each package that it fetches. This uses the user's directory, because an empty
        # one costs minutes with Zig 0.17.
        (kept,) = re.findall(r'\.hash = "(.+)"', (tmp_path / "build.zig.zon").read_text()) or [""]
        found = subprocess.run(
            [python, "-m", "ziglang", "env"], capture_output=True, text=True, check=True
        )
        (cache,) = re.findall(r'"?global_cache_dir"?\s*[=:] "(.+)"', found.stdout)
        for path in Path(cache, "p").glob(f"{kept}*") if kept else ():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    done = subprocess.run(
        [tmp_path / "zig-out/bin/bridge"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, f"{VERSION}\n")


OVERRIDE = """\
include(FetchContent)
FetchContent_Declare(TemporalStaticLibs URL "file://{tarball}" OVERRIDE_FIND_PACKAGE)
find_package(TemporalStaticLibs CONFIG REQUIRED)
"""
FOUND = "find_package(TemporalStaticLibs CONFIG REQUIRED)\n"


@pytest.mark.parametrize("way", ["fetch", "override", "find"])
def test_cmake_uses_the_tarball_unchanged(
    assets: Assets, page: Path, consumer: Consumer, tmp_path: Path, way: str
) -> None:
    (lists,) = files(page, "CMake")
    configure, build = commands(page, "CMake")[0].splitlines()
    lists = assets.of_page(lists).replace("HASH\n", f"{assets.sha256(assets.tarball)}\n")
    fetching = lists[lists.index("include(") : lists.index("add_executable")]
    if way == "override":
        lists = lists.replace(fetching, OVERRIDE.format(tarball=assets.tarball))
    if way == "find":
        lists = lists.replace(fetching, FOUND)
        configure += f" -DCMAKE_PREFIX_PATH={assets.unpack(tmp_path)}"
    lists += 'message(STATUS "protos: ${TemporalStaticLibs_PROTO_DIR};")\n'
    (tmp_path / "CMakeLists.txt").write_text(lists)
    (tmp_path / "bridge.c").write_text(C_PROGRAM)
    # The wheel's package refuses this variable, but here the archives were given explicitly.
    environ = {"TEMPORAL_LIBS_DIR": "/nowhere", "no_proxy": "127.0.0.1"}
    done = consumer.attempt(*shlex.split(configure), directory=tmp_path, **environ)
    assert done.returncode == 0, done.stdout
    (protos,) = re.findall("protos: (.+);", done.stdout)
    assert Path(protos, "temporal/sdk/core/core_interface.proto").is_file()
    done = consumer.attempt(*shlex.split(build), directory=tmp_path)
    assert done.returncode == 0, done.stdout
    done = consumer.attempt(tmp_path / "build" / "bridge", directory=tmp_path)
    assert (done.returncode, done.stdout) == (0, f"{VERSION}\n")


def test_cmake_refuses_archives_that_are_altered_or_for_another_platform(
    assets: Assets, consumer: Consumer, tmp_path: Path
) -> None:
    unpacked = assets.unpack(tmp_path)
    start = "cmake_minimum_required(VERSION 3.15)\nproject(p NONE)\n"
    (tmp_path / "CMakeLists.txt").write_text(f"{start}add_subdirectory({unpacked.name})\n")

    def problem(*options: str) -> str:
        command = ("cmake", "-S", ".", "-B", "build", "--fresh", *options)
        done = consumer.attempt(*command, directory=tmp_path)
        assert done.returncode != 0
        return " ".join(done.stdout.split())

    other = "-DCMAKE_SYSTEM_NAME=Linux", "-DCMAKE_SYSTEM_PROCESSOR=riscv64"
    assert f"for {assets.wheel.target.platform}; cannot be used for" in problem(*other)
    with (unpacked / "lib" / "libtemporal_client.a").open("ab") as archive:
        archive.write(b"\n")
    assert f"fix: unpack {assets.tarball.name} again" in problem()


def test_cmake_lists_name_every_target(assets: Assets, tmp_path: Path) -> None:
    text = (assets.unpack(tmp_path) / "CMakeLists.txt").read_text()
    named = set(re.findall(r"Temporal::(\w+)", text))
    assert named == {component.name.replace("-", "_") for component in COMPONENTS}


def test_make_links_with_and_without_pkg_config(
    assets: Assets, page: Path, consumer: Consumer, tmp_path: Path
) -> None:
    heading = "make and pkg-config"
    (makefile,) = files(page, heading)
    with_make, without = commands(page, heading)
    (tmp_path / "bridge.c").write_text(C_PROGRAM)
    (tmp_path / "Makefile").write_text(assets.of_page(makefile))
    (tmp_path / assets.tarball.name).symlink_to(assets.tarball)
    for script in (with_make, without):
        (tmp_path / "bridge").unlink(missing_ok=True)
        consumer.shell(assets.of_page(script), tmp_path)
        done = consumer.attempt(tmp_path / "bridge", directory=tmp_path)
        assert (done.returncode, done.stdout) == (0, f"{VERSION}\n")
    # The libraries written by hand are those in the manifest.
    (library,) = [it for it in assets.wheel.manifest.libraries if it.component == "sdk-core"]
    written = re.findall(r" -l(\S+)", without)
    assert written == [name for name in library.system_libraries if name != "c"]


def test_command_uses_the_unpacked_tarball(
    assets: Assets, page: Path, consumer: Consumer, tmp_path: Path
) -> None:
    (script,) = commands(page, "TEMPORAL_LIBS_DIR")
    (tmp_path / "bridge.c").write_text(C_PROGRAM)
    for file in assets.directory.iterdir():
        (tmp_path / file.name).symlink_to(file)
    printed = consumer.shell(
        f"{assets.of_page(script)}\n./bridge\ntemporal-libs-config --includedir --cflags --json\n"
        "python -c 'import temporal_static_libs as t; print(t.include_dir())'\n"
        'export PKG_CONFIG_PATH="$(temporal-libs-config --pkgconfigdir)"\n'
        "pkg-config --variable=includedir temporal-client | xargs realpath\n",
        tmp_path,
    )
    version, option, flags, facts, function, module = printed.splitlines()[-6:]
    unpacked = tmp_path / assets.tarball.name.removesuffix(".tar.gz")
    include = str(unpacked / "include")
    assert version == VERSION
    assert (option, flags, function, module) == (include, f"-I{include}", include, include)
    assert json.loads(facts)["includedir"] == include
    assert json.loads(facts)["header"] == f"{include}/{HEADER}"
    assert f"ok      header: {HEADER}" in printed

    # It uses only the header in the manifest, in a directory that nobody else can write to.
    def answer() -> str:
        done = consumer.attempt(
            consumer.venv / "bin" / "temporal-libs-config",
            "--includedir",
            directory=tmp_path,
            TEMPORAL_LIBS_DIR=str(unpacked / "lib"),
        )
        assert done.returncode == 0, done.stdout
        return done.stdout.strip()

    assert answer() == include
    Path(include).chmod(0o777)
    assert answer() == str(consumer.package / "include")
    Path(include).chmod(0o755)
    with Path(include, HEADER).open("a") as header:
        header.write("\n")
    assert answer() == str(consumer.package / "include")


def test_artifact_bundle_has_a_module_and_an_archive(assets: Assets, tmp_path: Path) -> None:
    """Uses it like Swift, but with Clang, which reads its modules, and a linker."""
    clang = require_program("clang")
    shutil.unpack_archive(assets.artifact_bundle, tmp_path)
    (bundle,) = tmp_path.glob("*.artifactbundle")
    info = json.loads((bundle / "info.json").read_text())
    assert info["schemaVersion"] == "1.0"
    assert list(info["artifacts"]) == ["temporal-sdk-core"]
    artifact = info["artifacts"]["temporal-sdk-core"]
    assert (artifact["type"], artifact["version"]) == ("staticLibrary", VERSION)
    (variant,) = artifact["variants"]
    machine = os.uname().machine
    assert variant["supportedTriples"] == [f"{machine}-unknown-linux-gnu"]
    metadata = variant["staticLibraryMetadata"]
    program = C_PROGRAM.replace(f'#include "{HEADER}"', "@import CTemporal;")
    (tmp_path / "bridge.m").write_text(program)
    (library,) = [it for it in assets.wheel.manifest.libraries if it.component == "sdk-core"]
    command = [clang, "-fmodules", f"-fmodules-cache-path={tmp_path}/cache"]
    command += [f"-fmodule-map-file={bundle / metadata['moduleMapPath']}"]
    command += [f"-I{bundle / path}" for path in metadata["headerPaths"]]
    command += ["bridge.m", str(bundle / variant["path"])]
    command += [f"-l{name}" for name in library.system_libraries]
    done = subprocess.run(
        [*command, "-o", "bridge"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    printed = subprocess.check_output([tmp_path / "bridge"], text=True)
    assert printed == f"{VERSION}\n"


def test_package_swift_matches_the_one_that_the_release_workflow_builds(
    assets: Assets, page: Path, repo_root: Path
) -> None:
    (written,) = files(page, "Swift Package Manager")
    built = (repo_root / "tests/smoke/swift/Package.swift").read_text()
    place = re.compile(r'url: "[^"]+/(?P<file>[^/"]+)",\s+checksum: "CHECKSUM"')
    found = place.search(written)
    assert found
    assert found["file"] == assets.artifact_bundle.name
    assert place.sub('path: "temporal.artifactbundle.zip"', written) == built
    (library,) = [it for it in assets.wheel.manifest.libraries if it.component == "sdk-core"]
    linked = re.findall(r'linkedLibrary\("(\w+)", \.when\(platforms: \[\.linux\]\)\)', built)
    assert linked == [name for name in library.system_libraries if name != "c"]
