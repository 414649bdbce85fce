"""Detecting the platform from Python, before anything needs Rust."""

from __future__ import annotations

import platform
import sys
import sysconfig

import pytest

from temporal_static_libs import UnsupportedPlatformError
from temporal_static_libs._build.host import Host, target_of_host, this_host


def pretend(
    monkeypatch: pytest.MonkeyPatch,
    system: str,
    machine: str,
    *,
    libc: tuple[str, str] = ("", ""),
    configured: str | None = None,
    mac: str = "",
    windows: str = "10.0.22631",
    bits: int = 64,
) -> Host:
    """Detect the host from these values of Python's functions."""
    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(platform, "libc_ver", lambda: libc)
    monkeypatch.setattr(platform, "mac_ver", lambda: (mac, ("", "", ""), machine))
    monkeypatch.setattr(platform, "version", lambda: windows)
    monkeypatch.setattr(sysconfig, "get_config_var", lambda name: configured)
    monkeypatch.setattr(sys, "maxsize", 2 ** (bits - 1) - 1)
    return this_host()


@pytest.mark.parametrize(
    ("system", "machine", "libc", "configured", "mac", "name", "text"),
    [
        pytest.param(
            *("Linux", "x86_64", ("glibc", "2.17"), None, ""),
            *("linux-x64", "Linux x86_64 with glibc 2.17"),
            id="glibc",
        ),
        pytest.param(
            *("Linux", "aarch64", ("glibc", "2.36"), "aarch64-pc-linux-gnu", ""),
            *("linux-arm64", "Linux aarch64 with glibc 2.36"),
            id="arm64",
        ),
        pytest.param(
            *("Linux", "x86_64", ("", ""), "x86_64-alpine-linux-musl", ""),
            *("linux-x64-musl", "Linux x86_64"),
            id="musl-by-what-python-was-made-for",
        ),
        pytest.param(
            *("Linux", "aarch64", ("musl", "1.2.5"), None, ""),
            *("linux-arm64-musl", "Linux aarch64 with musl 1.2.5"),
            id="musl-that-python-knows",
        ),
        pytest.param(
            *("Darwin", "arm64", ("", ""), None, "11.0"),
            *("macos-arm64", "macOS 11.0 arm64"),
            id="macos",
        ),
        pytest.param(
            *("Darwin", "arm64", ("", ""), None, "11"),
            *("macos-arm64", "macOS 11 arm64"),
            id="macos-without-a-minor-version",
        ),
        pytest.param(
            *("Darwin", "x86_64", ("", ""), None, "10.12.6"),
            *("macos-x64", "macOS 10.12.6 x86_64"),
            id="old-macos",
        ),
    ],
)
def test_supported(
    monkeypatch: pytest.MonkeyPatch,
    system: str,
    machine: str,
    libc: tuple[str, str],
    configured: str | None,
    mac: str,
    name: str,
    text: str,
) -> None:
    host = pretend(monkeypatch, system, machine, libc=libc, configured=configured, mac=mac)
    assert host.target is not None
    assert host.target.platform == name
    assert not host.is_too_old
    assert str(host) == text


@pytest.mark.parametrize(
    ("system", "machine", "libc", "configured", "bits", "text"),
    [
        ("Windows", "AMD64", ("", ""), None, 32, "Windows AMD64, 32-bit Python"),
        ("Windows", "ARM64", ("", ""), None, 64, "Windows ARM64"),
        ("FreeBSD", "amd64", ("", ""), "x86_64-unknown-freebsd", 64, "FreeBSD amd64"),
        # A 32-bit Python on a 64-bit kernel.
        (
            *("Linux", "x86_64", ("glibc", "2.36"), "i686-pc-linux-gnu", 32),
            "Linux x86_64 with glibc 2.36, 32-bit Python",
        ),
        (
            *("Linux", "armv7l", ("glibc", "2.36"), None, 32),
            "Linux armv7l with glibc 2.36, 32-bit Python",
        ),
        ("Linux", "riscv64", ("glibc", "2.39"), None, 64, "Linux riscv64 with glibc 2.39"),
        ("Linux", "aarch64", ("libc", ""), "aarch64-unknown-linux-android", 64, "Linux aarch64"),
        ("", "", ("", ""), None, 64, "an unknown system"),
    ],
)
def test_not_supported(
    monkeypatch: pytest.MonkeyPatch,
    system: str,
    machine: str,
    libc: tuple[str, str],
    configured: str | None,
    bits: int,
    text: str,
) -> None:
    host = pretend(monkeypatch, system, machine, libc=libc, configured=configured, bits=bits)
    assert host.target is None
    assert not host.is_too_old
    assert str(host) == text


@pytest.mark.parametrize(
    ("system", "machine", "libc", "mac"),
    [
        ("Linux", "x86_64", ("glibc", "2.16"), ""),
        ("Linux", "x86_64", ("glibc", "2.5"), ""),
        ("Linux", "x86_64", ("musl", "1.1.24"), ""),
        ("Darwin", "x86_64", ("", ""), "10.9.5"),
    ],
)
def test_too_old(
    monkeypatch: pytest.MonkeyPatch, system: str, machine: str, libc: tuple[str, str], mac: str
) -> None:
    host = pretend(monkeypatch, system, machine, libc=libc, mac=mac)
    assert host.target is not None
    assert host.is_too_old


def test_target_of_a_host_is_its_row_of_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, "Darwin", "arm64", mac="14.5")
    assert target_of_host().platform == "macos-arm64"


def test_error_for_an_unsupported_host_lists_the_supported_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pretend(monkeypatch, "Windows", "ARM64")
    with pytest.raises(UnsupportedPlatformError) as caught:
        target_of_host()
    first, second = str(caught.value).splitlines()
    assert first == "Windows ARM64 is not a supported platform"
    assert "linux-x64 (x86_64-unknown-linux-gnu)" in second


@pytest.mark.parametrize(
    ("version", "is_too_old"), [("10.0.19045", False), ("10", False), ("6.3.9600", True)]
)
def test_windows_uses_the_first_row_of_its_processor(
    monkeypatch: pytest.MonkeyPatch, version: str, is_too_old: bool
) -> None:
    host = pretend(monkeypatch, "Windows", "AMD64", windows=version)
    assert host.target is not None
    assert host.target.platform == "windows-x64-gnu"
    assert host.is_too_old is is_too_old
    assert pretend(monkeypatch, "Windows", "ARM64").target is None
    assert pretend(monkeypatch, "Windows", "AMD64", bits=32).target is None


def test_this_machine_is_supported() -> None:
    host = this_host()
    assert host.target is not None
    assert not host.is_too_old
