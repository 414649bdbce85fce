"""A shared environment with the wheel, for all tests of a run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.pip.consumer import Consumer, make_consumer
from tools import dev_server


@pytest.fixture(scope="session")
def consumer(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Consumer:
    """An environment whose path contains a space."""
    return make_consumer(tmp_path_factory.mktemp("consumer"), wheel)


@pytest.fixture(scope="session")
def server_version() -> str:
    """The server version that the dev server's executable prints."""
    return dev_server.server_version()
