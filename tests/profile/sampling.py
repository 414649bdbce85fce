"""Samples of where a process spends its CPU time, by Linux perf."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tools import ROOT, ToolError

EVENTS: Final = ("cycles:u", "cpu-clock:u")
"""What to sample by, best first; machines without hardware counters have only the last one."""
FREQUENCY: Final = 1999
"""Samples per second of CPU time. A prime, so that it does not beat with timers."""
_PARANOID: Final = Path("/proc/sys/kernel/perf_event_paranoid")
_MOST_PARANOID: Final = 2
"""The highest value at which a user may sample code of processes in user mode."""

_MMAP: Final = re.compile(
    r"PERF_RECORD_MMAP2? (?P<pid>-?\d+)/\d+: \[(?P<start>\w+)\((?P<size>\w+)\) @ (?P<offset>\w+)"
    r"[^\]]*\]: \S+ (?P<file>.*)$"
)
_SAMPLE: Final = re.compile(r"^\s*(?P<pid>\d+)\s+(?P<address>[0-9a-f]+) \((?P<file>.*)\)\s*$")


@dataclass(frozen=True)
class Place:
    """Where samples were taken.

    Attributes:
        file: the path of the mapped file; or perf's name of something else, such as ``[vdso]``.
        offset: in the file.
    """

    file: str
    offset: int


@dataclass
class _Mapping:
    start: int
    end: int
    offset: int
    file: str


@dataclass
class _Process:
    mappings: list[_Mapping] = field(default_factory=list)

    def place(self, address: int) -> Place | None:
        # The newest first: a later one may lie over an older one.
        for it in reversed(self.mappings):
            if it.start <= address < it.end:
                return Place(it.file, address - it.start + it.offset)
        return None


def parse_script(lines: Iterable[str]) -> Counter[Place]:
    """Count samples by place.

    Args:
        lines: of ``perf script --show-mmap-events --fields pid,ip,dso``.
    """
    processes: dict[int, _Process] = {}
    counted: Counter[Place] = Counter()
    for line in lines:
        if found := _MMAP.search(line):
            start = int(found["start"], 16)
            mapping = _Mapping(
                start, start + int(found["size"], 16), int(found["offset"], 16), found["file"]
            )
            processes.setdefault(int(found["pid"]), _Process()).mappings.append(mapping)
        elif found := _SAMPLE.match(line):
            process = processes.get(int(found["pid"]), _Process())
            place = process.place(int(found["address"], 16))
            counted[place or Place(found["file"], 0)] += 1
    return counted


class Perf:
    """A perf that may sample on this machine."""

    def __init__(self, scratch: Path) -> None:
        """Find one, and the event to sample by.

        Args:
            scratch: a directory to write to.

        Raises:
            ToolError: there is no perf, or it is not permitted.
        """
        found = shutil.which("perf")
        if found is None:
            raise ToolError("there is no program named `perf`\n  fix: apt install linux-perf")
        self._perf = found
        self._data = scratch / "perf.data"
        self.event = self._usable_event()

    def sample(self, command: Sequence[str | Path], deadline: float) -> Counter[Place]:
        """Run a command to its end, and count the samples by place.

        Args:
            command: the program and its arguments. It runs in the checkout.
            deadline: seconds that it may take.

        Raises:
            ToolError: it failed, or took longer; the message has its output.
        """
        done = self._record(self.event, command, deadline)
        shown = " ".join(map(str, command))
        if done is None:
            raise ToolError(f"{shown}\n  did not end within {deadline:.0f} s")
        if done.returncode != 0:
            raise ToolError(f"{shown}\n  exit status {done.returncode}:\n{done.stdout}")
        script: list[str | Path] = [self._perf, "script", "--input", self._data]
        with subprocess.Popen(
            [*script, "--show-mmap-events", "--fields", "pid,ip,dso"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            errors="replace",
        ) as reading:
            assert reading.stdout is not None
            counted = parse_script(reading.stdout)
        if reading.returncode != 0:
            raise ToolError(f"perf script cannot read {self._data}")
        return counted

    def _record(
        self,
        event: str,
        command: Sequence[str | Path],
        deadline: float,
    ) -> subprocess.CompletedProcess[str] | None:
        record = [self._perf, "record", "--quiet", "--event", event, "--freq", str(FREQUENCY)]
        try:
            return subprocess.run(
                [*record, "--output", self._data, "--", *command],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                timeout=deadline,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return None

    def _usable_event(self) -> str:
        output = ""
        for event in EVENTS:
            done = self._record(event, ["true"], 60.0)
            if done is not None and done.returncode == 0:
                return event
            output += done.stdout if done is not None else f"{event}: no end within 60 s\n"
        raise ToolError(refusal(output, lambda: _PARANOID.read_text(encoding="ascii")))


def refusal(output: str, paranoid: Callable[[], str]) -> str:
    """Give the message for a perf that cannot sample.

    Args:
        output: what perf printed.
        paranoid: reads kernel.perf_event_paranoid.
    """
    try:
        level = int(paranoid())
    except (OSError, ValueError):
        level = _MOST_PARANOID
    if level > _MOST_PARANOID:
        return (
            f"perf is not permitted: kernel.perf_event_paranoid is {level}\n"
            f"  fix: sysctl kernel.perf_event_paranoid={_MOST_PARANOID}, as root"
        )
    return f"perf cannot sample here; it printed:\n{output}"
