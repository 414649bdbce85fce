"""`manifest.json`, which describes a set of archives. Its schema is share/manifest.schema.json.

The file is not trusted, and its strings become parts of paths, of commands, and of files for CMake
and pkg-config. So each string must have a form that is harmless in all of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from ._components import COMPONENTS, component_named
from ._messages import message
from ._records import parse_json

MANIFEST_NAME = "manifest.json"
CHECKSUMS_NAME = "checksums.sha256"


@dataclass(frozen=True)
class ManifestLibrary:
    """One archive.

    Attributes:
        component: the name in the table of components.
        file: the file name.
        size: bytes.
        sha256: 64 lower-case hexadecimal digits.
        api_functions: the number of functions of the header that it defines; None if unknown.
        system_libraries: link names of the system libraries to link too, in rustc's order.
        frameworks: the Apple frameworks to link too, in rustc's order.
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
        """The name for ``-l``.

        Raises:
            ValueError: the component is not in the table.
        """
        return component_named(self.component).library


@dataclass(frozen=True)
class Manifest:
    """A set of archives. None means unknown.

    Attributes:
        version: the package's version.
        abi: the ABI ID that the header and the archives share.
        target: Rust's target triple.
        platform: this project's name of the platform.
        floor_name: what `floor_version` is a version of: ``glibc``, ``musl``, ``macos`` or
            ``windows``.
        floor_version: the oldest supported version.
        rustc: the first line of ``rustc --version``.
        cargo_profile: the Cargo profile.
        cargo_features: crate name to the features it was compiled with, for Temporal's crates and
            this project's.
        source_commit: the commit, if the sources are exactly the committed ones.
        cargo_lock_sha256: hash of the Cargo.lock that was used.
        rust_sources_sha256: hash of the Rust sources, from `_build.source_tree`.
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
        """Return the JSON form, as Python objects."""
        return _encoded(self)


def parse_manifest(text: str) -> Manifest:
    """Read the JSON form.

    Args:
        text: the content of a manifest.json.

    Raises:
        ValueError: it is not JSON, or a value is missing or of the wrong kind; the message names
            the value.
    """
    manifest: Manifest = _decoded(Manifest, parse_json(text), "the manifest")
    components = [library.component for library in manifest.libraries]
    for component in components:
        if components.count(component) > 1:
            raise ValueError(message("component-twice", component=component))
    return manifest


# Fields that are nested in an object in the JSON form, with the path of their keys.
_PLACES = {
    "floor_name": ("floor", "name"),
    "floor_version": ("floor", "version"),
    "cargo_profile": ("cargo", "profile"),
    "cargo_features": ("cargo", "features"),
}


_NAME = re.compile(r"[0-9A-Za-z_][0-9A-Za-z_.+-]*")
_HEX = re.compile(r"[0-9a-f]+")
_SHA256 = re.compile(r"[0-9a-f]{64}")
# The form of a field's strings, and its name in messages. For a mapping, also that of its keys.
_FORMS: Mapping[str, tuple[re.Pattern[str], str]] = {
    "version": (re.compile(r"[0-9][0-9A-Za-z.+]*"), "a version"),
    "abi": (re.compile(r"[0-9A-Za-z_]+"), "an ABI id"),
    "target": (_NAME, "a target triple"),
    "platform": (_NAME, "a platform"),
    "floor_name": (_NAME, "a plain name"),
    "floor_version": (re.compile(r"[0-9.]+"), "a version"),
    "rustc": (re.compile(r"[0-9A-Za-z_ .,:()/+~-]+"), "a version of rustc"),
    "cargo_profile": (_NAME, "a Cargo profile"),
    "cargo_features": (re.compile(r"[0-9A-Za-z_][0-9A-Za-z_.+:/?-]*"), "a crate or its features"),
    "source_commit": (_HEX, "a commit"),
    "cargo_lock_sha256": (_SHA256, "64 lower-case hexadecimal digits"),
    "rust_sources_sha256": (_SHA256, "64 lower-case hexadecimal digits"),
    "header_sha256": (_SHA256, "64 lower-case hexadecimal digits"),
    "component": (
        re.compile("|".join(re.escape(component.name) for component in COMPONENTS)),
        f"one of {', '.join(component.name for component in COMPONENTS)}",
    ),
    "file": (_NAME, "a plain file name"),
    "sha256": (_SHA256, "64 lower-case hexadecimal digits"),
    "system_libraries": (_NAME, "a list of link names"),
    "frameworks": (_NAME, "a list of frameworks"),
}


def _encoded(described: Manifest | ManifestLibrary) -> dict[str, Any]:
    form: dict[str, Any] = {}
    for field in fields(described):
        value = getattr(described, field.name)
        if field.name == "libraries":
            value = [_encoded(library) for library in value]
        elif isinstance(value, tuple):
            value = list(value)
        elif isinstance(value, Mapping):
            value = {crate: list(names) for crate, names in value.items()}
        *parents, key = _PLACES.get(field.name, (field.name,))
        place = form
        for parent in parents:
            place = place.setdefault(parent, {})
        place[key] = value
    return form


def _decoded(kind: type[Any], form: object, where: str) -> Any:
    """Make a dataclass from its JSON form, with each field of the annotated type."""
    values = {}
    for field in fields(kind):
        *parents, key = _PLACES.get(field.name, (field.name,))
        place, at = form, where
        for parent in parents:
            place, at = _value(place, parent, at), f"{at}: {parent!r}"
        value = _value(place, key, at)
        annotation, optional, _ = str(field.type).partition(" | None")
        is_unknown = bool(optional) and value is None
        read = None if is_unknown else _READERS[annotation](value, key, at)
        _check_form(field.name, read, key, at)
        values[field.name] = read
    return kind(**values)


def _check_form(name: str, value: object, key: str, where: str) -> None:
    if name not in _FORMS:
        return
    pattern, form = _FORMS[name]
    if not all(map(pattern.fullmatch, _strings(value))):
        raise ValueError(message("wrong-kind", where=where, key=key, kind=form))


def _strings(value: object) -> list[str]:
    if isinstance(value, Mapping):
        return [*value, *(text for texts in value.values() for text in texts)]
    if isinstance(value, tuple):
        return list(value)
    return [value] if isinstance(value, str) else []


def _value(form: object, key: str, where: str) -> object:
    if not isinstance(form, dict):
        raise ValueError(message("not-an-object", where=where))
    if key not in form:
        raise ValueError(message("no-value", where=where, key=key))
    return form[key]


def _checked(value: object, type_: type[Any], kind: str, key: str, where: str) -> Any:
    if not isinstance(value, type_) or (isinstance(value, bool) and type_ is int):
        raise ValueError(message("wrong-kind", where=where, key=key, kind=kind))
    return value


def _texts(value: object, key: str, where: str) -> tuple[str, ...]:
    texts = _checked(value, list, "a list", key, where)
    return tuple(_checked(text, str, "a list of strings", key, where) for text in texts)


def _features(value: object, key: str, where: str) -> dict[str, tuple[str, ...]]:
    inner = f"{where}: {key!r}"
    if not isinstance(value, dict):
        raise ValueError(message("not-an-object", where=inner))
    return {crate: _texts(names, crate, inner) for crate, names in value.items()}


def _libraries(value: object, key: str, where: str) -> tuple[ManifestLibrary, ...]:
    forms = enumerate(_checked(value, list, "a list", key, where))
    return tuple(_decoded(ManifestLibrary, form, f"{where}: {key!r}[{n}]") for n, form in forms)


_READERS: Mapping[str, Callable[[object, str, str], object]] = {
    "str": lambda value, key, where: _checked(value, str, "a string", key, where),
    "int": lambda value, key, where: _checked(value, int, "an integer", key, where),
    "tuple[str, ...]": _texts,
    "Mapping[str, tuple[str, ...]]": _features,
    "tuple[ManifestLibrary, ...]": _libraries,
}
