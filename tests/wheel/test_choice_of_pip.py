"""Which file pip selects, and its message if there is none, with the current and old versions."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks.harness.package_index import PROJECT, pip, user_of
from temporal_static_libs._about import MANUAL_SETUP_URL
from temporal_static_libs._targets import TARGETS
from tests.support.ci.skips import require_program
from tests.support.docs.commands import commands, run
from tests.support.pip.fake_platform import FakePlatform

# The messages that docs/troubleshooting.md quotes.
NOTHING_FOUND = (
    "ERROR: Could not find a version that satisfies the requirement "
    f"{PROJECT} (from versions: none)",
    f"ERROR: No matching distribution found for {PROJECT}",
)

LINUX_X64 = next(target for target in TARGETS if target.platform == "linux-x64")

# The Makefile makes these environments only with Python 3.11 and older, where such a pip runs.
BEFORE_2014, BEFORE_2_17 = "pip-19.2", "pip-20.2"


def old_pip(repo_root: Path, name: str) -> str:
    """Return the interpreter of the environment with an old pip."""
    return require_program(str(repo_root / ".venv" / name / "bin" / "python"))


def download(python: str, index: str, tmp_path: Path, *options: str) -> tuple[list[str], list[str]]:
    """Download the project with pip.

    Returns:
        The lines of its output, and the names of the downloaded files.
    """
    directory = tmp_path / "downloaded"
    command: list[str | Path] = ["download", "--no-deps", "--dest", directory, *options, PROJECT]
    done = pip(python, index, *command, cwd=tmp_path)
    files = [file.name for file in directory.glob("*")]
    assert (done.returncode == 0) == bool(files), done.stdout
    return done.stdout.splitlines(), files


@pytest.mark.parametrize(
    "platform",
    [
        pytest.param("win_amd64", id="windows"),
        pytest.param("win32", id="windows-32-bit"),
        pytest.param("manylinux_2_17_i686", id="32-bit"),
        pytest.param("manylinux2014_i686", id="32-bit-by-its-old-name"),
        pytest.param("manylinux_2_5_x86_64", id="glibc-2.5"),
        pytest.param("manylinux_2_12_x86_64", id="glibc-2.12"),
        pytest.param("manylinux2010_x86_64", id="glibc-2.12-by-its-old-name"),
        pytest.param("musllinux_1_1_x86_64", id="old-musl"),
        pytest.param("manylinux_2_17_s390x", id="s390x"),
        # A tag that pip does not expand into the older ones that it includes.
        pytest.param("manylinux_2_28_x86_64", id="newer-glibc"),
    ],
)
def test_pips_message_for_a_platform_without_a_wheel(
    platform: str, index: str, tmp_path: Path, repo_root: Path
) -> None:
    options = ("--platform", platform, "--only-binary=:all:")
    said, files = download(sys.executable, index, tmp_path, *options)
    assert files == []
    assert tuple(line for line in said if line.startswith("ERROR")) == NOTHING_FOUND
    page = (repo_root / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    for line in NOTHING_FOUND:
        assert line in page


@pytest.mark.parametrize("platform", LINUX_X64.wheel_tags)
def test_each_tag_of_the_platform_selects_the_wheel(
    platform: str, index: str, published_wheel: Path, tmp_path: Path
) -> None:
    options = ("--platform", platform, "--only-binary=:all:")
    _, files = download(sys.executable, index, tmp_path, *options)
    assert files == [published_wheel.name]


def test_pip_selects_the_wheel(index: str, published_wheel: Path, tmp_path: Path) -> None:
    _, files = download(sys.executable, index, tmp_path)
    assert files == [published_wheel.name]


def test_pip_that_knows_only_manylinux2014_selects_the_wheel(
    index: str, published_wheel: Path, tmp_path: Path, repo_root: Path
) -> None:
    python = old_pip(repo_root, BEFORE_2_17)
    _, files = download(python, index, tmp_path)
    assert files == [published_wheel.name]
    # It knows only that tag, not the other one.
    tags = pip(python, index, "debug", "--verbose", cwd=tmp_path).stdout
    assert "py3-none-manylinux2014_x86_64" in tags
    assert "manylinux_2_17" not in tags


def test_pip_older_than_that_selects_the_source_distribution(
    index: str, tiny_sdist: Path, tmp_path: Path, repo_root: Path
) -> None:
    _, files = download(old_pip(repo_root, BEFORE_2014), index, tmp_path, "--no-build-isolation")
    assert files == [tiny_sdist.name]


def test_old_pip_is_named_as_the_reason_and_a_newer_one_as_an_option(
    index: str, tmp_path: Path, repo_root: Path
) -> None:
    (tmp_path / "bin").mkdir()
    done = pip(
        old_pip(repo_root, BEFORE_2014),
        index,
        *("wheel", "--no-build-isolation", "--no-deps", "--wheel-dir", tmp_path, PROJECT),
        cwd=tmp_path,
        environ={"PATH": str(tmp_path / "bin")},
    )
    assert done.returncode != 0
    lines = [line.strip() for line in done.stdout.splitlines()]
    start = lines.index("temporal-static-libs cannot be compiled here: cargo was not found on PATH")
    end = lines.index(MANUAL_SETUP_URL)
    message = " ".join(lines[start:end])
    assert (
        "This Python has pip 19.2.3, which is too old: the wheel for linux-x64 requires "
        "pip 19.3 or newer."
    ) in message
    assert "python -m pip install --upgrade pip" in message
    # Nothing follows the URL.
    assert lines[end + 1].startswith(("---", "ERROR"))


def test_old_pip_is_not_blamed_on_an_unsupported_platform(
    index: str, tmp_path: Path, repo_root: Path
) -> None:
    fake = FakePlatform("Linux", "x86_64", "linux-x86_64", glibc="2.12")
    done = pip(
        old_pip(repo_root, BEFORE_2014),
        index,
        *("wheel", "--no-build-isolation", "--no-deps", "--wheel-dir", tmp_path, PROJECT),
        cwd=tmp_path,
        environ=fake.environ(tmp_path / "fake"),
    )
    assert done.returncode != 0
    assert "Linux x86_64 with glibc 2.12 is older than glibc 2.17" in done.stdout
    assert "This Python has pip" not in done.stdout


def test_without_only_binary_pip_downloads_the_sdist_for_another_platform(
    index: str, tiny_sdist: Path, tmp_path: Path
) -> None:
    options = ("--platform", "win_amd64", "--no-build-isolation")
    _, files = download(sys.executable, index, tmp_path, *options)
    assert files == [tiny_sdist.name]


def test_wheel_of_another_platform_can_be_installed_and_used(
    index: str, tmp_path: Path, repo_root: Path
) -> None:
    """The second option in the message, on a machine without a matching wheel."""
    fake = FakePlatform("FreeBSD", "amd64", "freebsd-14.1-release-amd64")
    page = repo_root / "docs" / "manual-setup.md"
    script, _ = commands(page, "The wheel of another platform")
    done = run(script, tmp_path / "away", {**user_of(index), **fake.environ(tmp_path / "fake")})
    answers = done.splitlines()[-4:]
    assert answers[0] == LINUX_X64.triple
    assert answers[1] == f"-I{tmp_path}/away/libs/temporal_static_libs/include"
    archive = f"{tmp_path}/away/libs/temporal_static_libs/lib/libtemporal_sdk_core.a"
    assert answers[2] == "-Wl,--gc-sections"
    assert answers[3].startswith(f"{archive} -l")
