"""The SBOM of the archives, made from cargo-cyclonedx's, the same on every machine.

cargo-cyclonedx lists everything that cargo metadata knows, including macros, crates of other
targets, and local paths. Only the linked crates are kept, named by their package URLs.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tools import ToolError
from tools.licenses.bundled_code import bundled_code, changes
from tools.licenses.linked_crates import PACKAGE, Crate

PROPERTY = "temporal-static-libs"
"""The prefix of this project's properties."""

Json = dict[str, Any]


def run_cargo_cyclonedx(program: str, workspace: Path) -> Json:
    """Make the SBOM of the package that the archives are made from, for all targets."""
    with tempfile.TemporaryDirectory() as scratch:
        # In a copy, because it writes next to each Cargo.toml.
        copy = Path(scratch, "workspace")
        shutil.copytree(workspace, copy, ignore=shutil.ignore_patterns("target"))
        subprocess.run(
            [
                *(program, "cyclonedx", "--quiet", "--format", "json", "--spec-version", "1.5"),
                *("--target", "all", "--no-build-deps", "--override-filename", "bom"),
            ],
            cwd=copy,
            # Without a time, it would generate a serial number.
            env={**os.environ, "CARGO_NET_OFFLINE": "true", "SOURCE_DATE_EPOCH": "0"},
            check=True,
        )
        boms = [json.loads(file.read_bytes()) for file in copy.glob("*/bom.json")]
    bom: Json
    (bom,) = (bom for bom in boms if bom["metadata"]["component"]["name"] == PACKAGE)
    return bom


def describe_archives(
    bom: Json,
    platforms: Mapping[Crate, tuple[str, ...]],
    expressions: Mapping[Crate, str],
    standard_library: Json,
    lock_sha256: str,
) -> Json:
    """Reduce an SBOM to the content of the archives.

    Args:
        bom: the SBOM from cargo-cyclonedx.
        platforms: the linked crates, each with its platforms.
        expressions: the license expression of each linked crate.
        standard_library: the component for Rust's standard library.
        lock_sha256: the hash of Cargo.lock.
    """
    root = bom["metadata"]["component"]
    found = {Crate.of(component): component for component in (root, *bom["components"])}
    if missing := platforms.keys() - found.keys():
        raise ToolError(f"cargo-cyclonedx does not list {', '.join(map(str, sorted(missing)))}")
    everywhere = {platform for names in platforms.values() for platform in names}
    components = {
        found[crate]["bom-ref"]: _component(found[crate], expressions[crate])
        | _properties({} if set(names) == everywhere else {"platforms": " ".join(names)})
        for crate, names in platforms.items()
    }
    edges = {
        components[edge["ref"]]["bom-ref"]: [
            components[ref]["bom-ref"] for ref in edge.get("dependsOn", []) if ref in components
        ]
        for edge in bom["dependencies"]
        if edge["ref"] in components
    }
    described = components.pop(root["bom-ref"])
    edges[described["bom-ref"]].append(standard_library["bom-ref"])
    edges[standard_library["bom-ref"]] = []
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json",
        **{key: bom[key] for key in ("bomFormat", "specVersion", "version")},
        "metadata": {"tools": bom["metadata"]["tools"], "component": described}
        | _properties({"cargo-lock-sha256": lock_sha256}),
        "components": [*components.values(), standard_library],
        "dependencies": [
            {"ref": ref, "dependsOn": sorted(depends)} for ref, depends in sorted(edges.items())
        ],
    }


def _component(component: Json, expression: str) -> Json:
    # Without `?download_url=`, which is a path for this project's crates.
    url = component["purl"].partition("?")[0]
    crate = Crate.of(component)
    kept = ("type", "name", "version", "description", "scope", "hashes")
    sources = [ref for ref in component.get("externalReferences", ()) if ref["type"] == "vcs"]
    return {
        "bom-ref": url,
        **{key: component[key] for key in kept if key in component},
        "licenses": [{"expression": expression}],
        "purl": url,
        **({"externalReferences": sources} if sources else {}),
        **bundled_code(crate),
        **changes(crate, url),
    }


def _properties(values: Mapping[str, str]) -> Json:
    pairs = [{"name": f"{PROPERTY}:{name}", "value": value} for name, value in values.items()]
    return {"properties": pairs} if pairs else {}
