"""What is different on Windows, as far as it can be tested elsewhere.

Each test removes or replaces one thing to simulate Windows. tests/smoke/windows.py tests what only
Windows has.
"""

from __future__ import annotations

import errno
import io
import ntpath
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import types
from collections.abc import Callable
from pathlib import Path, PureWindowsPath

import pkgconf
import pytest

from temporal_static_libs import CompileError
from temporal_static_libs._build import lock, process, staging, tool
from temporal_static_libs._build.lock import exclusive
from temporal_static_libs._build.process import running
from temporal_static_libs._cache import cache_directory, make_own_directory
from temporal_static_libs._checksums import parse_checksums
from temporal_static_libs._cli.options import ANSWERS, Answers
from temporal_static_libs._cli.script import refuse_other_copy
from temporal_static_libs._commands import program, quoted, remove_directory, remove_file
from temporal_static_libs._console import EXIT_BROKEN, emit_outputs
from temporal_static_libs._errors import TemporalStaticLibsError
from temporal_static_libs._flags import compiler_flags, library_flags, shell_join
from temporal_static_libs._integration.files import cmake_dir, pkg_config_dir
from temporal_static_libs._integration.paths import CMAKE, PKG_CONFIG, found_in
from temporal_static_libs._integration.pkgconfig import suits_every_reader
from temporal_static_libs._library_set import override_set
from temporal_static_libs._metrics import Resolution
from temporal_static_libs._settings import Settings
from temporal_static_libs._whole_files import write_whole
from tests.support.pip.manifests import MANIFEST

LOCAL = r"C:\Users\me\AppData\Local"


@pytest.fixture(autouse=True)
def _windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")


@pytest.fixture
def directory(tmp_path: Path, package_dir: Path) -> Path:
    """Archives for TEMPORAL_LIBS_DIR, below a directory with a space in its name."""
    directory = tmp_path / "other libs"
    directory.mkdir()
    for name in ("libtemporal_sdk_core.a", "libtemporal_client.a"):
        shutil.copyfile(package_dir / "lib" / name, directory / name)
    for name in ("checksums.sha256", "manifest.json"):
        shutil.copyfile(package_dir / "lib" / name, directory / name)
    return directory


@pytest.fixture
def settings(directory: Path, tmp_path: Path) -> Settings:
    """Settings with that directory and an empty cache."""
    return Settings(
        {"TEMPORAL_LIBS_DIR": str(directory), "TEMPORAL_LIBS_CACHE_DIR": str(tmp_path / "cache")}
    )


def have_paths_of_windows(monkeypatch: pytest.MonkeyPatch, module: str) -> types.SimpleNamespace:
    """Replace a module's path functions with those of Windows."""
    system = types.SimpleNamespace(path=ntpath, pathsep=";", defpath=".;C:\\bin", fspath=os.fspath)
    monkeypatch.setattr(f"temporal_static_libs.{module}.os", system)
    return system


@pytest.mark.parametrize(
    ("environ", "wanted"),
    [
        ({"LOCALAPPDATA": LOCAL, "HOME": "/c/Users/me"}, rf"{LOCAL}\temporal-static-libs"),
        ({"LOCALAPPDATA": LOCAL, "XDG_CACHE_HOME": "D:\\x"}, rf"{LOCAL}\temporal-static-libs"),
        ({"LOCALAPPDATA": "C:/Local"}, r"C:\Local\temporal-static-libs"),
        ({"USERPROFILE": r"D:\me"}, r"D:\me\AppData\Local\temporal-static-libs"),
        (
            {"LOCALAPPDATA": "x", "USERPROFILE": r"D:\me"},
            r"D:\me\AppData\Local\temporal-static-libs",
        ),
    ],
)
def test_cache_is_in_the_users_profile(
    monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], wanted: str
) -> None:
    settings = Settings(environ)
    have_paths_of_windows(monkeypatch, "_cache")
    assert cache_directory(settings) == wanted


def test_variable_names_another_cache(tmp_path: Path) -> None:
    environ = {"LOCALAPPDATA": LOCAL, "TEMPORAL_LIBS_CACHE_DIR": str(tmp_path)}
    assert cache_directory(Settings(environ)) == str(tmp_path)


def test_missing_profile_is_an_error_for_the_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ntpath, "expanduser", lambda path: path)
    have_paths_of_windows(monkeypatch, "_cache")
    with pytest.raises(CompileError, match="no home directory was found"):
        cache_directory(Settings({}))


def test_cache_is_refused_without_user_ids(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "geteuid")
    monkeypatch.setitem(sys.modules, "pwd", None)
    (tmp_path / "file").touch()
    with pytest.raises(CompileError) as caught:
        make_own_directory(tmp_path / "file")
    assert "owner:  unknown, because Windows has access lists instead of modes" in str(caught.value)


