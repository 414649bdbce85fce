"""The smoke test of archives for Visual C++: compiles, links and runs C programs with ``cl``.

    python -m tests.smoke.msvc

Tests the wheel in the environment of `python`, on Windows with Visual Studio. Otherwise needs only
the standard library. Prints a line per check, like smoke.py.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from tests.smoke.smoke import (
    HERE,
    CheckError,
    check_installed,
    check_runs,
    check_verified,
    flags,
    passes,
    run,
)

VSWHERE = Path("Microsoft Visual Studio", "Installer", "vswhere.exe")
TOOLS = "Microsoft.VisualStudio.Component.VC.Tools.x86.x64"
TOOLCHAIN = ("--toolchain", "msvc")
# The C runtime in a DLL, as the archives use it, and the same for debugging.
RUNTIMES = ("/MD", "/MDd")


def find_vcvars() -> Path:
    """Find the script that sets up the environment of ``cl``.

    Raises:
        CheckError: Visual Studio with a compiler for x64 is missing.
    """
    vswhere = Path(os.environ.get("PROGRAMFILES(X86)", r"C:\Program Files (x86)"), VSWHERE)
    query = ["-latest", "-products", "*", "-requires", TOOLS, "-property", "installationPath"]
    found = run([vswhere, *query]).strip()
    if not found:
        raise CheckError("Visual Studio with a compiler for x64 was not found")
    return Path(found, "VC", "Auxiliary", "Build", "vcvars64.bat")


def compile_command(runtime: str, components: Sequence[str], program: Path) -> list[str]:
    """Return the command that compiles and links smoke.c. All libraries come after ``/link``."""
    archives = [
        path for name in components for path in flags("--libfiles", "--component", name, *TOOLCHAIN)
    ]
    worker = ["/DSMOKE_WORKER"] if "sdk-core" in components else []
    command = ["cl", "/nologo", runtime, *worker, *flags("--cflags", *TOOLCHAIN)]
    command += [str(HERE / "smoke.c"), f"/Fe:{program}", *flags("--ldflags", *TOOLCHAIN)]
    return [*command, *archives, *flags("--system-libs", *TOOLCHAIN)]


def c_program(vcvars: Path, runtime: str, components: Sequence[str], scratch: Path) -> None:
    """Compile, link and run the C program."""
    program = scratch / "program.exe"
    program.unlink(missing_ok=True)
    script = scratch / "compile.bat"
    command = subprocess.list2cmdline(compile_command(runtime, components, program))
    script.write_text(
        f'@call "{vcvars}" >nul || exit /b 1\n@{command} || exit /b 1\n', encoding="utf-8"
    )
    run(["cmd", "/d", "/c", script], cwd=scratch)
    check_runs(program)


def main() -> int:
    """Run the checks; return 1 if one failed."""
    installed = passes("installed", partial(check_installed, "wheel"))
    if not (installed and passes("verified", check_verified)):
        return 1
    try:
        vcvars = find_vcvars()
    except CheckError as error:
        print(f"FAILED  {error}")
        return 1
    alone = (("sdk-core",), ("client",))
    both = (("sdk-core", "client"), ("client", "sdk-core"))
    with tempfile.TemporaryDirectory(prefix="temporal-smoke-") as scratch:
        results = [
            passes(
                f"cl {runtime}, {' before '.join(components)}",
                partial(c_program, vcvars, runtime, components, Path(scratch)),
            )
            for runtime in RUNTIMES
            for components in (*alone, *both)
        ]
    print(f"{results.count(True)} of {len(results)} programs link and run")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
