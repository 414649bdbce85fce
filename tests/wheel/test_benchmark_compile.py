"""The compile that `make bench` measures, with sources that compile in a second."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from benchmarks.build import cold, compile_archives
from benchmarks.harness.errors import BenchmarkError
from tests.support.pip.tiny_package import TinyPackage, rustc_wrapper
from tests.support.programs.paths import consumer_environ


@pytest.fixture
def config(tiny_package: TinyPackage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The package's program, in the environment of a user with caches."""
    # Leave the checkout, because `python -m` would use and compile the checkout's package there.
    monkeypatch.chdir(tmp_path)
    for name, value in tiny_package.environ.items():
        monkeypatch.setenv(name, value)
    # A wrapper that would be called, and a variable that make sets for cargo.
    monkeypatch.setenv("RUSTC_WRAPPER", str(rustc_wrapper(tmp_path).program))
    monkeypatch.setenv("CARGO_TARGET_DIR", str(tmp_path / "of-make"))
    return tiny_package.script(tmp_path)


def test_each_compile_is_cold_and_its_archives_are_used_afterwards(
    config: Path, tiny_package: TinyPackage, tmp_path: Path
) -> None:
    for name in ("first", "second"):
        environ = cold(tmp_path / name)
        (tmp_path / name).mkdir()
        assert compile_archives(config, environ, tmp_path / "log") > 0
        assert any((tmp_path / name / "target").rglob("*.rlib"))
        # A bridge's build without Rust on PATH gets these archives.
        done = subprocess.run(
            [config, "--libdir"],
            env=consumer_environ(environ),
            capture_output=True,
            text=True,
            check=True,
        )
        libdir = Path(done.stdout.strip())
        assert libdir.is_relative_to(tmp_path / name / "compiled")
        assert (libdir / "libtemporal_sdk_core.a").is_file()
    assert not (tmp_path / "of-make").exists()
    assert not (tmp_path / "compiled").exists()
    assert not tiny_package.cache.exists()


def test_failed_compile_is_reported_with_its_output(
    config: Path, tiny_package: TinyPackage, tmp_path: Path
) -> None:
    (tiny_package.workspace / "Cargo.toml").write_text("[workspace")
    with pytest.raises(BenchmarkError, match="compiling the archives ended with exit code 1") as e:
        compile_archives(config, cold(tmp_path), tmp_path / "log")
    assert "Cargo.toml" in str(e.value)