def test_nothing_is_remembered(directory: Path, settings: Settings, tmp_path: Path) -> None:
    for _ in range(2):
        assert override_set(directory).verified_once(settings).verified == "hashed"
    assert not (tmp_path / "cache").exists()


def test_flags_use_forward_slashes() -> None:
    library = MANIFEST.libraries[0]
    archive, *_ = library_flags(PureWindowsPath(r"C:\venv\lib"), library)
    flags = (archive, *compiler_flags(PureWindowsPath(r"C:\venv\include")))
    assert flags == (f"C:/venv/lib/{library.file}", "-IC:/venv/include")
    assert shell_join(flags) == " ".join(flags)


def test_flags_with_a_space_are_quoted_for_gits_shell() -> None:
    archive, *_ = library_flags(r"C:\Program Files\lib", MANIFEST.libraries[0])
    assert shlex.split(shell_join([archive])) == [archive]
    assert archive.startswith("C:/Program Files/lib/")


@pytest.mark.parametrize("option", ["--prefix", "--libdir", "--includedir", "--libfiles"])
def test_output_uses_forward_slashes(option: str) -> None:
    place = r"D:\a\b"
    library = MANIFEST.libraries[0]
    answers = types.SimpleNamespace(
        prefix=place, directory=place, include_dir=place, library=library
    )
    answer = ANSWERS[option](answers)  # type: ignore[arg-type]
    assert answer in ("D:/a/b", f"D:/a/b/{library.file}")


def test_json_of_paths_with_backslashes(
    directory: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Answers, "prefix", r"C:\a\b")
    answers = Answers("sdk-core", settings, Resolution(), static=False, toolchain=None)
    assert '"prefix": "C:/a/b"' in answers.json()


@pytest.mark.parametrize(
    ("path", "for_cmake", "for_pkg_config"),
    [
        (r"C:\venv\lib", "", ""),
        (r"\\server\share\lib", "", ""),
        (r"C:\a;b", ";", ""),
        (r"C:\it's", "", "'"),
    ],
)
def test_path_with_drive_and_backslashes_is_accepted(
    path: str, for_cmake: str, for_pkg_config: str
) -> None:
    assert found_in(path, CMAKE) == for_cmake
    assert found_in(path, PKG_CONFIG) == for_pkg_config


@pytest.mark.parametrize(("path", "suits"), [(r"C:\venv", True), (r"C:\Program Files", False)])
def test_directory_that_every_pkg_config_implementation_understands(path: str, suits: bool) -> None:
    assert suits_every_reader(Path(path)) is suits


def test_build_system_files_find_the_archives_without_links(
    directory: Path, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("symlink", "readlink", "link"):
        monkeypatch.delattr(os, name)
    # Newer versions of pathlib read links without os.readlink.
    loaded = override_set(directory).verified_once(settings)
    for_cmake, for_pkg_config = cmake_dir(loaded, settings), pkg_config_dir(loaded, settings)
    monkeypatch.undo()
    assert not [it for it in (tmp_path / "cache").rglob("*") if it.is_symlink()]
    environ = {**os.environ, "PKG_CONFIG_PATH": str(for_pkg_config)}
    ask = [str(pkgconf.get_executable()), "--libs", "temporal-sdk-core"]
    printed = subprocess.run(ask, env=environ, capture_output=True, text=True, check=True).stdout
    assert shlex.split(printed)[0] == f"-L{directory}"
    project = tmp_path / "project"
    project.mkdir()
    (project / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.15)\nproject(p LANGUAGES NONE)\n"
        "find_package(TemporalStaticLibs CONFIG REQUIRED COMPONENTS sdk-core)\n"
        'message(STATUS "protos: ${TemporalStaticLibs_PROTO_DIR}")\n'
    )
    cmake = Path(sysconfig.get_path("scripts"), "cmake")
    configure = [str(it) for it in (cmake, "-S", project, "-B", tmp_path / "build")]
    done = subprocess.run(
        [*configure, f"-DTemporalStaticLibs_DIR={for_cmake}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    copy = tmp_path / "build" / "TemporalStaticLibs" / "libtemporal_sdk_core.a"
    assert copy.read_bytes() == (directory / copy.name).read_bytes()
    (protos,) = re.findall(r"^-- protos: (.+)$", done.stdout, re.MULTILINE)
    assert (Path(protos) / "temporal" / "api").is_dir()


class _Closed(io.RawIOBase):
    """A pipe without a reader, which fails as on Windows."""

    def write(self, content: object) -> int:
        raise OSError(errno.EINVAL, "Invalid argument")

    def writable(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("system", "reported"), [("win32", ""), ("linux", "cannot write to standard output")]
)
def test_closed_pipe_is_not_reported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], system: str, reported: str
) -> None:
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr("temporal_static_libs._console._give_up", lambda stream: None)
    stream = types.SimpleNamespace(buffer=_Closed())
    monkeypatch.setattr(sys, "stdout", stream)
    assert emit_outputs(["answer"]) == EXIT_BROKEN
    printed = capsys.readouterr().err
    assert reported in printed
    assert bool(printed) is bool(reported)


