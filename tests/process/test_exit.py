"""``exit`` while calls are in flight and a worker polls."""

from __future__ import annotations

import os
import subprocess
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.programs.c_program import build_program
from tools.dev_server import DevServer

HERE = Path(__file__).parent

AT_ONCE = 4
WAYS = ("main", "callback", "return")
SANITIZER = {"plain": [], "address": ["-fsanitize=address"]}


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The program that exits, plain and with AddressSanitizer."""
    return {
        name: build_program(HERE / "exit_in_use.c", tmp_path_factory.mktemp(name), options)
        for name, options in SANITIZER.items()
    }


def endings(command: list[str | Path], times: int) -> Counter[tuple[int, str]]:
    """Count the runs by exit status and text on standard error."""
    environ = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}

    def run(_number: int) -> tuple[int, str]:
        # The program ends itself after 30 s.
        ended = subprocess.run(
            command,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env=environ,
            check=False,
        )
        return ended.returncode, ended.stderr

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return Counter(pool.map(run, range(times)))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("sanitizer", SANITIZER)
def test_exit_ends_the_process_while_calls_are_in_flight_and_a_worker_polls(
    sanitizer: str, way: str, programs: dict[str, Path], dev_server: DevServer
) -> None:
    """A hundred exits with each sanitizer, a third of them in each of three ways."""
    ended = endings([programs[sanitizer], dev_server.url, way], 34)
    assert ended == {(0, ""): 34}


@pytest.mark.parametrize("way", WAYS)
def test_a_handler_of_atexit_can_free_all_handles_while_calls_are_in_flight(
    way: str, programs: dict[str, Path], dev_server: DevServer
) -> None:
    """For example in the destructor of a static object."""
    ended = endings([programs["plain"], dev_server.url, way, "free"], 10)
    assert ended == {(0, ""): 10}
