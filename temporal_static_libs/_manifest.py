"""`manifest.json`: what a set of archives is. Its JSON form is share/manifest.schema.json."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ._components import component_named
from ._records import parse_json

MANIFEST_NAME = "manifest.json"
CHECKSUMS_NAME = "checksums.sha256"


@dataclass(frozen=True)
class ManifestLibrary:
    """One archive.

    Attributes:
        component: its name in the table of components.
        file: its file name.
        size: bytes.
        sha256: 64 lower-case hexadecimal digits.
        api_functions: how many functions of the header it defines; None where nobody has counted.
        system_libraries: link names, in rustc's order, that a program linking it needs besides.
        frameworks: Apple frameworks it needs, in rustc's order.
    """

    component: str
    file: str
    size: int
    sha256: str
    api_functions: int | None
    system_libraries: tuple[str, ...]
    frameworks: tuple[str, ...]

    @property
    def link_name(self) -> str:
        """The one that ``-l`` takes.

        Raises:
            ValueError: the table of components does not have it.
        """
        return component_named(self.component).library


@dataclass(frozen=True)
class Manifest:
    """A set of archives. None stands for what is not known.

    Attributes:
        version: the package's version.
        abi: the ABI id that the header and the archives share.
        target: Rust's target triple.
        platform: this project's name of the platform.
        floor_name: what the floor is a version of: ``glibc``, ``musl`` or ``macos``.
        floor_version: the oldest one the archives are made for.
        rustc: first line of ``rustc --version``.
        cargo_profile: the Cargo profile.
        cargo_features: crate name to the features it was compiled with, for Temporal's crates and
            this project's.
        source_commit: the commit that the sources are exactly those of.
        cargo_lock_sha256: hash of the Cargo.lock that named every dependency.
        rust_sources_sha256: hash of the Rust sources, made by `_build.source_hash`.
        header_sha256: hash of the C header.
        libraries: the archives.
    """

    version: str
    abi: str
    target: str
    platform: str
    floor_name: str
    floor_version: str
    rustc: str | None
    cargo_profile: str | None
    cargo_features: Mapping[str, tuple[str, ...]] | None
    source_commit: str | None
    cargo_lock_sha256: str | None
    rust_sources_sha256: str | None
    header_sha256: str
    libraries: tuple[ManifestLibrary, ...]

    def to_dict(self) -> dict[str, Any]:
        """The JSON form, as Python objects."""
        features = self.cargo_features
        return {
            "version": self.version,
            "abi": self.abi,
            "target": self.target,
            "platform": self.platform,
            "floor": {"name": self.floor_name, "version": self.floor_version},
            "rustc": self.rustc,
            "cargo": {
                "profile": self.cargo_profile,
                "features": None
                if features is None
                else {crate: list(names) for crate, names in features.items()},
            },
            "source_commit": self.source_commit,
            "cargo_lock_sha256": self.cargo_lock_sha256,
            "rust_sources_sha256": self.rust_sources_sha256,
            "header_sha256": self.header_sha256,
            "libraries": [
                {
                    "component": library.component,
                    "file": library.file,
                    "size": library.size,
                    "sha256": library.sha256,
                    "api_functions": library.api_functions,
                    "system_libraries": list(library.system_libraries),
                    "frameworks": list(library.frameworks),
                }
                for library in self.libraries
            ],
        }


def parse_manifest(text: str) -> Manifest:
    """Read the JSON form.

    Args:
        text: the content of a manifest.json.

    Raises:
        ValueError: it is not JSON, or a value is missing or of the wrong kind; the message says
            which.
    """
    top = _Object(parse_json(text), "the manifest")
    floor = top.child("floor")
    cargo = top.child("cargo")
    return Manifest(
        version=top.text("version"),
        abi=top.text("abi"),
        target=top.text("target"),
        platform=top.text("platform"),
        floor_name=floor.text("name"),
        floor_version=floor.text("version"),
        rustc=top.text_or_none("rustc"),
        cargo_profile=cargo.text_or_none("profile"),
        cargo_features=_features(cargo),
        source_commit=top.text_or_none("source_commit"),
        cargo_lock_sha256=top.text_or_none("cargo_lock_sha256"),
        rust_sources_sha256=top.text_or_none("rust_sources_sha256"),
        header_sha256=top.text("header_sha256"),
        libraries=tuple(
            ManifestLibrary(
                component=library.text("component"),
                file=library.text("file"),
                size=library.integer("size"),
                sha256=library.text("sha256"),
                api_functions=library.integer_or_none("api_functions"),
                system_libraries=library.texts("system_libraries"),
                frameworks=library.texts("frameworks"),
            )
            for library in top.children("libraries")
        ),
    )


def _features(cargo: _Object) -> dict[str, tuple[str, ...]] | None:
    if cargo.is_none("features"):
        return None
    features = cargo.child("features")
    return {crate: features.texts(crate) for crate in features.names()}


class _Object:
    """A JSON object whose values are asked for by kind, so that a wrong one is named."""

    def __init__(self, value: object, where: str) -> None:
        self._where = where
        if not isinstance(value, dict):
            raise ValueError(f"{where} is not an object")
        self._values: dict[str, object] = value

    def names(self) -> tuple[str, ...]:
        return tuple(self._values)

    def is_none(self, key: str) -> bool:
        return self._value(key) is None

    def text(self, key: str) -> str:
        value = self._value(key)
        if not isinstance(value, str):
            raise self._wrong(key, "a string")
        return value

    def text_or_none(self, key: str) -> str | None:
        return None if self.is_none(key) else self.text(key)

    def integer(self, key: str) -> int:
        value = self._value(key)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self._wrong(key, "an integer")
        return value

    def integer_or_none(self, key: str) -> int | None:
        return None if self.is_none(key) else self.integer(key)

    def texts(self, key: str) -> tuple[str, ...]:
        values = self._list(key)
        if not all(isinstance(value, str) for value in values):
            raise self._wrong(key, "a list of strings")
        return tuple(str(value) for value in values)

    def child(self, key: str) -> _Object:
        return _Object(self._value(key), f"{self._where}: {key!r}")

    def children(self, key: str) -> list[_Object]:
        where = f"{self._where}: {key!r}"
        return [_Object(value, f"{where}[{n}]") for n, value in enumerate(self._list(key))]

    def _list(self, key: str) -> list[object]:
        value = self._value(key)
        if not isinstance(value, list):
            raise self._wrong(key, "a list")
        return value

    def _value(self, key: str) -> object:
        if key not in self._values:
            raise ValueError(f"{self._where} has no {key!r}")
        return self._values[key]

    def _wrong(self, key: str, kind: str) -> ValueError:
        return ValueError(f"{self._where}: {key!r} is not {kind}")