@pytest.mark.parametrize("name", ["C:a.a", "a.a:b", "a:"])
def test_name_with_a_colon_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    line = f"{'0' * 64}  {name}\n"
    with pytest.raises(ValueError, match="not a plain file name"):
        parse_checksums(line)
    monkeypatch.setattr(sys, "platform", "linux")
    assert parse_checksums(line) == {name: "0" * 64}


def refuse(times: int, monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Make the next renames fail, as for an open file."""
    replace, refused = os.replace, list[object]()

    def try_to(old: str, new: str) -> None:
        if len(refused) < times:
            refused.append(new)
            raise PermissionError(errno.EACCES, "Permission denied", old)
        replace(old, new)

    monkeypatch.setattr(os, "replace", try_to)
    monkeypatch.setattr("temporal_static_libs._whole_files._PATIENCE", 0.2)
    return refused


def test_open_file_is_replaced_once_it_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = refuse(3, monkeypatch)
    write_whole(tmp_path / "a", b"after")
    assert len(refused) == 3
    assert (tmp_path / "a").read_bytes() == b"after"


def test_file_that_stays_open_is_not_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").write_bytes(b"before")
    refused = refuse(1000, monkeypatch)
    with pytest.raises(PermissionError):
        write_whole(tmp_path / "a", b"after")
    assert len(refused) > 3
    assert [it.name for it in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_bytes() == b"before"


def test_failed_rename_is_not_repeated_on_other_systems(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    refused = refuse(1000, monkeypatch)
    with pytest.raises(PermissionError):
        write_whole(tmp_path / "a", b"after")
    assert len(refused) == 1


@pytest.mark.parametrize("refused", [1, 2], ids=["the-old-one", "the-new-one"])
def test_set_that_cannot_be_moved_stays_and_is_not_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: int
) -> None:
    directory = tmp_path / "set"
    directory.mkdir()
    (directory / "a").write_bytes(b"before")
    moves = []

    def move(old: Path, new: Path) -> None:
        moves.append(old)
        if len(moves) == refused:
            raise PermissionError(errno.EACCES, "Permission denied", old)
        os.rename(old, new)

    monkeypatch.setattr(staging, "rename", move)
    work = tmp_path / "work"
    with pytest.raises(PermissionError), staging.replacing(directory, work) as new:
        (new / "a").write_bytes(b"after")
    assert [it.name for it in tmp_path.iterdir()] == ["set"]
    assert (directory / "a").read_bytes() == b"before"


def test_lock_is_on_a_file_and_not_inherited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    calls = []

    def locking(handle: int, mode: str, size: int) -> None:
        calls.append((mode, size, os.lseek(handle, 0, os.SEEK_CUR)))
        if len(calls) < 3:
            raise OSError(errno.EACCES, "Permission denied")

    fake = types.SimpleNamespace(locking=locking, LK_NBLCK="take", LK_UNLCK="release")
    monkeypatch.setitem(sys.modules, "msvcrt", fake)
    monkeypatch.setitem(sys.modules, "fcntl", None)
    monkeypatch.setattr(os, "O_BINARY", 0, raising=False)
    monkeypatch.setattr(lock, "_PAUSE", 0)
    with exclusive(tmp_path) as held:
        assert held is None
        assert {it.name for it in tmp_path.iterdir()} == {lock.NOTE, lock.LOCKED}
    assert calls == [("take", 1, 0)] * 3 + [("release", 1, 0)]
    assert capsys.readouterr().err == f"Waiting for another build in {tmp_path}\n"
    assert [it.name for it in tmp_path.iterdir()] == [lock.LOCKED]


class _Job:
    """A job that records what happens to it."""

    events: list[str]

    def __init__(self, number: int) -> None:
        self.events.append("begin")

    def end(self) -> None:
        self.events.append("end")

    def release(self) -> None:
        self.events.append("release")


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The recorded events of jobs."""
    _Job.events = []
    monkeypatch.setattr("temporal_static_libs._build.job.Job", _Job)
    monkeypatch.delattr(os, "killpg")
    return _Job.events


def test_children_outlive_a_successful_program(events: list[str]) -> None:
    with running(["true"], {"PATH": os.defpath}) as started:
        pass
    assert started.returncode == 0
    assert events == ["begin", "release"]
    assert not process._JOBS


def test_children_end_after_an_error(events: list[str]) -> None:
    with (
        pytest.raises(KeyError),
        running(["sleep", "60"], {"PATH": os.defpath}) as started,
    ):
        raise KeyError
    assert started.returncode is not None
    assert events == ["begin", "end"]
    assert not process._JOBS


def test_program_is_ended_without_jobs(events: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse_job(number: int) -> None:
        raise OSError(errno.EACCES, "Access is denied")

    monkeypatch.setattr("temporal_static_libs._build.job.Job", refuse_job)
    with (
        pytest.raises(KeyError),
        running(["sleep", "60"], {"PATH": os.defpath}) as started,
    ):
        raise KeyError
    assert started.returncode is not None


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("cc", r"C:\bin\cc.EXE"),
        ("cargo.cmd", r"C:\bin\cargo.cmd"),
        ("cargo", r"C:\bin\cargo.CMD"),
        ("tool", r"D:\Program Files\tool.EXE"),
        ("here", None),
        ("near", None),
        ("plain", None),
    ],
)
def test_program_is_found_by_extension_but_not_in_the_working_directory(
    monkeypatch: pytest.MonkeyPatch, name: str, found: str | None
) -> None:
    there = {
        *(r"c:\bin\cc.exe", r"c:\bin\cargo.cmd", r"d:\program files\tool.exe", r"c:\bin\plain"),
        *("here.exe", r".\here.exe", r"bin\here.exe", r"\bin\near.exe"),
    }
    monkeypatch.setattr(ntpath, "isfile", lambda path: path.lower() in there)
    have_paths_of_windows(monkeypatch, "_build.tool")
    environ = {
        "PATH": r'.;;bin;\bin;C:\bin;"D:\Program Files"',
        "PATHEXT": ".COM;.EXE;.CMD",
    }
    assert tool.program_on_path(name, environ) == found


