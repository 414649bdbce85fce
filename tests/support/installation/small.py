"""Copies of the package with small libraries, which are quick to hash and can be changed."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from tests.behavior.stand_ins import make_programs, make_python, make_rust
from tests.support.installation.calls import Machine

PACKAGE = "temporal_static_libs"
SDK_CORE, CLIENT = "libtemporal_sdk_core.a", "libtemporal_client.a"
MANIFEST, CHECKSUMS = "manifest.json", "checksums.sha256"

SOURCES = ("wheel", "override", "compiled")
"""The sources of libraries."""

_LARGE = 8 << 20  # bytes of a library
_SELECTS: Mapping[str, tuple[str, str]] = {
    "override": ("TEMPORAL_LIBS_DIR", "{override}"),
    "compiled": ("USE_PREBUILT_LIBS", "false"),
}


@dataclass(frozen=True)
class Installation:
    """A package, a directory for TEMPORAL_LIBS_DIR, and a cache with a compiled set in it.

    Attributes:
        root: the directory that contains everything.
        site: the directory that contains the package.
        override: the value for TEMPORAL_LIBS_DIR.
        cache: the value for TEMPORAL_LIBS_CACHE_DIR.
        compiled: the compiled set, relative to the cache.
        tools: contains the stand-ins' directories `programs`, `rust` and `python`.
    """

    root: Path
    site: Path
    override: Path
    cache: Path
    compiled: Path
    tools: Path

    @property
    def package(self) -> Path:
        """The package's directory."""
        return self.site / PACKAGE

    def libraries(self, source: str) -> Path:
        """The directory of the libraries of a source."""
        return {
            "wheel": self.package / "lib",
            "override": self.override,
            "compiled": self.cache / self.compiled,
        }[source]

    def environ(self, source: str = "wheel") -> dict[str, str]:
        """The environment that selects a source. There is no cargo on its PATH."""
        environ = {
            "COLUMNS": "80",
            "HOME": str(self.root / "home"),
            "LC_ALL": "C.UTF-8",
            "PATH": str(self.tools / "programs"),
            "PYTHONDONTWRITEBYTECODE": "1",
            "TEMPORAL_LIBS_CACHE_DIR": str(self.cache),
        }
        if source in _SELECTS:
            name, value = _SELECTS[source]
            environ[name] = value.format(override=self.override)
        return environ

    def machine(self, source: str = "wheel", **more: str) -> Machine:
        """The machine that selects a source, with additional environment variables."""
        return Machine(self.site, {**self.environ(source), **more})

    @property
    def path_with_rust(self) -> str:
        """A PATH with the stand-in for cargo."""
        return f"{self.tools / 'rust'}:{self.tools / 'programs'}"

    def reset(self, whole: Installation) -> None:
        """Restore everything that a test may have changed from another installation.

        Args:
            whole: the installation that this is a copy of.
        """
        for entry in (*self.root.iterdir(), self.package / "lib"):
            if entry.is_dir() and entry not in (self.site, self.root / "home"):
                shutil.rmtree(entry)
            elif entry.is_file():
                entry.unlink()
        shutil.copytree(whole.cache, self.cache)
        shutil.copytree(whole.override, self.override)
        shutil.copytree(whole.package / "lib", self.package / "lib")

    def copy(self, root: Path, site: Path | None = None, *, linked: bool = True) -> Installation:
        """Copy the installation.

        Args:
            root: a new directory.
            site: the directory for the package, if it is not below `root`.
            linked: whether files other than libraries and records are links, which is faster.
                Their owner and mode must not be changed then.
        """
        root.mkdir(parents=True, exist_ok=True)
        (root / "home").mkdir()
        there = replace(
            self,
            root=root,
            site=site or root / "site",
            override=root / "override",
            cache=root / "cache",
        )
        _copy_package(self.package, there.package, linked=linked)
        shutil.copytree(self.override, there.override)
        shutil.copytree(self.cache, there.cache)
        return there


def make_installation(package: Path, root: Path) -> Installation:
    """Make an installation with libraries whose functions do nothing.

    Args:
        package: the installed package.
        root: a new directory.
    """
    root.mkdir(parents=True, exist_ok=True)
    tools = root / "tools"
    tools.mkdir()
    make_programs(tools / "programs")
    make_python(tools / "python")
    manifest = json.loads((package / "lib" / MANIFEST).read_text(encoding="utf-8"))
    header = next((package / "include").glob("*.h"))
    make_rust(tools / "rust", header, manifest["target"])
    (root / "home").mkdir()
    cache = root / "cache"
    there = Installation(root, root / "site", root / "override", cache, Path(), tools)
    _copy_package(package, there.package, linked=False)
    for directory in ("rust", "share/proto"):
        _thin_out(there.package / directory)
    # The stand-in for cargo makes the libraries, which then replace the wheel's.
    machine = there.machine("compiled", PATH=there.path_with_rust)
    (made,) = machine.ask(("--libdir",))
    compiled = Path(os.fsdecode(made.answered(made.stderr).line))
    shutil.copytree(compiled, there.override)
    there.override.chmod(0o755)  # compiled sets are private to the user
    for file in there.override.iterdir():
        file.chmod(0o644)
    shutil.rmtree(cache / "verified", ignore_errors=True)
    describe_as_own(there.package / "lib", compiled)
    return replace(there, compiled=compiled.relative_to(cache))


def _thin_out(directory: Path) -> None:
    """Keep one file of each kind. Their content does not matter, and copies are faster."""
    kept: set[str] = set()
    for file in sorted(directory.rglob("*")):
        if file.is_file():
            if file.suffix in kept and file.name != "Cargo.toml":
                file.unlink()
            kept.add(file.suffix)
    for empty in sorted(directory.rglob("*"), reverse=True):
        if empty.is_dir() and not any(empty.iterdir()):
            empty.rmdir()


def describe_as_own(directory: Path, libraries: Path) -> None:
    """Replace the libraries in a directory of the wheel's files, with their hashes and sizes."""
    facts = json.loads((directory / MANIFEST).read_text(encoding="utf-8"))
    theirs = json.loads((libraries / MANIFEST).read_text(encoding="utf-8"))["libraries"]
    hashes = {}
    for library, other in zip(facts["libraries"], theirs, strict=True):
        assert library["file"] == other["file"]
        hashes[library["sha256"]] = other["sha256"]
        library.update(sha256=other["sha256"], size=other["size"])
        shutil.copyfile(libraries / library["file"], directory / library["file"])
    (directory / MANIFEST).write_text(json.dumps(facts, indent=2), encoding="utf-8")
    for file in (directory / CHECKSUMS, *directory.rglob("*.cmake")):
        text = file.read_text(encoding="utf-8")
        file.write_text(re.sub(r"[0-9a-f]{64}", lambda it: hashes.get(it[0], it[0]), text))


def _copy_package(package: Path, copy: Path, *, linked: bool) -> None:
    lib = package / "lib"

    def ignored(directory: str, names: list[str]) -> set[str]:
        files = {Path(directory, name) for name in names if Path(directory) == lib}
        return {file.name for file in files if file.stat().st_size > _LARGE}

    def link(source: str, target: str) -> None:
        if Path(source).is_relative_to(lib):
            shutil.copy2(source, target)  # a test may write to it
        else:
            os.link(source, target)

    copy_function = link if linked else shutil.copy2
    shutil.copytree(package, copy, copy_function=copy_function, ignore=ignored)
