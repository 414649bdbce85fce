"""Names of the parts of a release."""

from __future__ import annotations

from typing import Final

PROJECT: Final = "temporal-static-libs"

#: Of zlib, for all that is packed here. The highest takes eight times as long, for 2 % less.
COMPRESSION: Final = 6

#: Without a wheel for each of these there is no release; those of other platforms may be absent.
REQUIRED: Final = ("linux-x64", "linux-arm64", "macos-arm64")


def tag_of(version: str) -> str:
    """Return the git tag of a release."""
    return f"temporal-libs-v{version}"


def stem_of(platform: str, version: str) -> str:
    """Return the name of a platform's tarball and of its checksum file, less their endings."""
    return f"{PROJECT}-{platform}-v{version}"


def bundle_stem_of(version: str) -> str:
    """Return the name of the artifact bundle and of its checksum file, less their endings."""
    return f"{PROJECT}-v{version}.artifactbundle"
