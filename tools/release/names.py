"""What the parts of a release are called."""

from __future__ import annotations

from typing import Final

PROJECT: Final = "temporal-static-libs"

#: Without a wheel for each of these there is no release; those of other platforms may be absent.
REQUIRED: Final = ("linux-x64", "linux-arm64", "macos-arm64")


def tag_of(version: str) -> str:
    """The git tag of a release."""
    return f"temporal-libs-v{version}"


def title_of(version: str) -> str:
    """The title of a GitHub release."""
    return f"Temporal Static Libraries v{version}"


def stem_of(platform: str, version: str) -> str:
    """The name of a platform's tarball and of its checksum file, less their endings."""
    return f"{PROJECT}-{platform}-v{version}"


def sbom_of(version: str) -> str:
    """The name of the SBOM, which is the same for every platform."""
    return f"{PROJECT}-v{version}.cdx.json"
