"""Every option of an installed wheel's command, by its script and by ``python -m``.

    python command.py [--platform NAME]

Tests the wheel of the environment that `python` is of, with nothing but the standard library: each
option answers, both ways the same, and a path that it answers with is there. Prints a line each.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from pathlib import Path

SCRIPT = Path(
    sysconfig.get_path("scripts"), "temporal-libs-config" + (".exe" if os.name == "nt" else "")
)
MODULE = (sys.executable, "-m", "temporal_static_libs")
#: Options whose answer is a path.
PATHS = (
    *("--prefix", "--libdir", "--includedir", "--interface"),
    *("--cmakedir", "--pkgconfigdir", "--protodir", "--zigdir", "--shared"),
)
#: Options that only change or check what others answer.
WITH_OTHERS = {"--static": ("--libs",), "--verify": ("--version",)}
#: Those that answer with nothing on a platform without frameworks.
MAY_BE_EMPTY = ("--frameworks",)
#: Those whose answer names the program that was called.
NOT_THE_SAME = ("--doctor",)


def ask(command: Sequence[str | Path], options: Sequence[str]) -> tuple[int, str, str]:
    """Run the command where nothing of the project is; return status, answer and messages."""
    done = subprocess.run(
        [*map(str, command), *options],
        cwd=SCRIPT.anchor,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def options(directory: str) -> list[tuple[str, ...]]:
    """Return each option that ``--help`` lists, with one value if it takes some.

    Args:
        directory: what an option is given that takes a directory.
    """
    _, text, _ = ask(MODULE, ["--help"])
    listed = re.findall(
        r"^  (?:-h, )?(--[\w-]+)(?: \{([\w-]+)[^}]*\}| (DIRECTORY))?(?: |$)", text, re.MULTILINE
    )
    platform = ask(MODULE, ["--platform"])[1].strip()
    left_out = {"--toolchain"}
    if platform.endswith("-msvc"):
        left_out.add("--shared")  # It is linked from the archives for gnu only.
    found = [
        (option, value or directory)
        if value or takes_directory
        else (option, *WITH_OTHERS.get(option, ()))
        for option, value, takes_directory in listed
        if option not in left_out
    ]
    # The first chooses among the answers of others; so does the second, for Windows only.
    answers = {"--component": ["--libs"]}
    if platform.startswith("windows-"):
        found.append(("--toolchain", platform.rpartition("-")[2], "--libs"))
    return [(*words, *answers.get(words[0], ())) for words in found]


def fault(words: tuple[str, ...]) -> str | None:
    """Ask with an option; return what is wrong with the answer, or None."""
    status, answer, messages = ask([SCRIPT], words)
    if status != 0:
        return f"exit status {status}\n{answer}{messages}".rstrip()
    other = ask(MODULE, words)
    if other[0] != 0 or (words[0] not in NOT_THE_SAME and other != (status, answer, messages)):
        return f"{' '.join(MODULE)} answers otherwise"
    if not answer.strip() and words[0] not in MAY_BE_EMPTY:
        return "no answer"
    if words[0] in PATHS and not Path(answer.removesuffix("\n")).exists():
        return f"{answer.strip()} is not there"
    return None


def main() -> int:
    """Run the checks; return 1 if one failed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--platform", help="what --platform must answer")
    wanted = parser.parse_args().platform
    failed = 0
    with tempfile.TemporaryDirectory(prefix="temporal-command-") as scratch:
        found = options(scratch)
        faults = [fault(words) for words in found]
    for words, reason in zip(found, faults, strict=True):
        if words[0] == "--platform" and wanted is not None:
            said = ask([SCRIPT], words)[1].strip()
            reason = reason or (None if said == wanted else f"it says {said!r}, not {wanted!r}")
        failed += reason is not None
        lines = (reason or "").splitlines()
        print("FAILED " if reason else "ok     ", *words, *(f"\n        {line}" for line in lines))
    print(f"{len(found) - failed} of {len(found)} options answer")
    return 1 if failed or not found else 0


if __name__ == "__main__":
    sys.exit(main())
