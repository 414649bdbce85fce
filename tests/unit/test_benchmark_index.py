"""The benchmarks' package index: its log, its wheels, and the connections to it."""

from __future__ import annotations

import functools
import http.client
import http.server
import os
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from benchmarks.harness.errors import BenchmarkError
from benchmarks.harness.index import wheels_fetched
from benchmarks.harness.line import Speed
from benchmarks.harness.network import Network, running_network
from benchmarks.harness.wheels import gather_wheels
from temporal_static_libs._targets import TARGETS

LOG = """\
2026-11-24 02:26:01,145 INFO  [req1] POST /root/bench/
2026-11-24 02:26:01,315 INFO  [req1] [Wtx1] added link root/+f/bf3/a_b-1.2.3-py3-none-any.whl
2026-11-24 02:26:01,690 INFO  [req2] GET /root/bench/+simple/a-b/
2026-11-24 02:26:01,696 INFO  [req3] GET /root/bench/+f/bf3/7f4/a_b-1.2.3-py3-none-any.whl.metadata
2026-11-24 02:26:01,702 INFO  [req4] GET /root/bench/+f/bf3/7f4/a_b-1.2.3-py3-none-any.whl
2026-11-24 02:26:02,702 INFO  [req15] GET /root/bench/+f/bf3/7f4/a_b-1.2.3-py3-none-any.whl
"""
# Large enough for many chunks, and for traffic in both directions at once.
CONTENT = os.urandom(3_000_000)


def test_only_requests_for_wheels_count() -> None:
    assert wheels_fetched(LOG) == 2
    assert wheels_fetched("") == 0


def wheel_of(platform: str, directory: Path, version: str = "1.2.3") -> Path:
    """A file with the name of a platform's wheel."""
    directory.mkdir(parents=True, exist_ok=True)
    (target,) = (target for target in TARGETS if target.platform == platform)
    tags = ".".join(reversed(target.wheel_tags))
    file = directory / f"temporal_static_libs-{version}-py3-none-{tags}.whl"
    file.write_bytes(platform.encode())
    return file


def test_platforms_without_a_wheel_get_a_renamed_copy_of_the_real_one(tmp_path: Path) -> None:
    real = wheel_of("linux-x64", tmp_path / "dist")
    other = wheel_of("macos-arm64", tmp_path / "cross" / "macos-arm64")
    wheel_of("linux-arm64", tmp_path / "cross" / "linux-arm64", "1.2.2")  # of another version
    (tmp_path / "made").mkdir()
    wheels = gather_wheels(real, tmp_path / "made", tmp_path / "cross")
    assert wheels.built == {"linux-x64": real, "macos-arm64": other}
    assert set(wheels.all) == {target.platform for target in TARGETS}
    for platform, file in wheels.stand_ins.items():
        (target,) = (target for target in TARGETS if target.platform == platform)
        assert file.name == f"temporal_static_libs-1.2.3-py3-none-{'.'.join(target.wheel_tags)}.whl"
        assert file.read_bytes() == b"linux-x64"
    assert "The wheels of linux-x64, macos-arm64 are real; the others" in wheels.described()


def test_wheel_with_the_tags_of_no_platform_is_refused(tmp_path: Path) -> None:
    wheel = tmp_path / "temporal_static_libs-1.2.3-py3-none-any.whl"
    wheel.touch()
    with pytest.raises(BenchmarkError, match="are of no known platform"):
        gather_wheels(wheel, tmp_path)


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Network]:
    """A network with a server that has one file."""
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "content").write_bytes(CONTENT)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    handler = functools.partial(Quiet, directory=str(tmp_path / "files"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            with running_network(f"http://127.0.0.1:{server.server_port}", tmp_path) as running:
                yield running
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("speed", [None, Speed(10_000, 2)], ids=["loopback", "line"])
def test_content_arrives_complete_and_over_tls(network: Network, speed: Speed | None) -> None:
    url = urlsplit(network.url if speed is None else network.url_over(speed))
    assert (url.scheme, url.hostname) == ("https", "127.0.0.1")
    context = ssl.create_default_context(cafile=network.certificate)
    connection = http.client.HTTPSConnection("127.0.0.1", url.port, timeout=60, context=context)
    connection.request("GET", "/content")
    assert connection.getresponse().read() == CONTENT
    connection.close()


def test_connections_share_the_bandwidth_of_a_line(network: Network) -> None:
    assert network.url_over(Speed(10, 100)) == network.url_over(Speed(10, 100))
    assert network.url_over(Speed(10, 100)) != network.url_over(Speed(50, 100))
