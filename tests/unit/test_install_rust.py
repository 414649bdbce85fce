"""The step that installs Rust before wheels are built, with a fake installer."""

from __future__ import annotations

import platform
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from temporal_static_libs._checksums import sha256_of
from temporal_static_libs._targets import TARGETS
from tests.support.ci.skips import require_program

# Stands in for the downloaded installer. Records how it was called.
INSTALLER = """\
#!/bin/sh
echo "$@" > "$HOME/asked"
mkdir -p "$HOME/.cargo/bin"
for tool in cargo rustc; do
    printf '#!/bin/sh\\necho %s %s\\n' "$tool" '{version}' > "$HOME/.cargo/bin/$tool"
    chmod +x "$HOME/.cargo/bin/$tool"
done
"""

# Everything that the script needs, without cargo, rustc or rustup.
PROGRAMS = (
    *("chmod", "curl", "cut", "grep", "ldd", "mkdir", "mktemp", "rm", "sh", "sha256sum", "uname"),
)


@pytest.fixture
def script(repo_root: Path) -> Path:
    """The script."""
    return repo_root / "tools" / "wheel" / "install_rust.sh"


@pytest.fixture
def pinned(script: Path) -> str:
    """The version that it pins."""
    (found,) = re.findall(r"^pinned=(\d+\.\d+\.\d+)$", script.read_text(), re.MULTILINE)
    return str(found)


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """The environment of a machine without Rust."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for program in PROGRAMS:
        (programs / program).symlink_to(require_program(program))
    home = tmp_path / "home"
    home.mkdir()
    return {"HOME": str(home), "PATH": str(programs), "TMPDIR": str(tmp_path)}


def install(environ: Mapping[str, str], name: str, text: str) -> None:
    """Put a program on PATH."""
    program = Path(environ["PATH"], name)
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(0o755)


def run(
    script: Path, environ: Mapping[str, str], *components: str
) -> subprocess.CompletedProcess[str]:
    """Run the script, with any exit status."""
    return subprocess.run(
        ["/bin/sh", script, *components], env=environ, capture_output=True, text=True, check=False
    )


def host() -> str:
    """This machine's target triple."""
    libc = "gnu" if platform.libc_ver()[0] == "glibc" else "musl"
    return f"{platform.machine()}-unknown-linux-{libc}"


def serve(script: Path, environ: dict[str, str], tmp_path: Path, version: str) -> Path:
    """Provide an installer that installs cargo and rustc of a version.

    Returns:
        The script with the checksum of that installer.
    """
    text = script.read_text(encoding="utf-8")
    (rustup,) = re.findall(r"^rustup=(\d+\.\d+\.\d+)$", text, re.MULTILINE)
    installer = tmp_path / "rustup" / "archive" / rustup / host() / "rustup-init"
    installer.parent.mkdir(parents=True)
    installer.write_text(INSTALLER.replace("{version}", version))
    environ["RUSTUP_UPDATE_ROOT"] = (tmp_path / "rustup").as_uri()
    text, count = re.subn(rf"{host()}\) echo \w+ ", f"{host()}) echo {sha256_of(installer)} ", text)
    assert count == 1
    changed = tmp_path / "install_rust.sh"
    changed.write_text(text, encoding="utf-8")
    return changed


def asked(environ: Mapping[str, str]) -> str:
    """The arguments that the installer received."""
    return Path(environ["HOME"], "asked").read_text()


def test_nothing_is_done_if_the_pinned_version_is_installed(
    script: Path, environ: dict[str, str], pinned: str
) -> None:
    for tool in ("cargo", "rustc"):
        install(environ, tool, f"echo {tool} {pinned} '(6b00bc388 2025-06-23)'")
    done = run(script, environ)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"Rust {pinned}\n", "")


def test_pinned_version_is_installed_if_there_is_no_rust(
    script: Path, environ: dict[str, str], pinned: str, tmp_path: Path
) -> None:
    script = serve(script, environ, tmp_path, pinned)
    done = run(script, environ)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"Rust {pinned}\n", "")
    assert "--profile minimal" in asked(environ)
    assert asked(environ).endswith(f"--default-toolchain {pinned}\n")
    assert not list(tmp_path.glob("tmp.*"))


