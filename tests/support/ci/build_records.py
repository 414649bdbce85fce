"""Fake records of builds."""

from __future__ import annotations

from typing import Any

MB = 1_000_000


def build_record(
    version: str = "0.10.1",
    platform: str = "linux-x64",
    *,
    wheel: int = 14 * MB,
    core: int = 44 * MB,
    seconds: float = 1500.0,
    fresh: int = 0,
    profile: str = "release",
) -> dict[str, Any]:
    """Return a record of a successful build.

    Args:
        version: the package's version.
        platform: a platform in the table.
        wheel: the wheel's size in bytes.
        core: the size of the `sdk-core` archive in bytes.
        seconds: the total of all phases, at least 60.
        fresh: how many of 330 units were already compiled.
        profile: the Cargo profile.
    """
    return {
        "format": 1,
        "version": version,
        "platform": platform,
        "target": "x86_64-unknown-linux-gnu",
        "profile": profile,
        "commit": "f" * 40,
        "started": "2026-11-23T12:00:00Z",
        "phases": {"prepare": 1.0, "compile": seconds - 51, "prove": 45.0, "tag": 5.0},
        "cargo": {"fresh": fresh, "compiled": 330 - fresh},
        "sccache": None,
        "toolchain": {"rustc": "rustc 1.95.0", "host": "x86_64-unknown-linux-gnu"},
        "archives": [
            {"component": "sdk-core", "file": "libtemporal_sdk_core.a", "size": core},
            {"component": "client", "file": "libtemporal_client.a", "size": 18 * MB},
        ],
        "wheel": {"file": "a.whl", "size": wheel, "tags": ["manylinux2014_x86_64"]},
        "environment": {"python": "3.11.9", "packages": {"build": "1.5.1", "pip": "26.2"}},
        "builder": {"cibuildwheel": "4.3.3", "image": "registry.test/image@sha256:0"},
        "error": None,
    }


def failed_record(version: str = "0.10.1", platform: str | None = "linux-x64") -> dict[str, Any]:
    """Return a record of a build whose sources did not compile."""
    return {
        **build_record(version),
        "platform": platform,
        "archives": [],
        "wheel": None,
        "environment": None,
        "builder": None,
        "error": {"type": "CompileError", "message": "100 % | wrong", "phase": "compile"},
    }
