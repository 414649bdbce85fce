"""Running PyPI's protoc on protobuf files in a directory."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorSet

# Temporal's files have such imports, which are harmless.
_UNUSED = re.compile(r"\S+: warning: Import \S+ is unused\.\n")


def without_unused_imports(output: str) -> str:
    """Return protoc's output without warnings about unused imports."""
    return _UNUSED.sub("", output)


def compile_protos(include: Path, files: Iterable[str], scratch: Path) -> FileDescriptorSet:
    """Compile files and everything they import into descriptors.

    Args:
        include: the directory that imports are relative to; protoc adds one with Google's files.
        files: relative to it.
        scratch: a directory to write to.

    Returns:
        The descriptors. protoc must have no messages.
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
