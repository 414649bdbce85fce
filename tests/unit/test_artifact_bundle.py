"""The artifact bundle for Swift Package Manager, which covers several platforms."""

from __future__ import annotations

import pytest

from temporal_static_libs._targets import TARGETS
from tools.release.artifact_bundle import semantic_version, swift_triple

TRIPLES = {
    "linux-x64": "x86_64-unknown-linux-gnu",
    "linux-arm64": "aarch64-unknown-linux-gnu",
    "macos-arm64": "arm64-apple-macosx",
    "linux-x64-musl": "x86_64-swift-linux-musl",
    "linux-arm64-musl": "aarch64-swift-linux-musl",
    "macos-x64": "x86_64-apple-macosx",
}


def test_triples_match_swifts_platform_names() -> None:
    named = {target.platform: swift_triple(target) for target in TARGETS}
    assert {platform: triple for platform, triple in named.items() if triple} == TRIPLES


@pytest.mark.parametrize(
    ("version", "expected"), [("1.2.3", "1.2.3"), ("1.2.3.post4", "1.2.3+post4")]
)
def test_repackaging_becomes_semver_build_metadata(version: str, expected: str) -> None:
    assert semantic_version(version) == expected
