"""Tests what is different on Windows, with the installed package.

    python windows.py

Needs only the standard library and the package, whose archives may be for any platform. It also
runs under wine.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path

import temporal_static_libs
from temporal_static_libs._build.lock import exclusive
from temporal_static_libs._build.staging import replacing
from temporal_static_libs._build.tool import output_of, program_on_path
from temporal_static_libs._cache import cache_directory
from temporal_static_libs._checksums import parse_checksums
from temporal_static_libs._settings import Settings
from temporal_static_libs._whole_files import write_whole

COMMAND = (sys.executable, "-m", "temporal_static_libs")
PACKAGE = Path(temporal_static_libs.__file__).parent
PATHS = ("--prefix", "--libdir", "--includedir", "--interface", "--protodir", "--zigdir")
PATHS_OF_BUILD_SYSTEMS = ("--cmakedir", "--pkgconfigdir")
ARCHIVE = "libtemporal_sdk_core.a"
HOLDER = """\
import sys
from pathlib import Path
from temporal_static_libs._build.lock import exclusive
with exclusive(Path(sys.argv[1])):
    print("has it", flush=True)
"""
# Starts a child that writes its process ID, and keeps running, like the child.
HANGING = """\
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
open(sys.argv[1], "w").write(str(child.pid))
time.sleep(60)
"""
IS_RUNNING = """\
import ctypes, sys
handle = ctypes.windll.kernel32.OpenProcess(0x00100000, False, int(sys.argv[1]))
print(bool(handle) and ctypes.windll.kernel32.WaitForSingleObject(handle, 0) == 0x102)
"""


class Windows(unittest.TestCase):
    """Each test runs in a new directory with a cache in it."""

    def setUp(self) -> None:
        """Make the directory, and remove the variables."""
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.scratch = Path(scratch.name)
        self.cache = self.scratch / "cache"
        own = ("TEMPORAL_LIBS_", "USE_PREBUILT_LIBS")
        self.environ = {it: value for it, value in os.environ.items() if not it.startswith(own)}
        self.environ["TEMPORAL_LIBS_CACHE_DIR"] = str(self.cache)

    def ask(self, *options: str, **environ: str) -> subprocess.CompletedProcess[bytes]:
        """Run the command."""
        return subprocess.run(
            [*COMMAND, *options],
            env={**self.environ, **environ},
            stdin=subprocess.PIPE,
            capture_output=True,
            check=False,
        )

    def answers(self, *options: str, **environ: str) -> list[str]:
        """Return the lines of the answer."""
        done = self.ask(*options, **environ)
        assert (done.returncode, done.stderr.decode()) == (0, "")
        return done.stdout.decode("utf-8").split("\n")[:-1]

    def archives(self, name: str) -> Path:
        """Copy the wheel's archives."""
        directory = self.scratch / name
        (found,) = {it.parent for it in (PACKAGE / "lib").rglob("libtemporal_sdk_core.a")}
        directory.mkdir()
        for file in (*found.glob("*.a"), found / "checksums.sha256", found / "manifest.json"):
            shutil.copyfile(file, directory / file.name)
        return directory

    def test_answers_have_forward_slashes_and_need_no_quotes(self) -> None:
        """So that ``$(temporal-libs-config --libs)`` and make can use them unchanged."""
        flags = ("--cflags", "--ldflags", "--libs", "--libfiles")
        lines = self.answers(*PATHS, *PATHS_OF_BUILD_SYSTEMS, *flags)
        for line in lines:
            assert "\\" not in line
            assert "'" not in line
        for path in lines[: len(PATHS) + len(PATHS_OF_BUILD_SYSTEMS)]:
            assert os.path.exists(path), path
        assert os.path.isfile(shlex.split(lines[-2])[0])
        assert shlex.split(lines[-2])[0] == lines[-1]

    def test_json_has_the_same_paths(self) -> None:
        """The paths have the format of the other answers."""
        (text,) = self.answers("--json")
        answer = json.loads(text)
        assert self.answers("--libdir", "--prefix") == [answer["libdir"], answer["prefix"]]
        assert "\\" not in text

    def test_override_is_accepted_however_it_is_written(self) -> None:
        """With backslashes, slashes or both, with a space, and with non-ASCII letters."""
        directory = self.archives("Jürgen's libs")
        for spelling in (str(directory), directory.as_posix(), f"{self.scratch}/{directory.name}"):
            (libdir,) = self.answers("--libdir", TEMPORAL_LIBS_DIR=spelling)
            assert libdir == directory.as_posix()

    def test_files_for_build_systems_name_the_archives_without_links(self) -> None:
        """For other archives, these files are in the cache."""
        directory = self.archives("other libs")
        cmake, pkg_config = self.answers(*PATHS_OF_BUILD_SYSTEMS, TEMPORAL_LIBS_DIR=str(directory))
        for place in (cmake, pkg_config):
            assert Path(place).is_relative_to(self.cache), place
        assert not [it for it in self.cache.rglob("*") if it.is_symlink()]
        config = Path(cmake, "TemporalStaticLibsConfig.cmake").read_text(encoding="utf-8")
        assert f'"{directory.as_posix()}" REALPATH' in config
        module = Path(pkg_config, "temporal-sdk-core.pc").read_bytes()
        escaped = directory.as_posix().replace(" ", "\\ ").encode("utf-8")
        assert b"libdir=" + escaped + b"\n" in module
        again = self.answers(*PATHS_OF_BUILD_SYSTEMS, TEMPORAL_LIBS_DIR=str(directory))
        assert again == [cmake, pkg_config]

    def test_cache_is_in_the_users_profile(self) -> None:
        """Unless a variable names another one."""
        environ = {"LOCALAPPDATA": r"C:\Users\me\AppData\Local", "USERPROFILE": r"D:\me"}
        place = cache_directory(Settings(environ))
        assert place == r"C:\Users\me\AppData\Local\temporal-static-libs"
        del environ["LOCALAPPDATA"]
        place = cache_directory(Settings(environ))
        assert place == r"D:\me\AppData\Local\temporal-static-libs"

    def test_archive_is_hashed_each_time(self) -> None:
        """Even if size and time are unchanged."""
        directory = self.archives("libs")
        environ = {"TEMPORAL_LIBS_DIR": str(directory)}
        self.answers("--libs", **environ)
        archive = directory / ARCHIVE
        before = archive.stat()
        with archive.open("r+b") as stream:
            stream.seek(1000)
            stream.write(b"\xff\x00\xff\x00")
        os.utime(archive, ns=(before.st_atime_ns, before.st_mtime_ns))
        done = self.ask("--libs", **environ)
        assert (done.returncode, done.stdout) == (1, b"")
        assert b"SHA-256 mismatch" in done.stderr
        assert not (self.cache / "verified").exists()

    def test_doctor_finds_nothing_broken(self) -> None:
        """It also reports what is remembered."""
        done = self.ask("--doctor")
        assert (done.returncode, done.stderr) == (0, b"")
        assert b"because there are no receipts on Windows" in done.stdout

    def test_file_in_place_of_the_cache_is_refused(self) -> None:
        """With a message that does not depend on user IDs."""
        self.cache.touch()
        done = self.ask("--cmakedir", TEMPORAL_LIBS_DIR=str(self.archives("libs")))
        assert done.returncode == 1
        assert b"the cache directory" in done.stderr
        assert b"Traceback" not in done.stderr

    def test_closed_pipe_is_not_an_error(self) -> None:
        """Windows reports it as an invalid argument."""
        with subprocess.Popen(
            [*COMMAND, "--json"],
            env=self.environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            process.stdout.close()
            assert process.stderr.read() == b""
        assert process.returncode == 1

    def test_name_with_a_colon_is_refused(self) -> None:
        """It would name another drive, or a stream of a file."""
        for name in ("C:a.a", "a.a:b", "..\\a.a"):
            with self.assertRaisesRegex(ValueError, "not a plain file name"):  # noqa: PT027
                parse_checksums(f"{'0' * 64}  {name}\n")

    def test_file_that_is_open_is_replaced_once_it_is_closed(self) -> None:
        """If it stays open, it is not replaced."""
        file = self.scratch / "a.txt"
        file.write_bytes(b"before")
        stream = file.open("rb")
        with self.assertRaises(PermissionError):  # noqa: PT027
            write_whole(file, b"after")
        assert file.read_bytes() == b"before"
        assert [it.name for it in self.scratch.iterdir()] == ["a.txt"]
        closing = threading.Timer(0.5, stream.close)
        closing.start()
        write_whole(file, b"after")
        closing.join()
        assert file.read_bytes() == b"after"

    def test_set_with_an_open_file_stays_complete(self) -> None:
        """It is moved, not copied."""
        directory = self.scratch / "set"
        directory.mkdir()
        for name in ("a", "b"):
            (directory / name).write_bytes(b"before")
        with (directory / "b").open("rb"):
            try:
                with replacing(directory, self.scratch / "work") as new:
                    (new / "a").write_bytes(b"after")
            except OSError:
                assert {it.name for it in directory.iterdir()} == {"a", "b"}
            else:  # if the file system allows moving it anyway
                assert {it.name for it in directory.iterdir()} == {"a"}
        with replacing(directory, self.scratch / "work") as new:
            (new / "a").write_bytes(b"after")
        assert [it.name for it in directory.iterdir()] == ["a"]
        assert (directory / "a").read_bytes() == b"after"

    def test_second_build_waits_for_the_first_and_reports_it(self) -> None:
        """The message has the first one's process ID."""
        with exclusive(self.scratch):
            holder = subprocess.Popen(
                [sys.executable, "-c", HOLDER, str(self.scratch)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            assert holder.stderr is not None
            line = holder.stderr.readline().decode()
            assert re.search(f"another build in .*which process {os.getpid()} started at", line)
            assert holder.poll() is None
        printed, _ = holder.communicate(timeout=60)
        assert (holder.returncode, printed.split()) == (0, [b"has", b"it"])

    def test_hanging_program_and_its_children_are_ended(self) -> None:
        """After five seconds."""
        number = self.scratch / "number"
        begin = time.monotonic()
        answer = output_of([sys.executable, "-c", HANGING, str(number)], os.environ)
        assert answer == "did not respond within 5 seconds"
        assert time.monotonic() - begin < 20
        ask = [sys.executable, "-c", IS_RUNNING, number.read_text()]
        assert output_of(ask, os.environ).strip() == "False"

    def test_output_of_a_program_is_read(self) -> None:
        """From both streams."""
        command = [sys.executable, "-c", "import sys; sys.stderr.write('1.2'); sys.exit(3)"]
        assert output_of(command, os.environ) == "1.2"

    def test_program_is_found_by_its_windows_extension(self) -> None:
        """On PATH, and never in the working directory."""
        for place, name in (("bin", "one.exe"), ("bin", "two.bat"), (".", "three.exe")):
            (self.scratch / place).mkdir(exist_ok=True)
            (self.scratch / place / name).touch()
        environ = {"PATH": f'.;"{self.scratch / "bin"}";bin', "PATHEXT": ".EXE;.BAT"}
        before = Path.cwd()
        os.chdir(self.scratch)
        try:
            found = [program_on_path(it, environ) for it in ("one", "two", "two.bat", "three")]
        finally:
            os.chdir(before)
        wanted = [str(self.scratch / "bin" / it) for it in ("one.exe", "two.bat", "two.bat")]
        lower = [it and it.lower() for it in found]
        assert lower == [*(it.lower() for it in wanted), None]

    def test_very_long_path_works_or_is_an_error_with_a_message(self) -> None:
        """Which of these happens depends on Windows' setting for long paths."""
        place = "\\".join([str(self.scratch), *["directory" * 8] * 4])
        done = self.ask("--libdir", TEMPORAL_LIBS_DIR=place)
        assert done.returncode == 1
        assert re.match(rb"temporal-libs-config: error: .*\n  file: ", done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
