"""Runs every case and records the result."""

from __future__ import annotations

import json
import os
import pwd
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from tests.behavior.calls import COMMAND, MODULE, PACKAGE, WITH_FILES, Call
from tests.behavior.comparing import Case
from tests.behavior.states import MANIFEST
from tests.behavior.workshop import EXPORTS, INSTALLED, Room, Workshop

RECORDING = "behavior.json"

# Calls a function of the Python API.
_CALL = f"""\
import sys, {PACKAGE} as package
try:
    named = dict(it.split("=") for it in sys.argv[2:] if "=" in it)
    values = [it for it in sys.argv[2:] if "=" not in it]
    print(repr(getattr(package, sys.argv[1])(*values, **named)))
except Exception as error:
    print("raises", *(cls.__name__ for cls in type(error).__mro__[:-3]))
    print(error, file=sys.stderr)
    sys.exit(1)
"""

# Values that differ each time, or for each commit.
_MASKS = (
    (r"\bverified/(\w+)-\d+-\d+", r"verified/\1-{device}-{inode}"),
    (r"(?m)^\d+(?: \d+){9}\t", "{identity}\t"),
    (r"\bbuild-systems/[0-9a-f]{16}\b", "build-systems/{digest}"),
    (r'("(?:time|started)": )"[^"]*"', r'\1"{time}"'),
    (r'(": )\d+\.\d+\b(?=[,}\s])', r"\1{seconds}"),
    (r'("(?:source_)?commit": )(?:null|"[0-9a-f]{40}")', r'\1"{commit}"'),
)


class Renamer:
    """Replaces texts that are specific to this machine or recording by placeholders.

    Args:
        names: the texts, each with its placeholder.
    """

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names
        longest_first = "|".join(map(re.escape, sorted(names, key=len, reverse=True)))
        # Do not replace the beginning of a longer name.
        self._pattern = re.compile(rf"(?:{longest_first})(?![\w-])")

    def __call__(self, text: str) -> str:
        """Return the text with placeholders."""
        text = self._pattern.sub(lambda match: self._names[match[0]], text)
        for pattern, name in _MASKS:
            text = re.sub(pattern, name, text)
        return text


def record(python: Path, directory: Path) -> str:
    """Record every case.

    Args:
        python: an interpreter of a virtual environment that has the wheel installed.
        directory: receives the recording.

    Returns:
        A text with the number of cases and the duration.

    Raises:
        SystemExit: there is nothing to record, or the recording would contain a local path.
    """
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="behavior-") as scratch:
        workshop = Workshop(python, Path(scratch).resolve())
        run = partial(_run, workshop, _names(workshop))
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            recorded = list(pool.map(run, workshop.rooms()))
    cases = {f"{case['state']}: {' '.join(case['arguments'])}": case for case in recorded}
    if leaks := [name for name, case in cases.items() if "{scratch}" in json.dumps(case)]:
        sys.exit(f"behavior: no name for a path in {len(leaks)} cases, as in '{leaks[0]}'")
    directory.mkdir(parents=True, exist_ok=True)
    text = json.dumps(cases, indent=1, sort_keys=True)
    (directory / RECORDING).write_text(f"{text}\n", encoding="ascii")
    return f"{len(cases)} cases, {time.monotonic() - start:.0f} s: {directory / RECORDING}"


def read(path: Path) -> dict[str, Case]:
    """Read a recording from its file or directory."""
    file = path / RECORDING if path.is_dir() else path
    cases: dict[str, Case] = json.loads(file.read_text(encoding="ascii"))
    return cases


def _run(workshop: Workshop, names: Mapping[str, str], room: Room) -> Case:
    state, call = room.state, room.call
    if state.verified:
        _start(workshop, room, (COMMAND, "--verify"))
    before = room.files()
    done = _start(workshop, room, call)
    after = room.files()
    files = {path: _content(path) for path, seen in after.items() if before.get(path) != seen}
    files.update(dict.fromkeys(before.keys() - after.keys(), "removed"))
    if any(path.suffix == ".a" for path in files):
        # So soon after a compile, the clock decides whether verified libraries are remembered.
        files = {path: text for path, text in files.items() if path.parent.name != "verified"}
    if state is INSTALLED and call[-1] in WITH_FILES:
        files.update({path: _content(path) for path in Path(done.stdout.rstrip("\n")).iterdir()})
    rename = Renamer({**names, **{path: name for name, path in room.names.items()}})
    return {
        "state": state.name,
        "arguments": list(call),
        "environment": dict(state.environ),
        "status": done.returncode,
        "stdout": rename(done.stdout),
        "stderr": rename(done.stderr),
        "files": {rename(str(path)): rename(text) for path, text in files.items()},
    }


def _start(workshop: Workshop, room: Room, call: Call) -> subprocess.CompletedProcess[str]:
    python = str(workshop.python)
    commands: Mapping[str, tuple[str, ...]] = {
        COMMAND: (str(workshop.python.parent / COMMAND),),
        MODULE: (python, "-m", PACKAGE),
        PACKAGE: (python, "-c", _CALL if call[1:] else EXPORTS),
    }
    return subprocess.run(
        [*commands[call[0]], *call[1:]],
        env=room.environ,
        cwd=room.directory / "tmp",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="backslashreplace",
        check=False,
    )


def _names(workshop: Workshop) -> dict[str, str]:
    """The placeholders that are the same in every case of a recording."""
    scripts = workshop.python.parent
    user = f"{pwd.getpwuid(os.geteuid()).pw_name} (uid {os.geteuid()})"
    names = {
        str(workshop.root): "{scratch}",
        user: "{user}",
        str(scripts.parent): "{venv}",
        # The script's interpreter may have a different name than the given one.
        **{str(file): "{python}" for file in (workshop.python, *scripts.glob("python[3.]*"))},
    }
    for libraries in (workshop.package / "lib", workshop.libraries):
        manifest = json.loads((libraries / MANIFEST).read_text(encoding="utf-8"))
        facts = ("abi", "cargo_lock_sha256", "header_sha256", "rust_sources_sha256")
        names |= {manifest[fact]: f"{{{fact}}}" for fact in facts}
        names |= {each["sha256"]: f"{{{each['file']}}}" for each in manifest["libraries"]}
    return names


def _content(path: Path) -> str:
    if path.is_symlink():
        return f"-> {os.readlink(path)}"
    content = path.read_bytes()
    return f"{len(content)} bytes" if path.suffix == ".a" else content.decode()
