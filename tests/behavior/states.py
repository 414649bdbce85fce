"""The states of an installation in which calls are recorded."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.behavior.calls import WITH_FILES, Call, calls

Change = Callable[[Path], object]
"""Changes a directory of libraries."""
Environ = Mapping[str, str]

CLIENT, SDK_CORE = "libtemporal_client.a", "libtemporal_sdk_core.a"
CHECKSUMS, MANIFEST = "checksums.sha256", "manifest.json"


@dataclass(frozen=True)
class State:
    """The state in which cases run.

    Attributes:
        name: its name in the recording.
        environ: variables, with names such as ``{tmp}`` for paths.
        changes: changes to the libraries of ``wheel``; of ``override``, which
            TEMPORAL_LIBS_DIR can name; of ``compiled``, which are in the cache. Without an entry
            the wheel is intact, and the others do not exist.
        calls: the calls; if empty, those of every state.
        verified: whether ``--verify`` runs before each call.
        site: the directory that contains the package.
        cache_mode: the mode of the cache directory, if it exists.
    """

    name: str
    environ: Environ = field(default_factory=dict)
    changes: Mapping[str, Change] = field(default_factory=dict)
    calls: tuple[Call, ...] = ()
    verified: bool = False
    site: str = "site"
    cache_mode: int = 0o700


def leave(directory: Path) -> None:
    """Keep the libraries intact."""


def _lose(name: str) -> Change:
    return lambda directory: (directory / name).unlink()


def _fill(name: str, text: str) -> Change:
    return lambda directory: (directory / name).write_text(text, encoding="utf-8")


def _alter(directory: Path) -> None:
    size = (directory / CLIENT).stat().st_size
    (directory / CLIENT).write_bytes(bytes(size))


def _truncate(directory: Path) -> None:
    os.truncate(directory / SDK_CORE, 1000)


def _plant(directory: Path) -> None:
    (directory / "libm.so").touch()


def _open(directory: Path) -> None:
    (directory / MANIFEST).chmod(0o666)


def _link_away(directory: Path) -> None:
    (directory.parent / "elsewhere").mkdir()
    (directory / SDK_CORE).rename(directory.parent / "elsewhere" / SDK_CORE)
    (directory / SDK_CORE).symlink_to(Path("..", "elsewhere", SDK_CORE))


def _disagree(directory: Path) -> None:
    text = (directory / CHECKSUMS).read_text(encoding="utf-8")
    (directory / CHECKSUMS).write_text(re.sub("^.{64}", "0" * 64, text), encoding="utf-8")


def _keep_client(directory: Path) -> None:
    lines = (directory / CHECKSUMS).read_text(encoding="utf-8").splitlines(keepends=True)
    kept = "".join(line for line in lines if CLIENT in line)
    (directory / CHECKSUMS).write_text(kept, encoding="utf-8")
    (directory / SDK_CORE).unlink()
    (directory / MANIFEST).unlink()


def _describe(facts: Mapping[str, Any], of_library: Mapping[str, Any] | None = None) -> Change:
    def change(directory: Path) -> None:
        manifest = json.loads((directory / MANIFEST).read_text(encoding="utf-8")) | facts
        manifest["libraries"] = [each | (of_library or {}) for each in manifest["libraries"]]
        (directory / MANIFEST).write_text(json.dumps(manifest, indent=2), encoding="utf-8")

    return change


_MACOS = {"target": "aarch64-apple-darwin", "platform": "macos-arm64"}
_FLOOR = {"floor": {"name": "macos", "version": "11.0"}}
_OF_MACOS = {"system_libraries": ["iconv", "c++"], "frameworks": ["Security", "CoreFoundation"]}
_DAMAGES: Mapping[str, Change] = {
    "altered": _alter,
    "library missing": _lose(CLIENT),
    "manifest malformed": _fill(MANIFEST, '{"version": '),
    "manifest missing": _lose(MANIFEST),
    "missing": shutil.rmtree,
    "for macos-arm64": _describe({**_MACOS, **_FLOOR}, _OF_MACOS),
    "for an unknown target": _describe({"target": "mips-unknown-linux-gnu"}),
    "truncated": _truncate,
    "library linked": _link_away,
    "library planted": _plant,
    "manifest writable": _open,
    "manifest empty": _fill(MANIFEST, "{}"),
    "checksums missing": _lose(CHECKSUMS),
    "checksums malformed": _fill(CHECKSUMS, "nothing\n"),
    "checksums differ": _disagree,
}
# A few calls are enough in the other damaged states.
_WITH_EVERY_CALL = (
    *("wheel, altered", "wheel, library missing", "wheel, manifest malformed", "wheel, missing"),
    *("wheel, for macos-arm64", "override, manifest missing", "override, for macos-arm64"),
)


def _put_among_macos(directory: Path) -> None:
    _DAMAGES["for macos-arm64"](directory)
    directory.rename(directory.with_name(_MACOS["platform"]))


_OVERRIDE: Environ = {"TEMPORAL_LIBS_DIR": "{override}"}
_COMPILED: Environ = {"USE_PREBUILT_LIBS": "false"}
_FALLBACK: Environ = {"TEMPORAL_LIBS_FALLBACK": "compile"}
_SOURCES: Mapping[str, Environ] = {"wheel": {}, "override": _OVERRIDE, "compiled": _COMPILED}

_SOME = calls("--libdir", "--libs --abi", "--verify", "--doctor", "lib_dir")
_FEW = calls("--version", "--libdir", "--cmakedir", "--doctor", "lib_dir")
_PATHS = calls("--libs", "--libfiles --cflags --ldflags", *WITH_FILES, "--json", "link_flags")
_COMPILE = calls("--libdir --verify", "--json", "--cmakedir", "library_set")

COMPILING: Environ = {**_COMPILED, "PATH": "{rust}:{programs}"}
"""Settings that make the package compile libraries, with the stand-in for cargo."""


def states() -> Iterator[State]:
    """Every state except that of the installed package itself."""
    for source, environ in _SOURCES.items():
        yield State(source, environ, {source: leave})
        yield State(f"{source}, verified before", environ, {source: leave}, verified=True)
        always = {**environ, "TEMPORAL_LIBS_VERIFY": "always"}
        name = f"{source}, verified always"
        yield State(name, always, {source: leave}, _SOME, verified=True)
        for damage, change in _DAMAGES.items():
            name = f"{source}, {damage}"
            some = () if name in _WITH_EVERY_CALL else _SOME
            yield State(name, environ, {source: change}, some)
    yield from _of_two_sources()
    yield from _of_settings()
    yield from _of_metrics()
    yield from _of_places()
    yield from _of_machines()
    yield from _of_compiles()


def _of_two_sources() -> Iterator[State]:
    both: Mapping[str, Change] = {"override": leave, "compiled": leave}
    alone = {**both, "wheel": _DAMAGES["missing"]}
    bare = {**alone, "override": _DAMAGES["manifest missing"]}
    yield State("override and compiled", {**_OVERRIDE, **_COMPILED, **_FALLBACK}, both, _SOME)
    yield State("override, wheel missing", _OVERRIDE, alone, _SOME)
    yield State("override, manifest missing, wheel missing", _OVERRIDE, bare, _SOME)
    yield State("override of one component", _OVERRIDE, {"override": _keep_client}, _PATHS)
    yield State("override that does not exist", {"TEMPORAL_LIBS_DIR": "nowhere"}, calls=_SOME)
    yield State("compiled, wheel missing", _COMPILED, alone, _SOME)
    yield State("fallback, wheel whole", _FALLBACK, both, _SOME)
    yield State("fallback, wheel altered", _FALLBACK, {**both, "wheel": _alter})
    for damage in ("manifest malformed", "missing", "for an unknown target"):
        wheel = {"wheel": _DAMAGES[damage]}
        yield State(f"fallback, wheel {damage}", _FALLBACK, {**both, **wheel}, _SOME)
        yield State(f"fallback, wheel {damage}, no Rust", _FALLBACK, wheel, _SOME)


def _of_settings() -> Iterator[State]:
    for setting in (
        *("USE_PREBUILT_LIBS=true", "USE_PREBUILT_LIBS=", "USE_PREBUILT_LIBS=maybe"),
        *("TEMPORAL_LIBS_FALLBACK=", "TEMPORAL_LIBS_FALLBACK=maybe", "TEMPORAL_LIBS_DIR="),
        *("TEMPORAL_LIBS_VERIFY=", "TEMPORAL_LIBS_VERIFY=maybe"),
        "TEMPORAL_LIBS_BOOTSTRAP_RUST=maybe",
    ):
        yield State(setting, dict([setting.split("=")]), calls=_FEW)
    bad = dict.fromkeys(("USE_PREBUILT_LIBS", "TEMPORAL_LIBS_FALLBACK"), "maybe")
    yield State("two bad settings", bad, calls=_FEW)
    for setting in (
        "TEMPORAL_LIBS_TARGET=aarch64-unknown-linux-gnu",
        "TEMPORAL_LIBS_TARGET=mips-unknown-none",
        "TEMPORAL_LIBS_CARGO_PROFILE=quick",
        "TEMPORAL_LIBS_BOOTSTRAP_RUST=maybe",
    ):
        environ = {**_COMPILED, **dict([setting.split("=")])}
        yield State(f"compiled, {setting}", environ, {"compiled": leave}, _SOME)


def _of_metrics() -> Iterator[State]:
    some = calls("--version", "--libdir", "--libs --json", "--target", "--verify", "verify")
    for source, environ in _SOURCES.items():
        measured = {**environ, "TEMPORAL_LIBS_METRICS": "{tmp}/metrics.json"}
        name = f"metrics, {source}"
        yield State(name, measured, {source: leave}, some)
        yield State(f"{name}, verified before", measured, {source: leave}, some, verified=True)
        yield State(f"{name}, altered", measured, {source: _alter}, some)
    yield State("metrics to nowhere", {"TEMPORAL_LIBS_METRICS": "{tmp}/no/file"}, calls=some)


def _of_places() -> Iterator[State]:
    caches = {
        "in the home directory": {"TEMPORAL_LIBS_CACHE_DIR": ""},
        "in XDG_CACHE_HOME": {"TEMPORAL_LIBS_CACHE_DIR": "", "XDG_CACHE_HOME": "{tmp}/xdg"},
        "in a relative XDG_CACHE_HOME": {"TEMPORAL_LIBS_CACHE_DIR": "", "XDG_CACHE_HOME": "xdg"},
        "without a home directory": {"TEMPORAL_LIBS_CACHE_DIR": "", "HOME": "nowhere"},
        "relative": {"TEMPORAL_LIBS_CACHE_DIR": "some/cache"},
        "a file": {"TEMPORAL_LIBS_CACHE_DIR": "{programs}/cc"},
    }
    for source, environ in _SOURCES.items():
        whole = {source: leave, "compiled": leave}
        for name, cache in caches.items():
            yield State(f"cache {name}, {source}", {**environ, **cache}, {source: leave}, _FEW)
        shared = f"cache that others can write to, {source}"
        yield State(shared, environ, whole, _FEW, cache_mode=0o777)
        yield State(f"path with a space, {source}", environ, whole, _PATHS, site="a site")


def _of_machines() -> Iterator[State]:
    for host in ("FreeBSD amd64", "Windows AMD64", "Darwin arm64", "Linux s390x"):
        machine = {"STAND_IN_HOST": host}
        gone = {"wheel": shutil.rmtree}
        yield State(f"on {host}", machine, calls=_SOME)
        yield State(f"on {host}, compile", {**machine, **_COMPILED}, gone, _SOME)
    macos = {**_COMPILED, "TEMPORAL_LIBS_TARGET": _MACOS["target"]}
    yield State("compiled, of macos-arm64", macos, {"compiled": _put_among_macos}, _SOME + _PATHS)
    yield State("on an old glibc", {"STAND_IN_GLIBC": "2.12"}, calls=_SOME)
    yield State("without build tools", {"PATH": "{tmp}"}, calls=calls("--doctor"))


def _of_compiles() -> Iterator[State]:
    record = {"TEMPORAL_LIBS_BUILD_RECORD": "{tmp}/record.json"}
    fetch = {"PATH": "{programs}", "TEMPORAL_LIBS_BOOTSTRAP_RUST": "1"}
    for name, environ in {
        "compile": {},
        "compile with line tables": {"TEMPORAL_LIBS_LINE_TABLES": "{tmp}/line-tables"},
        "compile with profile quick": {"TEMPORAL_LIBS_CARGO_PROFILE": "quick"},
        "compile for macos-arm64": {"TEMPORAL_LIBS_TARGET": "aarch64-apple-darwin"},
        "compile that fails": {"STAND_IN_FAILS": "1"},
        "compile with an old Rust": {"STAND_IN_RUST": "1.40.0"},
        "compile without Rust": {"PATH": "{programs}"},
        "compile without binutils": {"PATH": "{rust}"},
        "compile with a Rust to fetch, nothing to fetch it": fetch,
        "compile with a Rust to fetch, not fetched": {**fetch, "STAND_IN_FETCH": "1"},
    }.items():
        yield State(name, {**COMPILING, **record, **environ}, calls=_COMPILE)
    others: Mapping[str, Any] = {
        "version": "0.0.1",
        "rust_sources_sha256": "0" * 64,
        "header_sha256": "0" * 64,
        "target": "aarch64-unknown-linux-gnu",
        "cargo": {"profile": "quick", "features": None},
    }
    for fact, value in others.items():
        there = {"compiled": _describe({fact: value})}
        yield State(f"compile again, other {fact}", COMPILING, there, _COMPILE)
    yield State("compile again, altered", COMPILING, {"compiled": _alter}, _COMPILE)
    fallback = {"PATH": COMPILING["PATH"], **_FALLBACK}
    yield State("fallback that compiles", fallback, {"wheel": _alter}, _COMPILE)
