"""Generate the C header from rust/c-api, or check that the committed one is fresh.

usage: python -m tools.generate.header --cbindgen PATH [--check]

Writes ``temporal_static_libs/include/temporal-sdk-core-c-bridge.h``, ``rust/c-api/abi_id.txt`` and
``temporal_static_libs/share/interface.json``, which describes the header to generators of bindings.
Runs in an environment with pyproject.toml's dependency group ``header``.

The ABI id is a hash of the interface table ``tests/abi/c_abi.tsv``; the archives are compiled with
it and the header names it, so that a pair that does not belong together fails to link.
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

from tools import ROOT
from tools.interface.releases import old_names

HEADER = ROOT / "temporal_static_libs/include/temporal-sdk-core-c-bridge.h"
ABI_ID = ROOT / "rust/c-api/abi_id.txt"
INTERFACE = ROOT / "temporal_static_libs/share/interface.json"
INTERFACE_TABLE = ROOT / "tests/abi/c_abi.tsv"

LAST_INCLUDE = "#include <stdlib.h>\n"
"""The line that the declarations begin below."""

# GCC, Clang and Zig; other compilers would warn of a pragma that they do not know.
_BEGIN_QUIET = """\
#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
#endif
"""
_END_QUIET = """\
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif
"""

VERSION_MACROS = """\
/** The version of the package that this header belongs to. */
#define TEMPORAL_STATIC_LIBS_VERSION "{version}"

/** The interface that this header declares: a hash of its table of facts. */
#define TEMPORAL_STATIC_LIBS_ABI_ID "{abi_id}"

#ifdef __cplusplus
extern "C" {{
#endif

/** Does nothing; only an archive of this header's version and interface defines it. */
void {symbol}(void);

#ifdef __cplusplus
}} // extern "C"
#endif

/**
 * A statement, used once anywhere in the program: when header and archive do not belong together,
 * linking fails with a missing symbol that spells this header's version and ABI id.
 */
#define TEMPORAL_STATIC_LIBS_REQUIRE_MATCHING_ARCHIVE() {symbol}()
"""

OLD_NAMES = """\
#if defined(TEMPORAL_STATIC_LIBS_OLD_NAMES)
/* What earlier releases of Temporal's own header only called otherwise. The macros are for `struct
   OLD_NAME`, the type definitions for languages that read no macros. */
{names}
#endif
"""


def interface_id(table: Path) -> str:
    """Hash an interface table, whatever the order of its lines: 16 hexadecimal digits."""
    lines = sorted(line for line in table.read_text(encoding="utf-8").splitlines() if line)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def workspace_version() -> str:
    """Read the version of the Rust workspace."""
    manifest = (ROOT / "rust/Cargo.toml").read_text(encoding="utf-8")
    found = re.search(r'^\[workspace\.package\]\nversion = "([^"]+)"', manifest, re.MULTILINE)
    if found is None:
        raise SystemExit("header: rust/Cargo.toml has no [workspace.package] version")
    return found.group(1)


def version_macros(version: str, abi_id: str) -> str:
    """Write the part of the header that ties it to its archives."""
    symbol = f"temporal_static_libs_{version.replace('.', '_')}_abi_{abi_id}"
    return VERSION_MACROS.format(version=version, abi_id=abi_id, symbol=symbol)


def names_of_old(header: str, names: Mapping[str, str]) -> str:
    """Write the part of the header that has types by the names they once had.

    Args:
        header: the text that declares the types by today's names.
        names: old name to today's.
    """
    lines = []
    for old, new in names.items():
        lines.append(f"typedef {new} {old};")
        if re.search(rf"\bstruct {new}\b", header):
            lines.append(f"#define {old} {new}")
    return OLD_NAMES.format(names="\n".join(lines))


def own_types(header: str) -> str:
    """Give types of this project's the prefix that the rule for additions names.

    cbindgen has one prefix for all types. A type that Rust calls ``StaticLibsQueue`` comes out of
    it as ``TemporalCoreStaticLibsQueue`` and is ``TemporalStaticLibsQueue`` in C.
    """
    return re.sub(r"\bTemporalCoreStaticLibs(?=[A-Z])", "TemporalStaticLibs", header)


def allow_anonymous_structs(header: str, includes: str) -> str:
    """Keep ``-Wpedantic`` quiet about the declarations: no ISO C++ has anonymous structs.

    Args:
        header: the text, which ends with the ``#endif`` of its include guard.
        includes: the last line before the declarations.
    """
    before, declarations = header.split(includes)
    declarations, endif, comment = declarations.rpartition("#endif")
    quiet = f"{_BEGIN_QUIET}{declarations.rstrip()}\n\n{_END_QUIET}"
    return f"{before}{includes}\n{quiet}\n{endif}{comment}"


def interface_text(header: Path) -> str:
    """Describe a header as interface.json does. Exits when something in it has no form there."""
    # Here and not above: they read this module's constants, and the tree's package, whatever is
    # installed.
    from tools.generate.declarations import HeaderError
    from tools.interface.description import render
    from tools.interface.parsing import FactsError

    try:
        return render(header)
    except (FactsError, HeaderError) as error:
        raise SystemExit(f"header: {error}") from None


def generate(cbindgen: str) -> dict[Path, str]:
    """Give the text of each generated file. Exits with cbindgen's own words when it fails."""
    abi_id = interface_id(INTERFACE_TABLE)
    with tempfile.TemporaryDirectory() as scratch:
        output = Path(scratch) / HEADER.name
        config = ROOT / "rust/cbindgen.toml"
        command = [cbindgen, "--quiet", "--lockfile", str(ROOT / "rust/Cargo.lock")]
        command += ["--config", str(config), "--output", str(output), str(ROOT / "rust/c-api")]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        if run.returncode != 0:
            raise SystemExit(f"header: cbindgen failed:\n{run.stderr}")
        header = output.read_text(encoding="utf-8")
        if header.count(LAST_INCLUDE) != 1:
            line = LAST_INCLUDE.strip()
            raise SystemExit(f"header: cbindgen's output has no single line {line!r}")
        macros = version_macros(workspace_version(), abi_id)
        header = allow_anonymous_structs(own_types(header), LAST_INCLUDE)
        old = names_of_old(header, old_names())
        header = header.replace(_BEGIN_QUIET, f"{_BEGIN_QUIET}\n{macros}")
        header = header.replace(_END_QUIET, f"{old}\n{_END_QUIET}")
        output.write_text(header, encoding="utf-8")
        return {
            HEADER: header,
            ABI_ID: f"{abi_id}\n",
            INTERFACE: interface_text(output),
        }


def main() -> int:
    """Run the command line; 0 when the files are written or, with --check, fresh."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cbindgen", required=True, help="the pinned cbindgen")
    parser.add_argument("--check", action="store_true", help="write nothing, fail when stale")
    arguments = parser.parse_args()
    stale = []
    for path, text in generate(arguments.cbindgen).items():
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(str(path.relative_to(ROOT)))
        if not arguments.check:
            path.write_text(text, encoding="utf-8")
    if arguments.check and stale:
        print(f"header: stale: {', '.join(stale)}; run `make header`", file=sys.stderr)
        return 1
    print(f"header: {'wrote ' + ', '.join(stale) if stale else 'fresh'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
