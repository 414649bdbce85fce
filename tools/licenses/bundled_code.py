"""What an SBOM says of a crate that cargo does not know: code of others in it, and our changes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tools.licenses.linked_crates import Crate

#: The C code in crates, by the crate's name: components of CycloneDX. ``{version}`` stands for what
#: follows ``+NAME.`` in the crate's version.
TABLE = Path(__file__).with_suffix(".json")

#: The crates that the workspace has copies of, and what differs in them.
MODIFIED = {
    "flate2": "Each thread keeps a compressor for the next message; smaller buffers.",
    "parking_lot_core": "Has one more function, forget_parked_threads.",
}


def bundled_code(crate: Crate) -> dict[str, Any]:
    """Return the properties of a crate's component that say what is in it."""
    text = json.dumps(json.loads(TABLE.read_bytes()).get(crate.name, []))
    _, _, version = crate.version.partition("+")[2].partition(".")
    parts = json.loads(text.replace("{version}", version))
    for part in parts:
        part["bom-ref"] = f"pkg:cargo/{crate.name}@{crate.version}#{part['name']}"
    return {"components": parts} if parts else {}


def changes(crate: Crate, purl: str) -> dict[str, Any]:
    """Return the pedigree of a crate that is not as it was published."""
    if crate.name not in MODIFIED:
        return {}
    ancestor = {"type": "library", "name": crate.name, "version": crate.version, "purl": purl}
    return {"pedigree": {"ancestors": [ancestor], "notes": MODIFIED[crate.name]}}
