"""An index that drops connections, is busy, or sends half a file."""

from __future__ import annotations

import itertools
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from benchmarks.harness.package_index import PackageServer
from benchmarks.harness.pip_user import PINNED, PipUser, pip_user
from temporal_static_libs import __version__
from tests.support.peers.faulty_proxy import (
    Fault,
    FaultyProxy,
    cut_short,
    drop,
    refuse,
    running_faulty_proxy,
)

PAGE, WHEEL = "/", ".whl"

NOTHING_FOUND = "No matching distribution found"

# pip retries at once, then after half a second, then after twice as long each time.
BACKOFF = (0.0, 0.5, 1.0, 2.0)


@dataclass(frozen=True)
class Case:
    """What fails, and where.

    Attributes:
        where: the ending of the affected paths.
        faults: returns one for each request; requests after the last one are served.
        gaps: the minimum seconds between the requests.
        said: text that pip must print.
    """

    where: str
    faults: Callable[[], Iterator[Fault]]
    gaps: tuple[float, ...] = ()
    said: str = ""


def times(count: int, fault: Fault) -> Callable[[], Iterator[Fault]]:
    """The fault, this many times."""
    return lambda: itertools.repeat(fault, count)


def always(fault: Fault) -> Callable[[], Iterator[Fault]]:
    """The fault, forever."""
    return lambda: itertools.repeat(fault)


PASSING = {
    "page-two-dropped": Case(PAGE, times(2, drop), BACKOFF[:2]),
    "wheel-two-dropped": Case(WHEEL, times(2, drop), BACKOFF[:2]),
    "page-four-dropped": Case(PAGE, times(4, drop), BACKOFF),
    "wheel-four-503": Case(WHEEL, times(4, refuse(503)), BACKOFF),
    "page-503-retry-after": Case(PAGE, times(2, refuse(503, retry_after=1)), (1.0, 1.0)),
    "wheel-503-retry-after": Case(WHEEL, times(2, refuse(503, retry_after=1)), (1.0, 1.0)),
    "page-429-retry-after": Case(PAGE, times(2, refuse(429, retry_after=1)), (1.0, 1.0)),
    "wheel-429-retry-after": Case(WHEEL, times(2, refuse(429, retry_after=1)), (1.0, 1.0)),
    "wheel-cut-short-twice": Case(WHEEL, times(2, cut_short), said="resume incomplete download"),
}

LASTING = {
    "page-dropped": Case(PAGE, always(drop), said=NOTHING_FOUND),
    "page-503": Case(PAGE, always(refuse(503)), said=NOTHING_FOUND),
    "page-429": Case(PAGE, times(1, refuse(429)), said=NOTHING_FOUND),
    "wheel-dropped": Case(WHEEL, always(drop), said="Retrying"),
    "wheel-503": Case(WHEEL, always(refuse(503)), said="503"),
    "wheel-404": Case(WHEEL, always(refuse(404)), said="404"),
    "wheel-cut-short": Case(WHEEL, always(cut_short), said="incomplete"),
}


@dataclass(frozen=True)
class Outcome:
    """The result of a case.

    Attributes:
        status: pip's exit status.
        said: what it printed.
        seconds: how long it took.
        user: the user of the virtual environment.
        before: the content of the environment before.
        gaps: the seconds between the failed requests.
        requests: the number of failed requests.
    """

    status: int
    said: str
    seconds: float
    user: PipUser
    before: set[Path]
    gaps: list[float]
    requests: int


@pytest.fixture(scope="module")
def outcomes(
    package_server: PackageServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Future[Outcome]]]:
    """All cases, started at once because they mostly wait."""

    def install(name: str, case: Case) -> Outcome:
        directory = tmp_path_factory.mktemp(name)
        with running_faulty_proxy(package_server.url, directory) as proxy:
            proxy.misbehave(case.where, case.faults())
            user = pip_user(directory / "user", proxy, "delivery")
            before = user.files()
            began = time.monotonic()
            done = user.pip("install", PINNED)
            seconds = time.monotonic() - began
            return Outcome(
                *(done.returncode, done.stdout, seconds, user, before),
                *(proxy.gaps(case.where), len(proxy.asked(case.where))),
            )

    cases = {**PASSING, **LASTING}
    with ThreadPoolExecutor(len(cases)) as pool:
        yield {name: pool.submit(install, name, case) for name, case in cases.items()}


@pytest.mark.parametrize("name", PASSING)
def test_temporary_failure_ends_in_success(name: str, outcomes: dict[str, Future[Outcome]]) -> None:
    case, outcome = PASSING[name], outcomes[name].result()
    assert outcome.status == 0, outcome.said
    assert outcome.user.verified() == "linux-x64"
    # At least that long, without another attempt. The rest depends on how busy the machine is.
    assert len(outcome.gaps) == len(case.gaps) or not case.gaps
    for gap, least in zip(outcome.gaps, case.gaps, strict=False):
        assert gap >= least
    assert case.said in outcome.said


@pytest.mark.parametrize("name", LASTING)
def test_permanent_failure_ends_within_a_minute_with_nothing_installed(
    name: str, outcomes: dict[str, Future[Outcome]]
) -> None:
    case, outcome = LASTING[name], outcomes[name].result()
    assert outcome.status != 0
    assert outcome.seconds < 60
    assert case.said in outcome.said, outcome.said
    assert outcome.user.files() == outcome.before


def test_429_without_retry_after_is_not_retried(
    outcomes: dict[str, Future[Outcome]],
) -> None:
    assert outcomes["page-429"].result().requests == 1


def test_failed_upgrade_keeps_the_installed_version(
    package_server: PackageServer,
    proxy: FaultyProxy,
    user: PipUser,
    newer_wheel: Path,
) -> None:
    user.install(PINNED)
    package_server.add_index("upgrade", [newer_wheel])
    proxy.misbehave(WHEEL, always(cut_short)())
    newer = {"PIP_INDEX_URL": user.environ["PIP_INDEX_URL"].replace("delivery", "upgrade")}
    assert user.pip("install", "--upgrade", "temporal-static-libs", **newer).returncode != 0
    assert user.versions() == [__version__]
    assert user.verified() == "linux-x64"


def test_silent_index_is_given_up_after_timeout_times_attempts(user: PipUser) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/simple/"
        began = time.monotonic()
        done = user.pip(
            *("install", "--timeout", "2", "--retries", "1", PINNED), PIP_INDEX_URL=address
        )
        seconds = time.monotonic() - began
    assert done.returncode != 0
    assert 4 <= seconds < 60
