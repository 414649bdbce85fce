"""Trial of another platform's wheel like a consumer: install, query, compile, link, run."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from temporal_static_libs._targets import Target
from tools import ROOT, ToolError
from tools.cross.frameworks import write_sdk
from tools.cross.runner import Runner, runner_for
from tools.interface.facts import facts
from tools.zig_bridge import copy_zig_bridge

_COMPONENTS = ("sdk-core", "client")
# Seconds. Zig compiles its runtime libraries once for each target, and an emulator is slow.
_DEADLINE = 1200
_OTHER_ZIGS = ("0.16", "0.17")  # in separate environments, which the Makefile makes
_INPUT, _RESULT = "50", "12586269025"  # a Fibonacci number, computed by the example's workflow


class Trial:
    """The trial of a wheel in an empty directory, with the URL of a local Temporal server.

    Programs that this machine cannot run are only linked.
    """

    def __init__(self, target: Target, wheel: Path, scratch: Path, server: str) -> None:
        self._target = target
        self._wheel = wheel
        self._scratch = scratch
        self._server = server
        self._site = scratch / "libs"
        self._zig = (sys.executable, "-m", "ziglang")
        self._cc: tuple[str, ...] = (*self._zig, "cc", "-target", target.zig_target)
        self._sdk: Path | None = None
        self._suffix = ".exe" if target.os == "windows" else ""

    def run(self) -> list[str]:
        """Run the whole trial; return what was tested, each in a few words."""
        self._install()
        if self._target.os == "macos":
            frameworks = [flag for flag in self._flags("--frameworks") if flag != "-framework"]
            libraries = [flag.removeprefix("-l") for flag in self._flags("--system-libs")]
            self._sdk = self._scratch / "sdk"
            self._cc += write_sdk(self._site.rglob("*.a"), frameworks, libraries, self._sdk)
        programs = self._c_programs()
        runner = runner_for(self._target, self._scratch)
        if runner is None:
            self._build_example()
            return ["C programs of each archive and both linked", "the Zig example linked"]
        try:
            for program in programs:
                self._must(runner.command(program), "worker_heartbeat_interval_millis must be")
            self._compare_layout(runner)
            self._c_with_server(runner)
            self._run_example(runner)
        finally:
            if runner.end:
                subprocess.run(runner.end, capture_output=True, check=False)
        return [
            f"C programs of each archive and both run {runner.described}",
            "layout of the C interface",
            "a panic that a call reports",
            "the examples in C and Zig, with client and worker",
        ]

    def _install(self) -> None:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        pip += ["--target", str(self._site), "--platform", self._target.wheel_tags[0]]
        pip += ["--only-binary=:all:", "--no-index", "--find-links", str(self._wheel.parent)]
        self._must([*pip, "temporal-static-libs"])
        answers = self._ask("--platform", "--target", "--verify").splitlines()
        if answers[:2] != [self._target.platform, self._target.triple]:
            raise ToolError(f"the installed wheel reports {answers[:2]}")

    def _ask(self, *options: str) -> str:
        command = [sys.executable, "-m", "temporal_static_libs", *options]
        return self._must(command, environ={"PYTHONPATH": str(self._site)}).strip()

    def _flags(self, *options: str) -> list[str]:
        return [flag for line in self._ask(*options).splitlines() for flag in shlex.split(line)]

    def _c_programs(self) -> list[Path]:
        """Link a program with each archive and with both, with each linker."""
        both = [self._flags("--libs", "--component", component) for component in _COMPONENTS]
        links = {
            "sdk-core": both[0],
            "client": both[1],
            "sdk-core-client": [both[0][0], *both[1]],
            "client-sdk-core": [both[1][0], *both[0]],
        }
        if self._target.floor_name == "musl":  # Zig links glibc only dynamically
            links["static"] = ["-static", *self._flags("--static", "--libs")]
        collecting = {"": self._flags("--ldflags")}
        if self._target.os == "windows":
            collecting["-whole"] = []
        source = ROOT / "tests" / "wheel" / "program.c"
        return [
            self._link(f"program-{name}{suffix}-{compiler}", [source], [*flags, *libraries], cc)
            for name, libraries in links.items()
            for suffix, flags in collecting.items()
            for compiler, cc in self._compilers().items()
        ]

    def _c_with_server(self, runner: Runner) -> None:
        """Run a worker until a workflow's result, and make the library panic, with each linker."""
        flags = [*self._flags("--ldflags", "--libs"), "-D_GNU_SOURCE", "-DNO_EPOLL"]
        example = ROOT / "examples" / "c"
        programs = {
            'result: "hello"': [example / "event_loop.c", example / "messages.c"],
            "complete: panic: ": [ROOT / "tests" / "wheel" / "panic.c"],
        }
        for said, sources in programs.items():
            for compiler, cc in self._compilers().items():
                name = f"{sources[0].stem}-{compiler}"
                program = self._link(name, sources, flags, cc)
                self._must(runner.command(program, self._server), said)

    def _link(
        self, name: str, sources: Sequence[Path], flags: Sequence[str], cc: Sequence[str]
    ) -> Path:
        # GCC would add the suffix itself.
        program = self._scratch / f"{name}{self._suffix}"
        command = [*cc, "-std=gnu11", *map(str, sources), *self._flags("--cflags"), *flags]
        self._must([*command, "-o", str(program)])
        return program

    def _compilers(self) -> dict[str, tuple[str, ...]]:
        """Return the linkers; for Windows, all installed ones, because they differ."""
        if self._target.os != "windows":
            return {"zig": self._cc}
        others = [ROOT / ".venv" / f"zig-{version}" / "bin" / "python" for version in _OTHER_ZIGS]
        return {
            "gcc": (f"{self._target.gnu_triple}-gcc",),
            "zig": self._cc,
            **{python.parts[-3]: (str(python), *self._cc[1:]) for python in others},
        }

    def _compare_layout(self, runner: Runner) -> None:
        header = next(self._site.rglob("temporal-sdk-core-c-bridge.h"))
        expected = (ROOT / "tests" / "abi" / "c_abi.tsv").read_text(encoding="utf-8")
        missing = set(expected.splitlines()) - facts(header, self._cc, runner.command())
        if missing:
            raise ToolError("the C interface differs:\n" + "\n".join(sorted(missing)))

    def _build_example(self) -> Path:
        copy = copy_zig_bridge(self._scratch / "zig-bridge")
        tool = self._site / "bin" / "temporal-libs-config"
        command = [*self._zig, "build", f"-Dtarget={self._target.zig_target}"]
        command += [f"-Dtemporal-libs-config={tool}"]
        command += [f"-Dmacos-sdk={self._sdk}"] if self._sdk else []
        self._must(command, environ={"PYTHONPATH": str(self._site)}, cwd=copy)
        return copy / "zig-out"

    def _run_example(self, runner: Runner) -> None:
        demo = f"bin/zig-bridge-demo{self._suffix}"
        program = runner.installed(self._build_example(), demo)
        options = ["--target-url", self._server, "--input", _INPUT, "--timeout-millis", "120000"]
        self._must([*program, *options], f"result: {_RESULT}")

    def _must(
        self,
        command: Sequence[str],
        said: str = "",
        environ: dict[str, str] | None = None,
        cwd: Path | None = None,
    ) -> str:
        try:
            done = subprocess.run(
                command,
                env={**os.environ, **(environ or {})},
                cwd=cwd or self._scratch,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
                timeout=_DEADLINE,
            )
        except subprocess.TimeoutExpired:
            raise ToolError(f"{shlex.join(command)} did not finish within {_DEADLINE} s") from None
        if done.returncode != 0 or said not in done.stdout:
            problem = f"exit status {done.returncode}"
            if done.returncode == 0:
                problem = f"no {said!r} in its output"
            raise ToolError(f"{shlex.join(command)} failed: {problem}\n{done.stdout}")
        return done.stdout
