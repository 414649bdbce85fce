"""A manifest for tests, for archives that do not exist."""

from __future__ import annotations

from temporal_static_libs import __version__
from temporal_static_libs._manifest import Manifest, ManifestLibrary

MANIFEST = Manifest(
    version=__version__,
    abi="0123456789abcdef",
    target="aarch64-apple-darwin",
    platform="macos-arm64",
    floor_name="macos",
    floor_version="11.0",
    rustc="rustc 1.88.0 (6b00bc388 2025-06-23)",
    cargo_profile="release",
    cargo_features={"temporalio-client": ("envconfig", "telemetry"), "temporalio-common": ()},
    source_commit="1" * 40,
    cargo_lock_sha256="2" * 64,
    rust_sources_sha256="5" * 64,
    header_sha256="3" * 64,
    libraries=(
        ManifestLibrary(
            component="sdk-core",
            file="libtemporal_sdk_core.a",
            size=123,
            sha256="4" * 64,
            api_functions=62,
            system_libraries=("iconv", "System", "c", "m"),
            frameworks=("Security", "CoreFoundation"),
        ),
    ),
)
