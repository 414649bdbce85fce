"""One environment with the wheel for all tests of a run."""

from __future__ import annotations

import re
import subprocess
import sysconfig
from pathlib import Path

import pytest

from tests.support.pip.consumer import Consumer, make_consumer


@pytest.fixture(scope="session")
def consumer(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Consumer:
    """An environment in a path with a blank."""
    return make_consumer(tmp_path_factory.mktemp("consumer"), wheel)


@pytest.fixture(scope="session")
def server_version() -> str:
    """What the dev server's executable says that the server's version is."""
    temporal = Path(sysconfig.get_path("scripts"), "temporal")
    done = subprocess.run([temporal, "--version"], capture_output=True, text=True, check=True)
    (version,) = re.findall(r"Server ([\d.]+)", done.stdout)
    return str(version)
