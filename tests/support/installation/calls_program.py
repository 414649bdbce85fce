"""Runs many calls in one process, started by `calls.py`. It needs only Python.

Arguments: the directory that contains the package, the file for outcomes, and the working
directory, which may be empty. The calls are on stdin, as JSON.
"""

from __future__ import annotations

import base64
import importlib
import json
import os
import runpy
import sys
import tempfile
import traceback

PACKAGE = "temporal_static_libs"


def run(call: list[str]) -> int:
    """Run one call like Python, and return its exit status."""
    try:
        if call[0].startswith("-"):
            sys.argv = ["temporal-libs-config", *call]
            runpy.run_module(PACKAGE, run_name="__main__", alter_sys=False)
        else:
            package = importlib.import_module(PACKAGE)
            try:
                result = getattr(package, call[0])(*call[1:])
            except package.TemporalStaticLibsError as error:
                os.write(2, os.fsencode(f"{type(error).__name__}: {error}\n"))
                return 1
            found = getattr(result, "libraries", None)
            if found is not None:
                result = tuple(f"{library.checksum} {library.path}" for library in found)
            parts = result if isinstance(result, tuple) else (str(result),)
            os.write(1, b"".join(os.fsencode(part) + b"\n" for part in parts))
    except SystemExit as left:
        return left.code if isinstance(left.code, int) else int(left.code is not None)
    except BaseException:
        os.write(2, traceback.format_exc().encode("utf-8", "backslashreplace"))
        return 70
    return 0


def outcome(call: list[str]) -> dict[str, object]:
    """Run one call with files for stdout and stderr, and return its outcome."""
    saved = os.dup(1), os.dup(2)
    scratch = os.path.dirname(sys.argv[2])
    texts = []
    with (
        tempfile.TemporaryFile(dir=scratch) as out,
        tempfile.TemporaryFile(dir=scratch) as err,
    ):
        os.dup2(out.fileno(), 1)
        os.dup2(err.fileno(), 2)
        try:
            status = run(call)
            for stream in (sys.stdout, sys.stderr):
                stream.flush()
        finally:
            for descriptor, original in enumerate(saved, 1):
                os.dup2(original, descriptor)
                os.close(original)
        for file in (out, err):
            file.seek(0)
            texts.append(base64.b64encode(file.read()).decode("ascii"))
    return {"status": status, "stdout": texts[0], "stderr": texts[1]}


def main() -> None:
    """Run the calls, and write a line for each."""
    sys.path.insert(0, sys.argv[1])
    argv = list(sys.argv)
    calls = json.loads(sys.stdin.buffer.read())
    for call in calls:
        line = json.dumps(outcome(call)).encode("ascii")
        sys.argv = argv
        with open(argv[2], "ab") as stream:
            stream.write(line + b"\n")


if __name__ == "__main__":
    main()
