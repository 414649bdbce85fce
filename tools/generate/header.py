"""Generate the C header from rust/c-api, or check that the committed one is up to date.

usage: python -m tools.generate.header --cbindgen PATH [--check]

Writes ``temporal_static_libs/include/temporal-sdk-core-c-bridge.h``, ``rust/c-api/abi_id.txt`` and
``temporal_static_libs/share/interface.json``, which describes the header for binding generators.
Needs an environment with the dependency group ``header`` of pyproject.toml.

The ABI ID is a hash of the interface table ``tests/abi/c_abi.tsv``. The archives are compiled with
it and the header contains it, so that linking fails if an archive and a header do not match.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from string import Template

from tools import ROOT, ToolError
from tools.generate.declarations import LAST_INCLUDE
from tools.generate.files import run_generator
from tools.interface.description import render
from tools.interface.releases import old_names

HEADER = ROOT / "temporal_static_libs/include/temporal-sdk-core-c-bridge.h"
ABI_ID = ROOT / "rust/c-api/abi_id.txt"
INTERFACE = ROOT / "temporal_static_libs/share/interface.json"
INTERFACE_TABLE = ROOT / "tests/abi/c_abi.tsv"


def interface_id(table: Path) -> str:
    """Hash an interface table, independent of the order of its lines: 16 hexadecimal digits."""
    lines = sorted(line for line in table.read_text(encoding="utf-8").splitlines() if line)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def workspace_version() -> str:
    """Read the version of the Rust workspace."""
    manifest = (ROOT / "rust/Cargo.toml").read_text(encoding="utf-8")
    found = re.search(r'^\[workspace\.package\]\nversion = "([^"]+)"', manifest, re.MULTILINE)
    if found is None:
        raise ToolError("rust/Cargo.toml has no [workspace.package] version")
    return found[1]


def assembled(generated: str, version: str, abi_id: str, names: Mapping[str, str]) -> str:
    """Make the header from cbindgen's output.

    Puts ``header.h.in`` around the declarations. Types that this project adds get their own prefix,
    because cbindgen has one prefix for all types.

    Args:
        generated: the output, which ends with the ``#endif`` of its include guard.
        version: of the package.
        abi_id: hash of the interface table.
        names: of renamed types, old name to new name.
    """
    if generated.count(LAST_INCLUDE) != 1:
        raise ToolError(f"cbindgen's output has no single line {LAST_INCLUDE.strip()!r}")
    generated = re.sub(r"\bTemporalCoreStaticLibs(?=[A-Z])", "TemporalStaticLibs", generated)
    before, _, rest = generated.partition(LAST_INCLUDE)
    declarations, endif, guard = rest.rpartition("#endif")
    old_names = []
    for old, new in names.items():
        old_names.append(f"typedef {new} {old};")
        if re.search(rf"\bstruct {new}\b", declarations):
            old_names.append(f"#define {old} {new}")
    frame = Template(Path(__file__).with_name("header.h.in").read_text(encoding="utf-8"))
    inside = frame.substitute(
        version=version,
        abi_id=abi_id,
        symbol=f"temporal_static_libs_{version.replace('.', '_')}_abi_{abi_id}",
        declarations=declarations.strip("\n"),
        old_names="\n".join(old_names),
    )
    return f"{before}{LAST_INCLUDE}\n{inside}\n{endif}{guard}"


def generate(cbindgen: str) -> dict[Path, str]:
    """Return the text of each generated file."""
    abi_id = interface_id(INTERFACE_TABLE)
    with tempfile.TemporaryDirectory() as scratch:
        output = Path(scratch) / HEADER.name
        config = ROOT / "rust/cbindgen.toml"
        command = [cbindgen, "--quiet", "--lockfile", str(ROOT / "rust/Cargo.lock")]
        command += ["--config", str(config), "--output", str(output), str(ROOT / "rust/c-api")]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        if run.returncode != 0:
            raise ToolError(f"cbindgen failed:\n{run.stderr}")
        generated = output.read_text(encoding="utf-8")
        header = assembled(generated, workspace_version(), abi_id, old_names())
        output.write_text(header, encoding="utf-8")
        return {HEADER: header, ABI_ID: f"{abi_id}\n", INTERFACE: render(output)}


def main() -> int:
    """Run the command line; 0 if the files are written or, with --check, up to date."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cbindgen", required=True, help="the pinned cbindgen")
    return run_generator("header", parser, lambda arguments: generate(arguments.cbindgen))


if __name__ == "__main__":
    sys.exit(main())
