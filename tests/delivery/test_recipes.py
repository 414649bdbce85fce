"""The commands of docs/download-client.md, run unchanged."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.harness.package_index import PackageServer
from benchmarks.harness.pip_user import PINNED, PipUser
from temporal_static_libs._targets import TARGETS
from tests.support.docs.commands import commands, run
from tests.support.peers.faulty_proxy import Answer, FaultyProxy, wait_for_others
from tests.support.pip.wheel_files import installed_wheel

# What building the source distribution needs; it also comes from an index.
BUILD_REQUIREMENTS = (
    "hatchling",
    "packaging",
    "pathspec",
    "pluggy",
    "tomli",
    "tomlkit",
    "trove-classifiers",
)

MIB = 1024 * 1024


@pytest.fixture(scope="module")
def page(repo_root: Path) -> Path:
    return repo_root / "docs" / "download-client.md"


@pytest.fixture(scope="module")
def sources(
    package_server: PackageServer, tiny_sdist: Path, tmp_path_factory: pytest.TempPathFactory
) -> list[Path]:
    """The source distribution and its build requirements, also as the index ``sources``."""
    directory = tmp_path_factory.mktemp("sources")
    files = [tiny_sdist, *(installed_wheel(name, directory) for name in BUILD_REQUIREMENTS)]
    package_server.add_index("sources", files)
    return files


def compiling(user: PipUser) -> Mapping[str, str]:
    """The user's environment, with settings for the tiny workspace."""
    return {
        **user.environ,
        "CARGO_TARGET_DIR": str(user.home / "target"),
        "TEMPORAL_LIBS_CARGO_PROFILE": "quick",
    }


def fallback(page: Path) -> str:
    """The recipe of three commands."""
    (script,) = commands(page, "Index, then wheelhouse, then compiling")
    return script


def is_compiled_here(user: PipUser) -> bool:
    """Whether the installed archives come from the tiny workspace."""
    (archive,) = user.environment.glob("lib/python*/site-packages/*/lib/libtemporal_sdk_core.a")
    return archive.stat().st_size < 5 * MIB


def test_recipe_prefers_the_wheel_of_the_index(user: PipUser, page: Path) -> None:
    said = run(fallback(page), user.home, user.environ)
    assert user.verified() == "linux-x64"
    assert "ERROR" not in said


def test_recipe_falls_back_to_the_wheelhouse(
    user: PipUser, page: Path, published_wheel: Path
) -> None:
    (user.home / "wheelhouse").mkdir()
    shutil.copy(published_wheel, user.home / "wheelhouse")
    down = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple/", "PIP_RETRIES": "0"}
    said = run(fallback(page), user.home, {**user.environ, **down})
    assert user.verified() == "linux-x64"
    assert not is_compiled_here(user)
    assert said.count("No matching distribution found") == 1


@pytest.mark.parametrize("index_is_down", [False, True], ids=["index-up", "index-down"])
def test_recipe_finally_compiles(
    index_is_down: bool,
    make_user: Callable[..., PipUser],
    page: Path,
    sources: list[Path],
) -> None:
    user = make_user("user", "sources")
    (user.home / "wheelhouse").mkdir()
    environ = dict(compiling(user))
    if index_is_down:
        for file in sources:
            shutil.copy(file, user.home / "wheelhouse")
        environ |= {"PIP_INDEX_URL": "http://127.0.0.1:9/simple/", "PIP_RETRIES": "0"}
    said = run(fallback(page), user.home, environ)
    assert user.verified() == "linux-x64"
    assert is_compiled_here(user)
    assert said.count("No matching distribution found") == 2


def mirror(page: Path) -> str:
    """The recipe for a mirror."""
    (script,) = commands(page, "A mirror of all platforms")
    return script


def test_mirror_recipe_names_every_platform(page: Path) -> None:
    words = mirror(page).split()
    for target in TARGETS:
        assert len([word for word in words if word in target.wheel_tags]) == 1


def test_mirror_is_fetched_in_parallel_and_serves_every_platform(
    user: PipUser, proxy: FaultyProxy, page: Path, wheels: dict[str, Path]
) -> None:
    # The proxy sends no wheel until all of them have been requested.
    together = wait_for_others(len(TARGETS))
    proxy.misbehave(".whl", [together] * len(TARGETS))
    run(mirror(page), user.home, user.environ)
    assert {file.name for file in (user.home / "mirror").iterdir()} == {
        wheel.name for wheel in wheels.values()
    }
    for target in TARGETS:
        place = user.home / target.platform
        user.install(
            *("--no-index", "--find-links", "mirror", "--target", place),
            *("--platform", target.wheel_tags[0], "--only-binary=:all:", PINNED),
        )
        (info,) = place.glob("*.dist-info/WHEEL")
        assert target.wheel_tags[0] in info.read_text()


def limited(page: Path) -> str:
    """The recipe with a size limit."""
    (script,) = commands(page, "A size limit")
    return script


def test_package_is_below_the_limit(user: PipUser, page: Path) -> None:
    run(limited(page), user.home, user.environ)
    assert user.verified() == "linux-x64"


def test_file_over_the_limit_is_not_fetched(user: PipUser, proxy: FaultyProxy, page: Path) -> None:
    def swell(answer: Answer) -> Answer:
        body = bytes(110 * MIB)
        headers = tuple(pair for pair in answer.headers if pair[0].lower() != "content-length")
        return replace(answer, headers=(*headers, ("Content-Length", str(len(body)))), body=body)

    proxy.misbehave(".whl", itertools.repeat(swell))
    before = user.files()
    with pytest.raises(AssertionError, match=r"not enough bytes were received \(104\.9 MB/"):
        run(limited(page), user.home, user.environ)
    assert user.files() == before
