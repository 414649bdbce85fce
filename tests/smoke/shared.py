"""Loads the shared library of a release's asset, and compares it with its description.

    python shared.py ASSET.tar.gz

Needs only the standard library: no compiler and no wheel.
"""

from __future__ import annotations

import ctypes
import json
import shutil
import sys
import tempfile
from pathlib import Path

LIBRARY = "*temporalio_sdk_core_c_bridge.*"


def main() -> int:
    """Run from the command line.

    Returns:
        0; 1 if the library is not the one that its interface.json describes.
    """
    # On Windows, a loaded library cannot be removed.
    scratch_directory = tempfile.TemporaryDirectory(
        prefix="temporal-shared-", ignore_cleanup_errors=True
    )
    with scratch_directory as scratch:
        shutil.unpack_archive(sys.argv[1], scratch, filter="data")
        (directory,) = Path(scratch).iterdir()
        (file,) = directory.glob(LIBRARY)
        described = json.loads((directory / "interface.json").read_text(encoding="utf-8"))
        library = ctypes.CDLL(str(file))
        library.temporal_static_libs_abi_id.restype = ctypes.c_char_p
        found = library.temporal_static_libs_abi_id().decode()
        missing = [it["name"] for it in described["functions"] if not hasattr(library, it["name"])]
        print(f"{file.name}: ABI {found}, {len(described['functions'])} functions")
        return 0 if (found, missing) == (described["abi"], []) else 1


if __name__ == "__main__":
    sys.exit(main())
