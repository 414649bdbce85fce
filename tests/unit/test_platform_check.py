"""Machines that are refused before Rust is needed. tests/wheel checks the same through pip."""

from __future__ import annotations

import platform
import sys
from pathlib import Path

import pytest

from temporal_static_libs import UnsupportedPlatformError
from temporal_static_libs._about import MANUAL_SETUP_URL
from temporal_static_libs._build.toolchain import check_platform
from temporal_static_libs._settings import Settings
from temporal_static_libs._targets import TARGETS, Target

NO_RUST = {"PATH": ""}


def refusal(workspace: Path) -> tuple[str, str]:
    """Return the reason why a machine is refused, and the advice."""
    with pytest.raises(UnsupportedPlatformError) as caught:
        check_platform(workspace, Settings(NO_RUST))
    problem, _, advice = str(caught.value).partition("\n\n")
    return problem, advice


def test_this_machine_passes(tmp_path: Path) -> None:
    check_platform(tmp_path, Settings(NO_RUST))


def test_32_bit_python_gets_the_advice_to_use_a_64_bit_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "maxsize", 2**31 - 1)
    problem, advice = refusal(tmp_path)
    assert problem.endswith(", 32-bit Python is not a supported platform")
    assert "Use a 64-bit Python" in advice
    assert advice.splitlines()[-1] == MANUAL_SETUP_URL


@pytest.mark.parametrize(
    ("system", "machine"),
    [("Windows", "AMD64"), ("FreeBSD", "i386"), ("Linux", "i686"), ("Linux", "armv7l")],
)
def test_32_bit_python_gets_no_such_advice_if_it_would_not_help(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, system: str, machine: str
) -> None:
    monkeypatch.setattr(sys, "maxsize", 2**31 - 1)
    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    assert "Use a 64-bit Python" not in refusal(tmp_path)[1]


@pytest.mark.parametrize("target", TARGETS, ids=lambda t: t.platform)
def test_explicit_target_passes_on_any_machine(
    target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Windows")
    check_platform(tmp_path, Settings({**NO_RUST, "TEMPORAL_LIBS_TARGET": target.triple}))
    with pytest.raises(UnsupportedPlatformError):
        check_platform(tmp_path, Settings({**NO_RUST, "TEMPORAL_LIBS_TARGET": ""}))
