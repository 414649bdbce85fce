"""The workloads, in one table, and the place they run in."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.harness.backlog import start_workflows
from benchmarks.harness.child import measured_span
from benchmarks.harness.libraries import Libraries
from benchmarks.rpc.benchmark import client_sources
from benchmarks.workflow_tasks.benchmark import SOURCES
from tests.profile.loads import Setting
from tests.profile.sampling import Perf, Place
from tools.dev_server import DevServer

_PATIENCE: Final = 120.0
"""Seconds that a workload may take longer than it has to."""


@dataclass(frozen=True)
class Site:
    """Where workloads run.

    Attributes:
        perf: samples them.
        libraries: what C programs are linked with.
        server: the Temporal server.
        setting: of the loads in Python.
        scratch: a directory to write to.
    """

    perf: Perf
    libraries: Libraries
    server: DevServer
    setting: Setting
    scratch: Path

    def program(self, sources: Sequence[Path]) -> Path:
        """Link a program in C, named after its first file, for the first run that needs it."""
        program = self.scratch / sources[0].stem
        if not program.exists():
            self.libraries.link(sources, program)
        return program

    def sample(self, *command: str | Path) -> Counter[Place]:
        """Run a command under perf."""
        return self.perf.sample(command, self.setting.seconds + _PATIENCE)


@dataclass(frozen=True)
class Measured:
    """Samples of a workload.

    Attributes:
        binary: the file that the library is in.
        samples: by place.
    """

    binary: Path
    samples: Counter[Place]


Workload = Callable[[Site], Measured]


def _load(name: str) -> Workload:
    """A load in Python."""

    def run(site: Site) -> Measured:
        file = site.scratch / "setting.json"
        site.setting.write(file)
        samples = site.sample(sys.executable, "-m", "tests.profile.loads", name, file)
        return Measured(Path(site.setting.library), samples)

    return run


def _rpc_client(compression: str) -> Workload:
    """The C program of the benchmark of RPCs."""

    def run(site: Site) -> Measured:
        program = site.program(client_sources("client.c"))
        command: list[str | Path] = [program, site.server.url, compression, "at-once", "16"]
        trial = measured_span([*command, "100", "2000"])
        calls = max(1, int(trial.per_second * site.setting.seconds))
        return Measured(program, site.sample(*command, "1", str(calls)))

    return run


def _workflow_tasks(site: Site) -> Measured:
    """The C program of the benchmark of workflow tasks."""
    program = site.program(SOURCES)

    def command(tasks: int) -> list[str | Path]:
        # One to warm up, one to cool down: it takes no fewer.
        task_queue = start_workflows(site.server.address, tasks + 2)
        return [program, site.server.url, task_queue, "1", str(tasks), "1"]

    trial = measured_span(command(200))
    tasks = max(1, int(trial.per_second * site.setting.seconds))
    return Measured(program, site.sample(*command(tasks)))


WORKLOADS: Final[Mapping[str, Workload]] = {
    "connect-tls": _load("connect-tls"),
    "rpc-small": _rpc_client("none"),
    "rpc-small-gzip": _rpc_client("gzip"),
    "rpc-large": _load("rpc-large"),
    "rpc-large-gzip": _load("rpc-large-gzip"),
    "rpc-large-tls": _load("rpc-large-tls"),
    "workflow-tasks": _workflow_tasks,
    "activities": _load("activities"),
    "replay": _load("replay"),
    "metrics-prometheus": _load("metrics-prometheus"),
    "metrics-otlp": _load("metrics-otlp"),
    "logs": _load("logs"),
}
"""Each by its name."""
