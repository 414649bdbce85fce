"""Every option of an installed wheel's command, by its script and by ``python -m``.

    python command.py [--platform NAME]

Tests the wheel in the environment of `python`, using only the standard library: each option prints
the same answer both ways, and a path in an answer exists. Prints a line for each option.
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
#: Options that print a path.
PATHS = (
    *("--prefix", "--libdir", "--includedir", "--interface"),
    *("--cmakedir", "--pkgconfigdir", "--protodir", "--zigdir", "--shared"),
)
#: Options that only change or check the output of others.
WITH_OTHERS = {"--static": ("--libs",), "--verify": ("--version",)}
#: Options that print nothing on a platform without frameworks.
MAY_BE_EMPTY = ("--frameworks",)
#: Options whose output names the program that was called.
NOT_THE_SAME = ("--doctor",)


def ask(command: Sequence[str | Path], options: Sequence[str]) -> tuple[int, str, str]:
    """Run the command in an unrelated directory; return status, answer and messages."""
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
    """Return each option that ``--help`` lists, with a value if it requires one.

    Args:
        directory: the value for options that take a directory.
    """
    _, text, _ = ask(MODULE, ["--help"])
    listed = re.findall(
        r"^  (?:-h, )?(--[\w-]+)(?: \{([\w-]+)[^}]*\}| (DIRECTORY))?(?: |$)", text, re.MULTILINE
    )
    platform = ask(MODULE, ["--platform"])[1].strip()
    left_out = {"--toolchain"}
    if platform.endswith("-msvc"):
        left_out.add("--shared")  # It can be linked only from the archives for gnu.
    found = [
        (option, value or directory)
        if value or takes_directory
        else (option, *WITH_OTHERS.get(option, ()))
        for option, value, takes_directory in listed
        if option not in left_out
    ]
    # The first selects what other options print; so does the second, but only for Windows.
    answers = {"--component": ["--libs"]}
    if platform.startswith("windows-"):
        found.append(("--toolchain", platform.rpartition("-")[2], "--libs"))
    return [(*words, *answers.get(words[0], ())) for words in found]


def fault(words: tuple[str, ...]) -> str | None:
    """Run an option; return what is wrong with the answer, or None."""
    status, answer, messages = ask([SCRIPT], words)
    if status != 0:
        return f"exit status {status}\n{answer}{messages}".rstrip()
    other = ask(MODULE, words)
    if other[0] != 0 or (words[0] not in NOT_THE_SAME and other != (status, answer, messages)):
        return f"{' '.join(MODULE)} has a different answer"
    if not answer.strip() and words[0] not in MAY_BE_EMPTY:
        return "no answer"
    if words[0] in PATHS and not Path(answer.removesuffix("\n")).exists():
        return f"{answer.strip()} does not exist"
    return None


def main() -> int:
    """Run the checks; return 1 if one failed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--platform", help="what --platform must print")
    wanted = parser.parse_args().platform
    failed = 0
    with tempfile.TemporaryDirectory(prefix="temporal-command-") as scratch:
        found = options(scratch)
        faults = [fault(words) for words in found]
    for words, reason in zip(found, faults, strict=True):
        if words[0] == "--platform" and wanted is not None:
            said = ask([SCRIPT], words)[1].strip()
            reason = reason or (None if said == wanted else f"expected {wanted!r}, found {said!r}")
        failed += reason is not None
        lines = (reason or "").splitlines()
        print("FAILED " if reason else "ok     ", *words, *(f"\n        {line}" for line in lines))
    print(f"{len(found) - failed} of {len(found)} options work")
    return 1 if failed or not found else 0


if __name__ == "__main__":
    sys.exit(main())
