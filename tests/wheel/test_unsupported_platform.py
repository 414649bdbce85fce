"""The source distribution on unsupported platforms: what pip selects and prints."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from benchmarks.harness.package_index import PROJECT, pip
from temporal_static_libs import __version__
from temporal_static_libs._about import MANUAL_SETUP_URL
from temporal_static_libs._targets import TARGETS
from tests.support.pip.fake_platform import FakePlatform

REFUSALS = [
    pytest.param(
        FakePlatform("Linux", "i686", "linux-i686"),
        "Linux i686 with glibc {glibc} is not a supported platform",
        "for example in a virtual machine or a container",
        id="linux-32-bit",
    ),
    pytest.param(
        FakePlatform("Windows", "ARM64", "win-arm64"),
        "Windows ARM64 is not a supported platform",
        "Install in WSL 2 or in a Linux container.",
        id="windows",
    ),
    pytest.param(
        FakePlatform("Windows", "x86", "win32"),
        "Windows x86 is not a supported platform",
        "Install in WSL 2 or in a Linux container.",
        id="windows-32-bit",
    ),
    pytest.param(
        FakePlatform("FreeBSD", "amd64", "freebsd-14.1-release-amd64"),
        "FreeBSD amd64 is not a supported platform",
        "for example in a virtual machine or a container",
        id="freebsd",
    ),
    pytest.param(
        FakePlatform("Linux", "s390x", "linux-s390x"),
        "Linux s390x with glibc {glibc} is not a supported platform",
        "for example in a virtual machine or a container",
        id="s390x",
    ),
    pytest.param(
        FakePlatform("Linux", "x86_64", "linux-x86_64", glibc="2.12"),
        "Linux x86_64 with glibc 2.12 is older than glibc 2.17, the oldest for linux-x64",
        "for example in a virtual machine or a container",
        id="old-glibc",
    ),
]


@dataclass(frozen=True)
class Attempt:
    """The result of requesting a wheel from pip.

    Attributes:
        said: everything that pip printed.
        message: the lines of the build's message.
        made: the wheels that were made.
    """

    said: str
    message: list[str]
    made: list[Path]


@pytest.fixture
def no_rust(tmp_path: Path) -> str:
    """A PATH without programs."""
    (tmp_path / "bin").mkdir()
    return str(tmp_path / "bin")


def attempt(index: str, tmp_path: Path, environ: dict[str, str]) -> Attempt:
    """A function that requests the project's wheel from the index with pip."""
    made = tmp_path / "made"
    done = pip(
        sys.executable,
        index,
        *("wheel", "--no-build-isolation", "--no-deps", "--wheel-dir", made, PROJECT),
        cwd=tmp_path,
        environ={"CARGO_TARGET_DIR": str(tmp_path / "target"), **environ},
    )
    lines = [line.strip() for line in done.stdout.splitlines()]
    starts = [n for n, line in enumerate(lines) if line.startswith(f"{PROJECT} cannot be")]
    ends = [n for n, line in enumerate(lines) if line == "[end of output]"]
    message = lines[starts[0] : ends[0]] if starts and ends else []
    return Attempt(done.stdout, message, list(made.glob("*")))


def assert_refused(done: Attempt, tmp_path: Path, reason: str, remedy: str) -> None:
    """Check that pip's output has everything that a refusal needs."""
    assert f"temporal_static_libs-{__version__}.tar.gz" in done.said
    assert done.message, done.said
    assert done.message[0] == f"temporal-static-libs cannot be compiled here: {reason}"
    text = "\n".join(done.message)
    assert remedy in text
    for target in TARGETS:
        assert f"{target.platform} ({target.triple})" in text
    assert "TEMPORAL_LIBS_TARGET" in text
    assert "TEMPORAL_LIBS_DIR" in text
    assert "Install Rust" not in text
    assert done.message[-1] == MANUAL_SETUP_URL
    assert "Traceback" not in done.said
    assert done.made == []
    assert not (tmp_path / "target").exists()


