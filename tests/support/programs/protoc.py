"""PyPI's protoc, on protobuf files of a directory."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorSet

# Temporal's files have such imports, which do no harm.
_UNUSED = re.compile(r"\S+: warning: Import \S+ is unused\.\n")


def without_unused_imports(output: str) -> str:
    """What protoc printed, less what it says of imports that a file does not use."""
    return _UNUSED.sub("", output)


def compile_protos(include: Path, files: Iterable[str], scratch: Path) -> FileDescriptorSet:
    """Compile files and all that they import into descriptors.

    Args:
        include: the directory that imports are relative to; protoc adds one with Google's own.
        files: relative to it.
        scratch: a directory to write to.

    Returns:
        The descriptors. protoc had nothing to complain about.
    """
    output = scratch / "descriptors.bin"
    options = [f"--proto_path={include}", f"--descriptor_set_out={output}", "--include_imports"]
    done = subprocess.run(
        [sys.executable, "-m", "grpc_tools.protoc", *options, *files],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert (done.returncode, without_unused_imports(done.stdout)) == (0, "")
    return FileDescriptorSet.FromString(output.read_bytes())