def test_other_version_is_replaced_by_the_pinned_one(
    script: Path, environ: dict[str, str], pinned: str, tmp_path: Path
) -> None:
    script = serve(script, environ, tmp_path, pinned)
    for tool in ("cargo", "rustc"):
        install(environ, tool, f"echo {tool} 1.99.0")
    assert run(script, environ).returncode == 0
    assert f"--default-toolchain {pinned}" in asked(environ)


def test_existing_rustup_is_used(script: Path, environ: dict[str, str], pinned: str) -> None:
    install(environ, "rustup", 'echo "$@" >> "$HOME/asked"')
    for tool in ("cargo", "rustc"):
        # Like rustup's proxies, they print the version of the default toolchain.
        install(
            environ,
            tool,
            f'grep -q "^default {pinned}$" "$HOME/asked" 2>/dev/null && echo {tool} {pinned}',
        )
    done = run(script, environ)
    assert (done.returncode, done.stderr) == (0, "")
    assert asked(environ) == (
        f"toolchain install --no-self-update --profile minimal {pinned}\ndefault {pinned}\n"
    )


def test_components_are_added(script: Path, environ: dict[str, str], pinned: str) -> None:
    install(environ, "rustup", 'echo "$@" >> "$HOME/asked"')
    for tool in ("cargo", "rustc"):
        install(environ, tool, f"echo {tool} {pinned}")
    done = run(script, environ, "clippy", "rustfmt")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"Rust {pinned}\n", "")
    assert asked(environ) == "component add clippy rustfmt\n"


def test_version_can_be_specified(script: Path, environ: dict[str, str], tmp_path: Path) -> None:
    script = serve(script, environ, tmp_path, "1.90.0")
    environ["TEMPORAL_LIBS_RUST_VERSION"] = "1.90.0"
    assert run(script, environ).stdout == "Rust 1.90.0\n"


def test_installed_version_can_be_requested(
    script: Path, environ: dict[str, str], pinned: str
) -> None:
    environ["TEMPORAL_LIBS_RUST_VERSION"] = "installed"
    for tool in ("cargo", "rustc"):
        install(environ, tool, f"echo {tool} 1.96.0")
    done = run(script, environ)
    assert done.returncode == 0
    assert done.stdout == (
        f"Rust as installed: cargo 1.96.0, rustc 1.96.0 (published wheels: {pinned})\n"
    )


def test_requesting_the_installed_version_needs_an_installation(
    script: Path, environ: dict[str, str]
) -> None:
    environ["TEMPORAL_LIBS_RUST_VERSION"] = "installed"
    install(environ, "cargo", "echo cargo 1.96.0")
    done = run(script, environ)
    assert done.returncode == 1
    assert done.stderr.endswith("but cargo and rustc are not both on PATH\n")


def test_failed_download_of_the_installer_is_reported(
    script: Path, environ: dict[str, str], tmp_path: Path
) -> None:
    environ["RUSTUP_UPDATE_ROOT"] = (tmp_path / "nothing").as_uri()
    done = run(script, environ)
    assert done.returncode == 1
    assert f"install_rust.sh: cannot fetch {environ['RUSTUP_UPDATE_ROOT']}/archive/" in done.stderr
    assert not list(tmp_path.glob("tmp.*"))


def test_installer_with_a_wrong_hash_is_not_run(
    script: Path, environ: dict[str, str], pinned: str, tmp_path: Path
) -> None:
    """Use the unmodified script with an installer that is not rustup's."""
    serve(script, environ, tmp_path, pinned)
    done = run(script, environ)
    assert done.returncode == 1
    assert "install_rust.sh: SHA-256 mismatch: expected " in done.stderr
    assert not Path(environ["HOME"], "asked").exists()
    assert not list(tmp_path.glob("tmp.*"))


def test_installer_is_pinned_for_every_platform(script: Path) -> None:
    found = re.findall(r"^\t(\S+)\) echo [0-9a-f]{64} ;;$", script.read_text(), re.MULTILINE)
    # The wheel for Windows is cross-built.
    assert found == sorted(target.triple for target in TARGETS if target.os != "windows")


def test_installation_of_a_wrong_version_fails(
    script: Path, environ: dict[str, str], pinned: str, tmp_path: Path
) -> None:
    script = serve(script, environ, tmp_path, "1.2.3")
    done = run(script, environ)
    assert done.returncode == 1
    assert f"are not {pinned} after its installation, but '1.2.3' and '1.2.3'" in done.stderr
