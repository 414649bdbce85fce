"""The names of a release's parts."""

from __future__ import annotations

from typing import Final

PROJECT: Final = "temporal-static-libs"

#: zlib's level for packing. The highest one takes eight times as long and saves 2 %.
COMPRESSION: Final = 6

#: A release needs a wheel for each of these platforms. Wheels of others may be missing.
REQUIRED: Final = ("linux-x64", "linux-arm64", "macos-arm64")


def tag_of(version: str) -> str:
    """Return the git tag of a release."""
    return f"temporal-libs-v{version}"


def stem_of(platform: str, version: str) -> str:
    """Return the name of a platform's tarball and its checksum file, without suffixes."""
    return f"{PROJECT}-{platform}-v{version}"


def bundle_stem_of(version: str) -> str:
    """Return the name of the artifact bundle and its checksum file, without suffixes."""
    return f"{PROJECT}-v{version}.artifactbundle"
