"""Converting cargo-cyclonedx's SBOM to that of the archives."""

from __future__ import annotations

from typing import Any

import pytest

from tools import ToolError
from tools.licenses.linked_crates import PACKAGE, Crate
from tools.licenses.sbom import describe_archives

ROOT = Crate(PACKAGE, "0.1.0")
ONE = Crate("one", "1.0.0")
MACRO = Crate("macro", "3.0.0")
MAC = Crate("mac", "4.0.0")
STANDARD_LIBRARY = {"type": "library", "bom-ref": "std", "name": "std"}


def component(crate: Crate, **more: Any) -> dict[str, Any]:
    """cargo-cyclonedx's entry for a crate."""
    return {
        "type": "library",
        "bom-ref": f"path+file:///home/me/{crate.name}",
        "name": crate.name,
        "version": crate.version,
        "author": "Me <me@example.invalid>",
        "purl": f"pkg:cargo/{crate.name}@{crate.version}?download_url=file://.",
        **more,
    }


def bom() -> dict[str, Any]:
    """An SBOM with a package, a crate, a macro, and a crate that only one platform uses."""
    refs = {crate: component(crate)["bom-ref"] for crate in (ROOT, ONE, MACRO, MAC)}
    sources = [{"type": "website", "url": "w"}, {"type": "vcs", "url": "v"}]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "timestamp": "1970-01-01T00:00:00Z",
            "tools": [{"name": "cargo-cyclonedx"}],
            "component": component(ROOT, components=[{"bom-ref": "file:///x", "name": "lib"}]),
        },
        "components": [
            component(ONE, externalReferences=sources),
            component(MACRO),
            component(MAC, hashes=[{"alg": "SHA-256", "content": "00"}]),
        ],
        "dependencies": [
            {"ref": refs[ROOT], "dependsOn": [refs[MACRO], refs[ONE]]},
            {"ref": refs[ONE], "dependsOn": [refs[MAC]]},
            {"ref": refs[MACRO]},
            {"ref": refs[MAC]},
        ],
    }


def described(*linked: Crate) -> dict[str, Any]:
    """The SBOM of archives with some crates, where only one platform has `MAC`."""
    platforms = {
        crate: ("macos-arm64",) if crate == MAC else ("linux-x64", "macos-arm64")
        for crate in linked
    }
    return describe_archives(
        bom(), platforms, dict.fromkeys(linked, "MIT"), dict(STANDARD_LIBRARY), "00ff"
    )


def test_only_linked_crates_are_kept() -> None:
    sbom = described(ROOT, ONE, MAC)
    assert sbom["metadata"]["component"]["name"] == PACKAGE
    assert [part["name"] for part in sbom["components"]] == ["one", "mac", "std"]
    assert sbom["dependencies"] == [
        {"ref": "pkg:cargo/mac@4.0.0", "dependsOn": []},
        {"ref": "pkg:cargo/one@1.0.0", "dependsOn": ["pkg:cargo/mac@4.0.0"]},
        {"ref": f"pkg:cargo/{PACKAGE}@0.1.0", "dependsOn": ["pkg:cargo/one@1.0.0", "std"]},
        {"ref": "std", "dependsOn": []},
    ]


def test_component_has_its_package_url_and_source() -> None:
    one, *_ = described(ROOT, ONE)["components"]
    assert one == {
        "bom-ref": "pkg:cargo/one@1.0.0",
        "type": "library",
        "name": "one",
        "version": "1.0.0",
        "licenses": [{"expression": "MIT"}],
        "purl": "pkg:cargo/one@1.0.0",
        "externalReferences": [{"type": "vcs", "url": "v"}],
    }


def test_component_of_some_platforms_lists_them() -> None:
    one, mac, _ = described(ROOT, ONE, MAC)["components"]
    assert "properties" not in one
    assert mac["properties"] == [{"name": "temporal-static-libs:platforms", "value": "macos-arm64"}]
    assert mac["hashes"] == [{"alg": "SHA-256", "content": "00"}]


def test_sbom_has_no_machine_specific_data_and_no_time() -> None:
    sbom = described(ROOT, ONE, MAC)
    assert "file:" not in str(sbom)
    assert sbom["metadata"].keys() == {"tools", "component", "properties"}
    assert sbom["metadata"]["properties"] == [
        {"name": "temporal-static-libs:cargo-lock-sha256", "value": "00ff"}
    ]


def test_linked_crate_missing_from_cargo_cyclonedx_is_an_error() -> None:
    with pytest.raises(ToolError, match=r"cargo-cyclonedx does not list other 5\.0\.0"):
        described(ROOT, ONE, Crate("other", "5.0.0"))
