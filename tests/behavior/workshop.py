"""The scratch directory of a recording: stand-ins, package copies, a directory for each case."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.behavior import stand_ins
from tests.behavior.calls import (
    COMMAND,
    MODULE,
    PACKAGE,
    WITH_FILES,
    Call,
    Interface,
    calls,
    parse_functions,
    parse_options,
)
from tests.behavior.states import COMPILING, MANIFEST, Environ, State, leave, states

INSTALLED = State("installed", {"PYTHONPATH": "{stand-ins}"})
"""The installed package itself, whose libraries are large."""

# Prints what the Python API exports.
EXPORTS = f"""\
import inspect, json, {PACKAGE} as package
exports = {{}}
for name in package.__all__:
    value = getattr(package, name)
    if inspect.isclass(value):
        exports[name] = "class " + " ".join(cls.__name__ for cls in value.__mro__)
    elif callable(value):
        exports[name] = name + str(inspect.signature(value))
    else:
        exports[name] = repr(value)
print(json.dumps(exports, indent=1))
"""


@dataclass(frozen=True)
class Room:
    """A case that is ready to run.

    Attributes:
        state: the state to run in.
        call: the call to run.
        directory: contains the cache, the home directory and the one for temporary files.
        names: the placeholders of paths.
        environ: the environment to run it in.
    """

    state: State
    call: Call
    directory: Path
    names: Mapping[str, str]
    environ: Environ

    def files(self) -> dict[Path, tuple[int, int, int]]:
        """The files in the directories, with values that show changes."""
        found = {}
        for path in self.directory.rglob("*"):
            if path.is_symlink() or path.is_file():
                status = path.lstat()
                found[path] = (status.st_ino, status.st_mtime_ns, status.st_size)
        return found


class Workshop:
    """The scratch directory.

    Args:
        python: an interpreter that has the package installed.
        root: the directory.

    Attributes:
        python: the interpreter.
        root: the directory.
        package: the installed package.
        interface: the options and functions that can be called.
        libraries: the directory of the small libraries.
    """

    def __init__(self, python: Path, root: Path) -> None:
        self.python = python
        self.root = root
        stand_ins.make_python(root / "stand-ins")
        stand_ins.make_programs(root / "programs")
        first = self._room(INSTALLED, (), root / "first", root, root)
        self.package = Path(self._ask(first, f"import {PACKAGE} as p; print(p.__file__)")).parent
        exports = json.loads(self._ask(first, EXPORTS))
        flags, choices = parse_options(self._ask(first, "--help"))
        self.interface = Interface(flags, choices, parse_functions(exports))
        # The package compiles the small libraries, which also replace those of an intact wheel.
        manifest = json.loads((self.package / "lib" / MANIFEST).read_text(encoding="utf-8"))
        header = next((self.package / "include").glob("*.h"))
        stand_ins.make_rust(root / "rust", header, manifest["target"])
        raw, self._whole, self._cache = (root / name for name in ("raw", "whole", "first/cache"))
        _copy_package(self.package, raw)
        first = self._room(State("", COMPILING), (), root / "first", raw, root)
        self._compiled = Path(self._ask(first, "--libdir")).relative_to(self._cache)
        shutil.rmtree(self._cache / "verified", ignore_errors=True)
        self.libraries = self._cache / self._compiled
        _copy_package(raw / PACKAGE, self._whole, self.libraries)

    def rooms(self) -> list[Room]:
        """Make every state, and a directory for each of its cases.

        All are made before the first case runs, because the package does not remember files
        that were just changed.
        """
        rooms: list[Room] = []
        for number, state in enumerate(states()):
            directory = self.root / "states" / str(number)
            site = self._make(state, directory)
            for call in dict.fromkeys(self._calls(state)):
                place = self.root / "cases" / str(len(rooms))
                if (directory / "cache").exists():
                    shutil.copytree(directory / "cache", place / "cache", symlinks=True)
                rooms.append(self._room(state, call, place, site, directory))
        together = (COMMAND, *self.interface.combined)
        others = calls(*WITH_FILES, "--doctor", "library_set")
        for call in (together, (MODULE, "--json"), (PACKAGE,), *others):
            place = self.root / "cases" / str(len(rooms))
            rooms.append(self._room(INSTALLED, call, place, self.package.parent, self.root))
        return rooms

    def _calls(self, state: State) -> Iterator[Call]:
        yield from state.calls or self.interface.of_every_state()
        if state.name == "wheel":
            yield from self.interface.of_usage()

    def _make(self, state: State, directory: Path) -> Path:
        """Make a state in a directory; return the directory that contains the package."""
        site = self._whole
        if state.changes.get("wheel", leave) is not leave or state.site != "site":
            site = directory / state.site
            _copy_package(self._whole / PACKAGE, site)
        libraries = {
            "wheel": site / PACKAGE / "lib",
            "override": directory / "override",
            "compiled": directory / "cache" / self._compiled,
        }
        if "override" in state.changes:
            shutil.copytree(self.libraries, libraries["override"])
        if "compiled" in state.changes:
            shutil.copytree(self._cache, directory / "cache")
            (directory / "cache").chmod(state.cache_mode)
        for place, change in state.changes.items():
            change(libraries[place])
        return site

    def _room(self, state: State, call: Call, place: Path, site: Path, directory: Path) -> Room:
        for name in ("home", "tmp"):
            (place / name).mkdir(parents=True, exist_ok=True)
        names = {
            "{site-packages}": str(site),
            "{override}": str(directory / "override"),
            "{state}": str(directory),
            **{f"{{{name}}}": str(place / name) for name in ("cache", "home", "tmp")},
            **{f"{{{name}}}": str(self.root / name) for name in ("programs", "rust", "stand-ins")},
        }
        environ = {
            "COLUMNS": "80",
            "HOME": "{home}",
            "LC_ALL": "C.UTF-8",
            "PATH": "{programs}",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": "{stand-ins}:{site-packages}",
            "TEMPORAL_LIBS_CACHE_DIR": "{cache}",
            "TMPDIR": "{tmp}",
            **state.environ,
        }
        for variable, value in environ.items():
            for name, path in names.items():
                value = value.replace(name, path)
            environ[variable] = value
        return Room(state, call, place, names, environ)

    def _ask(self, room: Room, question: str) -> str:
        option = ["-m", PACKAGE] if question.startswith("-") else ["-c"]
        done = subprocess.run(
            [self.python, *option, question],
            env=room.environ,
            cwd=room.directory / "tmp",
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            sys.exit(f"behavior: {self.python} has no {PACKAGE} that works:\n{done.stderr}")
        return done.stdout.rstrip("\n")


def _copy_package(package: Path, site: Path, libraries: Path | None = None) -> None:
    """Copy a package as links, except for the libraries and their descriptions.

    Args:
        package: what to copy.
        site: the directory to copy it to.
        libraries: the source of the libraries. Otherwise small ones are copied with the
            package, and large ones are not.
    """
    ignore = shutil.ignore_patterns("*.a")
    shutil.copytree(package, site / PACKAGE, copy_function=_link, ignore=ignore)
    for file in (libraries or package / "lib").iterdir():
        if file.is_file() and file.stat().st_size < 1 << 20:
            copy = site / PACKAGE / "lib" / file.name
            copy.unlink(missing_ok=True)
            shutil.copy2(file, copy)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
