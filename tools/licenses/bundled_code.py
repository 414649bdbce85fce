"""Facts about crates in an SBOM that cargo does not know: bundled code and our changes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tools.licenses.linked_crates import Crate

#: CycloneDX components of C code in crates, by the crate's name. ``{version}`` is the text after
#: ``+NAME.`` in the crate's version.
TABLE = Path(__file__).with_suffix(".json")

#: The crates that the workspace has a modified copy of, and their differences.
MODIFIED = {
    "flate2": "Keeps one compressor per thread for the next message; smaller buffers.",
    "parking_lot_core": "Has one more function, forget_parked_threads.",
}


def bundled_code(crate: Crate) -> dict[str, Any]:
    """Return the properties of a crate's component about bundled code."""
    text = json.dumps(json.loads(TABLE.read_bytes()).get(crate.name, []))
    _, _, version = crate.version.partition("+")[2].partition(".")
    parts = json.loads(text.replace("{version}", version))
    for part in parts:
        part["bom-ref"] = f"pkg:cargo/{crate.name}@{crate.version}#{part['name']}"
    return {"components": parts} if parts else {}


def changes(crate: Crate, purl: str) -> dict[str, Any]:
    """Return the pedigree of a modified crate."""
    if crate.name not in MODIFIED:
        return {}
    ancestor = {"type": "library", "name": crate.name, "version": crate.version, "purl": purl}
    return {"pedigree": {"ancestors": [ancestor], "notes": MODIFIED[crate.name]}}
