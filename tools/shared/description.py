"""The file next to a shared library that names its archive, for the release to compare."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from temporal_static_libs._checksums import sha256_of
from temporal_static_libs._manifest import Manifest

DESCRIPTION_NAME: Final = "shared-library.json"


def describe(file: Path, manifest: Manifest, component: str) -> dict[str, object]:
    """Return what a description says.

    Args:
        file: the shared library.
        manifest: of the archives.
        component: the one whose archive it was linked from.
    """
    (library,) = [one for one in manifest.libraries if one.component == component]
    return {
        "platform": manifest.platform,
        "version": manifest.version,
        "archive": {"file": library.file, "sha256": library.sha256},
        "library": {
            "file": file.name,
            "size": file.stat().st_size,
            "sha256": sha256_of(file),
        },
    }


def write_description(file: Path, manifest: Manifest, component: str) -> None:
    """Write it next to the library; see `describe`."""
    text = json.dumps(describe(file, manifest, component), indent=2)
    file.with_name(DESCRIPTION_NAME).write_text(f"{text}\n", encoding="ascii")