@pytest.mark.parametrize(("fake", "reason", "remedy"), REFUSALS)
def test_refusal_does_not_ask_for_rust(
    fake: FakePlatform, reason: str, remedy: str, index: str, tmp_path: Path, no_rust: str
) -> None:
    done = attempt(index, tmp_path, {**fake.environ(tmp_path / "fake"), "PATH": no_rust})
    glibc = os.confstr("CS_GNU_LIBC_VERSION").split()[-1]  # type: ignore[union-attr]
    assert_refused(done, tmp_path, reason.format(glibc=glibc), remedy)


@pytest.mark.parametrize(("fake", "reason", "remedy"), [REFUSALS[1], REFUSALS[5]])
def test_refused_before_compiling_even_with_rust(
    fake: FakePlatform, reason: str, remedy: str, index: str, tmp_path: Path
) -> None:
    done = attempt(index, tmp_path, fake.environ(tmp_path / "fake"))
    assert_refused(done, tmp_path, reason, remedy)


def install_rustc(directory: str, version: str, host: str) -> None:
    """Put a rustc into a directory that only prints its version."""
    program = Path(directory, "rustc")
    program.write_text(f"#!/bin/sh\necho 'rustc {version}'\necho 'host: {host}'\n")
    program.chmod(0o755)


@pytest.mark.parametrize("version", ["1.95.0", "1.40.0"])
def test_rustc_of_an_unsupported_platform_is_refused_in_any_version(
    version: str, tiny_sdist: Path, tmp_path: Path, no_rust: str
) -> None:
    install_rustc(no_rust, version, "i686-unknown-linux-gnu")
    done = attempt_file(tiny_sdist, tmp_path, {"PATH": os.pathsep.join([no_rust, "/bin"])})
    assert_refused(
        done,
        tmp_path,
        "rustc's own platform, 'i686-unknown-linux-gnu', is not supported",
        "TEMPORAL_LIBS_TARGET=x86_64-unknown-linux-gnu and install Rust's standard library for it.",
    )


def attempt_file(sdist: Path, tmp_path: Path, environ: dict[str, str]) -> Attempt:
    """Request the wheel from a file, which leaves pip no choice."""
    (tmp_path / "shelf").mkdir()
    shutil.copyfile(sdist, tmp_path / "shelf" / sdist.name)
    only_sdist = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path / "shelf")}
    return attempt("http://127.0.0.1:9/", tmp_path, {**environ, **only_sdist})


def test_unsupported_explicit_target_is_refused(
    tiny_sdist: Path, tmp_path: Path, no_rust: str
) -> None:
    environ = {"PATH": no_rust, "TEMPORAL_LIBS_TARGET": "i686-pc-windows-msvc"}
    assert_refused(
        attempt_file(tiny_sdist, tmp_path, environ),
        tmp_path,
        "TEMPORAL_LIBS_TARGET, 'i686-pc-windows-msvc', is not supported",
        "Set it to a supported triple.",
    )


def test_explicit_target_overrides_the_machine(
    tiny_sdist: Path, tmp_path: Path, no_rust: str
) -> None:
    fake = FakePlatform("Linux", "s390x", "linux-s390x")
    environ = {
        **fake.environ(tmp_path / "fake"),
        "PATH": no_rust,
        "TEMPORAL_LIBS_TARGET": "x86_64-unknown-linux-gnu",
    }
    done = attempt_file(tiny_sdist, tmp_path, environ)
    assert done.message[0].endswith(": cargo was not found on PATH"), done.said


def test_supported_platform_without_rust_ends_with_the_same_url(
    tiny_sdist: Path, tmp_path: Path, no_rust: str
) -> None:
    done = attempt_file(tiny_sdist, tmp_path, {"PATH": no_rust})
    assert done.message[0].endswith(": cargo was not found on PATH"), done.said
    assert "pip selected no wheel" in done.said
    assert "This Python has pip" not in done.said
    assert done.message[-1] == MANUAL_SETUP_URL
