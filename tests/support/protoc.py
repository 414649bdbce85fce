"""PyPI's protoc, on protobuf files of a directory."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorSet

# Not `python -m grpc_tools.protoc`, which adds a directory with Google's own files.
_PROTOC = "import sys; from grpc_tools import protoc; sys.exit(protoc.main(sys.argv))"


def compile_protos(include: Path, files: Iterable[str], scratch: Path) -> FileDescriptorSet:
    """Compile files and all that they import into descriptors.

    Args:
        include: the one directory that imports are relative to.
        files: relative to it.
        scratch: a directory to write to.

    Returns:
        The descriptors. protoc had nothing to say.
    """
    output = scratch / "descriptors.bin"
    options = [f"--proto_path={include}", f"--descriptor_set_out={output}", "--include_imports"]
    done = subprocess.run(
        [sys.executable, "-c", _PROTOC, *options, *files],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "")
    return FileDescriptorSet.FromString(output.read_bytes())