def test_rust_programs_have_an_extension(monkeypatch: pytest.MonkeyPatch) -> None:
    assert tool.executable("rust-objcopy") == "rust-objcopy.exe"
    monkeypatch.setattr(sys, "platform", "linux")
    assert tool.executable("rust-objcopy") == "rust-objcopy"


@pytest.mark.parametrize(
    ("make", "path", "wanted"),
    [
        (quoted, r"C:\venv", r"C:\venv"),
        (quoted, r"C:\Program Files", r'"C:\Program Files"'),
        (program, r"C:\Python\python.exe", r"C:\Python\python.exe"),
        (program, r"C:\My Python\python.exe", r'& "C:\My Python\python.exe"'),
        (remove_file, r"C:\R&D\a.a", r'del "C:\R&D\a.a"'),
        (remove_directory, r"C:\cache", r"delete the directory C:\cache"),
    ],
)
def test_command_in_a_message(make: Callable[[str], str], path: str, wanted: str) -> None:
    assert make(path) == wanted


@pytest.mark.parametrize("site", [".", "Lib/site-packages", "site-packages"])
def test_other_copy_is_detected_in_windows_layout(tmp_path: Path, site: str) -> None:
    own = tmp_path / site / "temporal_static_libs"
    own.mkdir(parents=True)
    (own / "_about.py").touch()
    (tmp_path / "pyvenv.cfg").touch()
    python = tmp_path / "Scripts" / "python"
    with pytest.raises(TemporalStaticLibsError) as caught:
        refuse_other_copy(str(tmp_path / "Scripts" / "temporal-libs-config"))
    assert f"fix:     {python} -m temporal_static_libs" in str(caught.value)


# Simulates ctypes and the system for a script that loads a library, which then cannot be removed.
WITH_A_LOADED_LIBRARY = """\
import ctypes, os, runpy, sys

class Library:
    class temporal_static_libs_abi_id:
        def __new__(cls):
            return b"1"

ctypes.CDLL = lambda file: Library
unlink = os.unlink

def refuse(path, *, dir_fd=None):
    if str(path).endswith(".dll"):
        raise PermissionError(13, "in use", path)
    unlink(path, dir_fd=dir_fd)

os.unlink = os.remove = refuse
runpy.run_path(sys.argv.pop(1), run_name="__main__")
"""


def test_release_asset_loads_although_it_cannot_be_removed_afterwards(tmp_path: Path) -> None:
    asset = tmp_path / "asset"
    asset.mkdir()
    (asset / "temporalio_sdk_core_c_bridge.dll").touch()
    (asset / "interface.json").write_text('{"abi": "1", "functions": []}')
    packed = shutil.make_archive(str(asset), "gztar", tmp_path, asset.name)
    script = Path(__file__).parents[1] / "smoke" / "shared.py"
    done = subprocess.run(
        [sys.executable, "-c", WITH_A_LOADED_LIBRARY, script, packed],
        env={"TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
