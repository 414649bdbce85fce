"""The file next to a shared library that names its archive, for comparison by the release."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from temporal_static_libs._checksums import sha256_of
from temporal_static_libs._manifest import Manifest

DESCRIPTION_NAME: Final = "shared-library.json"


def describe(file: Path, manifest: Manifest, component: str) -> dict[str, object]:
    """Return the content of a description.

    Args:
        file: the shared library.
        manifest: the archives' manifest.
        component: the component whose archive was linked.
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
    """Write the description next to the library; see `describe`."""
    text = json.dumps(describe(file, manifest, component), indent=2)
    file.with_name(DESCRIPTION_NAME).write_text(f"{text}\n", encoding="ascii")
