"""The cache of compiled archives: owner, permissions, and failures."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.ci.skips import require_program
from tests.support.pip.tiny_package import TinyPackage, rustc_wrapper

ASKED = {"USE_PREBUILT_LIBS": "false"}

# A user who is neither the current one nor root.
NOBODY = 65534


def wait_for(path: Path, deadline: float = 60) -> None:
    """Wait until a file exists."""
    end = time.monotonic() + deadline
    while not path.exists():
        assert time.monotonic() < end, f"{path} did not appear"
        time.sleep(0.05)


def in_own_mounts(script: str, package: TinyPackage, *options: str) -> tuple[int, str, str, str]:
    """Run temporal-libs-config with mounts that only it sees.

    Args:
        script: shell commands that mount, with the cache's path as ``$0``.
        package: the package whose temporal-libs-config to run.
        options: its options.

    Returns:
        Exit status, stdout, stderr, and the files in the cache afterwards.
    """
    command: list[str] = [require_program("unshare"), "--mount"]
    if os.geteuid() != 0:
        command.append("--map-root-user")
    if subprocess.run([*command, "mount", "-t", "tmpfs", "tmpfs", "/mnt"], check=False).returncode:
        pytest.skip("nothing can be mounted here")
    files = package.cache.with_name("files")
    program = f'set -e\n{script}\nset +e\n"$@"\nstatus=$?\nfind "$0" > "{files}"\nexit $status\n'
    done = subprocess.run(
        [
            *(*command, "sh", "-c", program, str(package.cache)),
            *(sys.executable, "-m", "temporal_static_libs", *options),
        ],
        env={**package.environ, **ASKED},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr, files.read_text()


def test_cache_is_private_to_the_user(tiny_package: TinyPackage) -> None:
    tiny_package.answer("--verify", **ASKED)
    place = tiny_package.compiled
    for directory in (tiny_package.cache, place.parent, place):
        assert directory.stat().st_mode & 0o777 == 0o700, directory


def test_users_cache_directory_is_the_default(tiny_package: TinyPackage, tmp_path: Path) -> None:
    (libdir,) = tiny_package.answer(
        "--libdir", **ASKED, TEMPORAL_LIBS_CACHE_DIR="", XDG_CACHE_HOME=str(tmp_path / "xdg")
    )
    cache = tmp_path / "xdg" / "temporal-static-libs"
    assert Path(libdir) == cache / tiny_package.compiled.relative_to(tiny_package.cache)
    assert cache.stat().st_mode & 0o777 == 0o700


def test_relative_cache_is_in_the_working_directory(
    tiny_package: TinyPackage, tmp_path: Path
) -> None:
    program = "import os, sys, temporal_static_libs as t; os.chdir(sys.argv[1]); print(t.lib_dir())"
    done = tiny_package.python("-c", program, str(tmp_path), **ASKED, TEMPORAL_LIBS_CACHE_DIR="c/d")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{tmp_path}/c/d/v")


@pytest.mark.parametrize("mode", [0o770, 0o702, 0o777, 0o1777])
@pytest.mark.parametrize("level", [0, 1, 2], ids=["cache", "version", "platform"])
@pytest.mark.parametrize("filled", [True, False], ids=["filled", "empty"])
def test_cache_that_others_can_write_to_is_refused(
    tiny_package: TinyPackage, mode: int, level: int, filled: bool
) -> None:
    place = tiny_package.compiled
    if filled:
        tiny_package.answer("--verify", **ASKED)
    else:
        place.mkdir(parents=True)
        for directory in (tiny_package.cache, place.parent, place):
            directory.chmod(0o700)
    directory = (tiny_package.cache, place.parent, place)[level]
    directory.chmod(mode)
    done = tiny_package.config("--libdir", **ASKED)
    assert (done.returncode, done.stdout) == (1, "")
    assert "the cache directory is writable by others; refusing to use it\n" in done.stderr
    assert f"  file:   {directory}\n  owner:  " in done.stderr
    assert f"chmod 700 {directory}" in done.stderr
    assert "Compiling" not in done.stderr


def test_cache_of_another_user_is_refused(tiny_package: TinyPackage) -> None:
    if os.geteuid() == 0:
        cache = tiny_package.cache
        cache.mkdir(mode=0o700)
        os.chown(cache, NOBODY, NOBODY)
    else:
        cache = Path("/usr")  # owned by root
    done = tiny_package.config("--libdir", **ASKED, TEMPORAL_LIBS_CACHE_DIR=str(cache))
    assert (done.returncode, done.stdout) == (1, "")
    assert "the cache directory is owned by another user (you are " in done.stderr
    assert f"  file:   {cache}\n" in done.stderr
    assert "set TEMPORAL_LIBS_CACHE_DIR to a directory that you own" in done.stderr


@pytest.mark.parametrize("level", [1, 2], ids=["version", "platform"])
def test_symbolic_link_inside_is_refused(
    tiny_package: TinyPackage, tmp_path: Path, level: int
) -> None:
    tiny_package.answer("--verify", **ASKED)
    directory = (tiny_package.cache, tiny_package.compiled.parent, tiny_package.compiled)[level]
    shutil.move(directory, tmp_path / "elsewhere")
    directory.symlink_to(tmp_path / "elsewhere")
    done = tiny_package.config("--libdir", **ASKED)
    assert (done.returncode, done.stdout) == (1, "")
    assert "the cache directory is a symbolic link; refusing to use it\n" in done.stderr


def test_cache_may_be_the_users_symbolic_link(tiny_package: TinyPackage, tmp_path: Path) -> None:
    (tmp_path / "large").mkdir(mode=0o700)
    tiny_package.cache.symlink_to(tmp_path / "large")
    assert tiny_package.answer("--libdir", **ASKED) == [str(tiny_package.compiled)]
    (tmp_path / "large").chmod(0o777)
    assert "is writable by others" in tiny_package.config("--libdir", **ASKED).stderr


def test_cache_that_is_a_file_is_refused(tiny_package: TinyPackage) -> None:
    tiny_package.cache.touch()
    done = tiny_package.config("--libdir", **ASKED)
    assert (done.returncode, done.stdout) == (1, "")
    assert "the cache directory is not a directory" in done.stderr


def test_second_process_waits_and_reuses_the_result_of_the_first(
    tiny_package: TinyPackage, tmp_path: Path
) -> None:
    wrapper = rustc_wrapper(tmp_path)
    wrapper.hold.touch()
    settings = {**ASKED, "RUSTC_WRAPPER": str(wrapper.program)}
    with tiny_package.config_running("--libdir", **settings) as first:
        wait_for(wrapper.log)
        with tiny_package.config_running("--libdir", **settings) as second:
            assert second.stderr is not None
            said = second.stderr.readline()
            waits = f"Waiting for another build in {tiny_package.cache}, which process {first.pid} "
            assert said.startswith(f"{waits}started at 20")
            assert second.poll() is None
            wrapper.hold.unlink()
            answers = [process.communicate(timeout=300) for process in (first, second)]
    assert [stdout for stdout, _ in answers] == [f"{tiny_package.compiled}\n"] * 2
    assert answers[0][1].count("Compiling for ") == 1
    assert answers[1][1] == ""
    assert wrapper.log.read_text() == "compiling\n"


def test_killed_build_leaves_nothing_incomplete(tiny_package: TinyPackage, tmp_path: Path) -> None:
    wrapper = rustc_wrapper(tmp_path)
    wrapper.hold.touch()
    settings = {**ASKED, "RUSTC_WRAPPER": str(wrapper.program)}
    with tiny_package.config_running("--libdir", **settings) as process:
        wait_for(wrapper.log)
        process.kill()
        process.wait(60)
    assert not tiny_package.compiled.exists()
    wrapper.hold.unlink()
    done = tiny_package.config("--libdir", "--verify", **settings)
    assert done.returncode == 0, done.stderr
    names = {file.name for file in tiny_package.cache.iterdir()}
    assert names - {"verified"} == {tiny_package.compiled.parent.name}


def test_build_killed_while_replacing_a_set_keeps_the_old_one(
    tiny_package: TinyPackage, tmp_path: Path
) -> None:
    tiny_package.answer("--verify", **ASKED)
    before = {file: file.read_bytes() for file in tiny_package.compiled.iterdir()}
    wrapper = rustc_wrapper(tmp_path)
    wrapper.hold.touch()
    settings = {**ASKED, "RUSTC_WRAPPER": str(wrapper.program)}
    source = tiny_package.workspace / "c-api" / "src" / "lib.rs"
    source.write_text(source.read_text() + "\npub fn another() {}\n")
    with tiny_package.config_running("--libdir", **settings) as process:
        wait_for(wrapper.log)
        process.kill()
        process.wait(60)
    wrapper.hold.unlink()
    assert {file: file.read_bytes() for file in tiny_package.compiled.iterdir()} == before


def test_interrupt_by_the_user_is_reported(tiny_package: TinyPackage, tmp_path: Path) -> None:
    wrapper = rustc_wrapper(tmp_path)
    wrapper.hold.touch()
    settings = {**ASKED, "RUSTC_WRAPPER": str(wrapper.program)}
    with tiny_package.config_running("--libdir", **settings) as process:
        wait_for(wrapper.log)
        os.killpg(process.pid, signal.SIGINT)
        stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stdout) == (130, "")
    assert stderr.endswith("temporal-libs-config: error: interrupted\n")
    assert "Traceback" not in stderr


@pytest.mark.parametrize(
    "elsewhere", [True, False], ids=["full-for-the-archives", "full-for-cargo"]
)
def test_full_disk_is_a_clear_error(
    tiny_package: TinyPackage, tmp_path: Path, elsewhere: bool
) -> None:
    tiny_package.cache.mkdir(mode=0o700)
    target = f"export CARGO_TARGET_DIR='{tmp_path / 'target'}'" if elsewhere else ":"
    mount = f'mount -t tmpfs -o size=400k,mode=0700 tmpfs "$0"\n{target}'
    status, stdout, stderr, files = in_own_mounts(mount, tiny_package, "--libdir")
    assert (status, stdout) == (1, ""), stderr
    assert "No space left on device" in stderr
    assert f"  disk:   {tiny_package.cache} has only 0 MB left; a compile needs 2 GB\n" in stderr
    assert "Traceback" not in stderr
    assert "libtemporal" not in "".join(
        line for line in files.splitlines() if "/compiling/target/" not in line
    )
    assert str(tiny_package.compiled) not in files


def test_read_only_cache_is_a_clear_error(tiny_package: TinyPackage) -> None:
    tiny_package.cache.mkdir(mode=0o700)
    mount = 'mount -t tmpfs -o ro,mode=0700 tmpfs "$0"'
    status, stdout, stderr, _ = in_own_mounts(mount, tiny_package, "--libdir")
    assert (status, stdout) == (1, "")
    assert "the cache directory cannot be used: Read-only file system\n" in stderr
    assert f"  file:   {tiny_package.compiled.parent}\n" in stderr
    assert "set TEMPORAL_LIBS_CACHE_DIR to a directory that you own" in stderr
    assert "Compiling for" not in stderr
    assert "Traceback" not in stderr


def test_set_in_a_read_only_cache_is_used(tiny_package: TinyPackage) -> None:
    tiny_package.answer("--verify", **ASKED)
    mount = 'mount --bind "$0" "$0"\nmount -o remount,bind,ro "$0"'
    status, stdout, stderr, _ = in_own_mounts(mount, tiny_package, "--libdir", "--verify")
    assert (status, stderr) == (0, "")
    assert stdout.startswith(f"{tiny_package.compiled}\nok: ")


def test_corrupt_set_in_a_read_only_cache_is_a_clear_error(tiny_package: TinyPackage) -> None:
    tiny_package.answer("--verify", **ASKED)
    (tiny_package.compiled / "libtemporal_client.a").unlink()
    mount = 'mount --bind "$0" "$0"\nmount -o remount,bind,ro "$0"'
    status, stdout, stderr, _ = in_own_mounts(mount, tiny_package, "--libdir")
    assert (status, stdout) == (1, "")
    assert "the cache directory cannot be used: Read-only file system\n" in stderr
