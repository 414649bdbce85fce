"""pip's cache: a second install, and a damaged wheel in the cache."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from benchmarks.harness.pip_user import PINNED, PipUser
from temporal_static_libs import __version__
from tests.support.docs.commands import commands, run
from tests.support.peers.faulty_proxy import FaultyProxy, flipped


def damage_cached_wheel(cache: Path) -> None:
    """Change one bit of the largest file in pip's cache."""
    body = max(
        (file for file in cache.rglob("*") if file.is_file()), key=lambda file: file.stat().st_size
    )
    assert body.stat().st_size > 1_000_000
    body.write_bytes(flipped(body.read_bytes()))


def test_second_install_comes_from_the_cache(
    user: PipUser, make_user: Callable[..., PipUser], proxy: FaultyProxy
) -> None:
    assert "Using cached" not in user.install(PINNED)
    second = make_user("second", cache=user.cache)
    assert f"Using cached temporal_static_libs-{__version__}-py3-none-" in second.install(PINNED)
    assert second.verified() == "linux-x64"
    assert len(proxy.asked(".whl")) == 1


def test_without_tls_nothing_is_cached(user: PipUser, index: str) -> None:
    for name in ("first", "second"):
        said = user.install("--target", user.home / name, PINNED, PIP_INDEX_URL=index)
        assert "Using cached" not in said


def test_damaged_cached_wheel_is_refused_and_the_documented_command_fetches_it_again(
    user: PipUser, make_user: Callable[..., PipUser], proxy: FaultyProxy, repo_root: Path
) -> None:
    user.install(PINNED)
    damage_cached_wheel(user.cache)
    other = make_user("other", cache=user.cache)
    before = other.files()
    refused = other.pip("install", PINNED)
    assert refused.returncode != 0
    assert "THESE PACKAGES DO NOT MATCH THE HASHES" in refused.stdout
    assert other.files() == before
    # The wheel is still there, because this command only covers wheels that pip built.
    other.pip("cache", "remove", "temporal_static_libs")
    assert other.pip("install", PINNED).returncode != 0
    assert len(proxy.asked(".whl")) == 1

    (script,) = commands(repo_root / "docs" / "download-client.md", "A damaged cache")
    run(script, other.home, other.environ)
    assert other.verified() == "linux-x64"
    assert len(proxy.asked(".whl")) == 2
    third = make_user("third", cache=user.cache)
    assert "Using cached" in third.install(PINNED)


def test_a_single_install_can_skip_the_cache(
    user: PipUser, make_user: Callable[..., PipUser]
) -> None:
    user.install(PINNED)
    damage_cached_wheel(user.cache)
    other = make_user("other", cache=user.cache)
    other.install("--no-cache-dir", PINNED)
    assert other.verified() == "linux-x64"
