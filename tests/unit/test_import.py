"""Importing the package: what it costs and what it offers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import temporal_static_libs


@pytest.fixture
def bare_path(tmp_path: Path, package_dir: Path) -> Path:
    """A directory where the package is the only thing to import."""
    (tmp_path / package_dir.name).symlink_to(package_dir)
    return tmp_path


def modules_after(statement: str, path: Path) -> set[str]:
    """Names of the modules that are loaded in a bare interpreter after a statement."""
    program = (
        f"import sys; sys.path.insert(0, {str(path)!r}); {statement}; "
        "names = list(sys.modules); import json; print(json.dumps(names))"
    )
    done = subprocess.run(
        # -I -S: no site-packages and no user settings, only the standard library.
        [sys.executable, "-I", "-S", "-c", program],
        capture_output=True,
        text=True,
        check=True,
    )
    names: list[str] = json.loads(done.stdout.splitlines()[-1])
    return set(names)


def test_import_loads_only_its_own_errors_and_version(bare_path: Path) -> None:
    before = modules_after("pass", bare_path)
    after = modules_after("import temporal_static_libs", bare_path)
    assert {name for name in after - before if name.startswith("temporal_static_libs")} == {
        "temporal_static_libs",
        "temporal_static_libs._errors",
        "temporal_static_libs._about",
    }
    heavy = {"argparse", "dataclasses", "hashlib", "json", "pathlib", "re", "shlex", "subprocess"}
    assert not heavy & (after - before)


def test_wheels_archives_need_no_build_modules(bare_path: Path) -> None:
    program = (
        "import temporal_static_libs._cli.command as cli; "
        "from temporal_static_libs._sources import prepare; "
        "settings = cli.Settings({'TEMPORAL_LIBS_CACHE_DIR': '/dev/null'}); "
        "prepare(settings).verify(settings)"
    )
    loaded = modules_after(program, bare_path)
    assert "temporal_static_libs._sources" in loaded
    assert not [name for name in loaded if name.startswith("temporal_static_libs._build")]
    assert not {"subprocess", "tempfile"} & loaded


def test_remembered_archives_need_very_few_modules(bare_path: Path) -> None:
    program = "from temporal_static_libs._cli.entry import main; main(['--libs'])"
    settings = "import os; os.environ['TEMPORAL_LIBS_CACHE_DIR'] = %r"
    cache = settings % os.environ["TEMPORAL_LIBS_CACHE_DIR"]
    time.sleep(0.05)
    temporal_static_libs.verify()
    loaded = modules_after(f"{cache}; {program}", bare_path) - modules_after("import os", bare_path)
    ours = {name for name in loaded if name.startswith("temporal_static_libs")}
    assert ours == {
        f"temporal_static_libs{name}"
        for name in (
            *("", "._about", "._cache", "._cli", "._cli.entry", "._cli.recall"),
            *("._console", "._errors", "._facts", "._flags", "._ownership", "._receipts"),
            *("._records", "._settings"),
        )
    }
    assert loaded - ours == {"__future__"}


def test_every_module_imports_without_anything_installed(
    bare_path: Path, package_dir: Path
) -> None:
    modules = [
        ".".join(file.relative_to(package_dir.parent).with_suffix("").parts)
        for file in sorted(package_dir.rglob("*.py"))
        if file.name != "__init__.py"
    ]
    assert "temporal_static_libs._cli.command" in modules
    assert "temporal_static_libs._build.pipeline" in modules
    loaded = modules_after(f"import {', '.join(modules)}", bare_path)
    assert set(modules) <= loaded


def test_public_names_match_the_design() -> None:
    assert sorted(temporal_static_libs.__all__) == [
        "ChecksumMismatchError",
        "CompileError",
        "LinkError",
        "MissingLibraryError",
        "TemporalStaticLibsError",
        "UnsupportedPlatformError",
        "__version__",
        "include_dir",
        "lib_dir",
        "library_set",
        "link_flags",
        "shared_library",
        "verify",
    ]
    for name in temporal_static_libs.__all__:
        assert getattr(temporal_static_libs, name) is not None


@pytest.mark.parametrize(
    "error",
    [
        temporal_static_libs.ChecksumMismatchError,
        temporal_static_libs.CompileError,
        temporal_static_libs.MissingLibraryError,
        temporal_static_libs.UnsupportedPlatformError,
    ],
)
def test_every_error_derives_from_the_base_class(error: type[Exception]) -> None:
    assert issubclass(error, temporal_static_libs.TemporalStaticLibsError)


def test_package_is_marked_as_typed(package_dir: Path) -> None:
    assert (package_dir / "py.typed").is_file()


@pytest.mark.parametrize("option", ["--libs", "--json", "--cmakedir", "--pkgconfigdir", "--doctor"])
def test_command_works_without_unix_only_modules(bare_path: Path, option: str) -> None:
    """Simulate Python on Windows, where the wheels of other systems are used for cross-linking."""
    program = (
        # Modules that check the platform when they are imported or called.
        "import os, pathlib, signal, subprocess, sys, sysconfig, tempfile; "
        "sysconfig.get_config_vars(); sys.platform = 'win32'; "
        "sys.modules.update(dict.fromkeys(['fcntl', 'grp', 'pwd'])); "
        "[delattr(os, it) for it in ('geteuid', 'getuid', 'killpg', 'O_CLOEXEC', 'O_NONBLOCK')]; "
        "[delattr(signal, it) for it in ('SIGHUP', 'SIGKILL', 'SIGQUIT')]; "
        f"sys.path.insert(0, {str(bare_path)!r}); "
        f"from temporal_static_libs._cli.entry import main; sys.exit(main([{option!r}]))"
    )
    metrics = bare_path / "metrics"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program],
        env={**os.environ, "TEMPORAL_LIBS_METRICS": str(metrics)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert metrics.exists() == (option != "--doctor")
