"""Pressing Tab in a shell that has loaded the output of `--completion`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pexpect
import pytest

from tests.support.ci.skips import require_program

if TYPE_CHECKING:
    from tests.wheel.conftest import Command

# How each shell starts without user settings, and the reference's command to load completion.
SHELLS = {
    "bash": (["--norc", "--noprofile", "-i"], "source <(temporal-libs-config --completion bash)"),
    "fish": (["--no-config", "-i"], "temporal-libs-config --completion fish | source"),
    "zsh": (["--no-rcs", "-i"], 'eval "$(temporal-libs-config --completion zsh)"'),
}


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[pexpect.spawn]:
    """An interactive shell."""
    arguments, told = SHELLS[request.param]
    first = "autoload -Uz compinit; compinit -D; " if request.param == "zsh" else ""
    environ = {
        "HOME": str(tmp_path),
        "LC_ALL": "C.UTF-8",
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.defpath]),
        "TERM": "dumb",
    }
    child = pexpect.spawn(
        require_program(request.param),
        arguments,
        env=environ,
        cwd=str(tmp_path),
        encoding="utf-8",
        timeout=30,
        dimensions=(50, 200),
    )
    try:
        # The typed text does not contain the marker itself, so that only its output matches.
        child.sendline(f"{first}{told}; echo 'rea''dy'")
        child.expect("ready")
        yield child
    finally:
        child.close(force=True)


def test_option_is_completed(shell: pexpect.spawn) -> None:
    shell.send("temporal-libs-config --pkgc\t")
    shell.expect("onfigdir")
    shell.sendline()
    shell.expect("lib/pkgconfig")


def test_value_is_completed(shell: pexpect.spawn) -> None:
    shell.send("temporal-libs-config --component cl\t")
    shell.expect("ient")
    shell.sendline(" --libfiles")
    shell.expect("libtemporal_client.a")


def test_reference_has_the_command_for_each_shell(repo_root: Path) -> None:
    page = (repo_root / "docs" / "cli.md").read_text(encoding="utf-8")
    for name, (_, told) in SHELLS.items():
        assert f"| {name} | `{told}`" in page


@pytest.mark.parametrize("name", SHELLS)
def test_script_is_printed_with_any_archives(
    command: Command, package_dir: Path, name: str
) -> None:
    printed = command.run("--completion", name, environ={"TEMPORAL_LIBS_DIR": "/nonexistent"})
    assert (printed.returncode, printed.stderr) == (0, b"")
    file = package_dir / "share" / "completion" / f"temporal-libs-config.{name}"
    assert printed.stdout == file.read_bytes()
    assert b"--completion" in printed.stdout
