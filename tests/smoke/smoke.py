"""The smoke test of an installed wheel: C and Zig programs, linked against it and run.

    python smoke.py [--source override]

Tests the wheel in the environment of `python`. Needs only the standard library, PyPI's ``ziglang``
in the same environment, and a C compiler: that of the environment variable CC, or ``cc``, or on
Windows MinGW's ``gcc``. Prints a line per check; a failure is shown with its command and output.
With ``--source override``, the archives must be those in the directory TEMPORAL_LIBS_DIR.
cibuildwheel's test-command, `make test` and install.py run it.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path

HERE = Path(__file__).resolve().parent
HEADER = "temporal-sdk-core-c-bridge.h"
WINDOWS = os.name == "nt"
EXE = ".exe" if WINDOWS else ""
CONFIG = Path(sysconfig.get_path("scripts"), f"temporal-libs-config{EXE}")
ZIG = (sys.executable, "-m", "ziglang")
# Otherwise it could be Microsoft's ABI.
ZIG_TARGET = ("-target", "x86_64-windows-gnu") if WINDOWS else ()
DEADLINE = 600.0  # seconds; Zig compiles its own libraries the first time it runs on a machine


class CheckError(Exception):
    """A check failed. The message says why."""


def run(command: Sequence[str | Path], cwd: Path | None = None) -> str:
    """Run a program and return what it prints to stdout.

    Args:
        command: the program and its arguments.
        cwd: where to run it.

    Raises:
        CheckError: it cannot be run, fails, or takes longer than `DEADLINE`; the message has the
            command and its output.
    """
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=DEADLINE,
            check=False,
        )
    except OSError as error:
        raise CheckError(f"command: {shlex.join(words)}\ndoes not run: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        raise CheckError(
            f"command: {shlex.join(words)}\ndid not finish within {DEADLINE:.0f} s"
        ) from None
    if done.returncode != 0:
        raise CheckError(
            f"command: {shlex.join(words)}\nexit status: {done.returncode}\n"
            f"output:\n{done.stdout}{done.stderr}".rstrip()
        )
    return done.stdout


@cache
def answer(*options: str) -> str:
    """Return the output of the installed temporal-libs-config without the last line break."""
    # In an unrelated directory.
    return run([CONFIG, *options], cwd=Path(CONFIG.anchor)).removesuffix("\n")


def flags(*options: str) -> list[str]:
    """Return the flags that the installed temporal-libs-config prints, unquoted."""
    return shlex.split(answer(*options))


def check_installed(wanted: str) -> None:
    """Check that this environment's wheel is tested, with the intended archives.

    Args:
        wanted: their source, as named by `--json`.

    Raises:
        CheckError: the package is another one, such as that of a checkout, or uses other archives.
    """
    prefix = Path(answer("--prefix")).resolve()
    site = {Path(sysconfig.get_path(name)).resolve() for name in ("purelib", "platlib")}
    if prefix.parent not in site:
        raise CheckError(
            f"the package in {prefix} is not the installed one: install the wheel with "
            f"{sys.executable} -m pip install, and unset PYTHONPATH"
        )
    source = json.loads(answer("--json"))["source"]
    if source != wanted:
        fix = "unset" if wanted == "wheel" else "look at"
        raise CheckError(
            f"the active archives come from {source!r}, not from the {wanted}: "
            f"{fix} TEMPORAL_LIBS_DIR and USE_PREBUILT_LIBS"
        )


def check_verified() -> None:
    """Check that the archives are unchanged and the protobuf files exist."""
    answer("--verify", "--protodir")


def check_runs(program: Path) -> None:
    """Check that a linked program works and has the archive of this version."""
    printed, version = run([program]).strip(), answer("--version")
    # The archives' version has no `.postN`.
    if not printed or version.partition(".post")[0] != printed:
        raise CheckError(f"{program.name} has version {printed!r}, but the package has {version!r}")


def c_program(compiler: Sequence[str], components: Sequence[str], scratch: Path) -> None:
    """Compile, link and run the C program.

    Args:
        compiler: the command of the compiler driver.
        components: the archives to link, in that order.
        scratch: directory for the program.
    """
    archives = [path for name in components for path in flags("--libfiles", "--component", name)]
    program = scratch / f"c-program{EXE}"
    worker = ["-DSMOKE_WORKER"] if "sdk-core" in components else []
    command = [*compiler, *worker, *flags("--cflags"), str(HERE / "smoke.c"), *archives]
    command += flags("--ldflags", "--system-libs", "--frameworks")
    run([*command, "-o", program])
    check_runs(program)


def zig_program(components: Sequence[str], scratch: Path) -> None:
    """Compile, link and run the Zig program with `zig build-exe`.

    Args:
        components: the archive to link, only one.
        scratch: directory for the program.
    """
    (component,) = components
    program, header = scratch / f"zig-program{EXE}", scratch / "c.zig"
    include = Path(answer("--includedir"))
    header.write_text(
        run([*ZIG, "translate-c", *ZIG_TARGET, "-lc", *flags("--cflags"), include / HEADER]),
        encoding="utf-8",
    )
    run(
        [
            *(*ZIG, "build-exe", *ZIG_TARGET, f"-femit-bin={program}"),
            *("--dep", "c", f"-Mroot={HERE / 'smoke.zig'}", f"-Mc={header}"),
            *("-lc", *flags("--libs", "--component", component)),
        ],
        cwd=scratch,
    )
    check_runs(program)


def checks(scratch: Path) -> list[tuple[str, Callable[[], None]]]:
    """The checks by name."""
    cc = shlex.split(os.environ.get("CC") or ("gcc" if WINDOWS else "cc"))
    compilers = {"cc": cc, "zig cc": [*ZIG, "cc", *ZIG_TARGET]}
    alone = (("sdk-core",), ("client",))
    both = (("sdk-core", "client"), ("client", "sdk-core"))

    def of_c(compiler: str, components: Sequence[str]) -> Callable[[], None]:
        return lambda: c_program(compilers[compiler], components, scratch)

    def of_zig(components: Sequence[str]) -> Callable[[], None]:
        return lambda: zig_program(components, scratch)

    return [
        *(
            (f"{compiler}, {' before '.join(components)}", of_c(compiler, components))
            for compiler in compilers
            for components in (*alone, *both)
        ),
        *((f"zig build-exe, {components[0]}", of_zig(components)) for components in alone),
    ]


def passes(name: str, check: Callable[[], None]) -> bool:
    """Run a check and print its result."""
    try:
        check()
    except CheckError as error:
        print(f"FAILED  {name}", *str(error).splitlines(), sep="\n        ", flush=True)
        return False
    print(f"ok      {name}", flush=True)
    return True


def main() -> int:
    """Run the checks.

    Returns:
        0; 1 if one failed.
    """
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--source", choices=("wheel", "override"), default="wheel")
    source = parser.parse_args().source
    installed = passes("installed", partial(check_installed, source))
    # If the wheel is missing or damaged, the other checks are meaningless.
    if not (installed and passes("verified", check_verified)):
        return 1
    with tempfile.TemporaryDirectory(prefix="temporal-smoke-") as scratch:
        results = [passes(name, check) for name, check in checks(Path(scratch))]
    print(
        f"{results.count(True)} of {len(results)} programs of temporal-static-libs "
        f"{answer('--version')} for {answer('--platform')} link and run"
    )
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
