"""Stand-ins for a machine's programs and for parts of Python."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

# Runs when Python starts, and sets the same glibc version on each machine.
_SITECUSTOMIZE = """\
import os
_confstr = os.confstr
_glibc = "glibc " + os.environ.get("STAND_IN_GLIBC", "2.36")
os.confstr = lambda name: _glibc if name == "CS_GNU_LIBC_VERSION" else _confstr(name)
if "STAND_IN_HOST" in os.environ:
    import platform
    _system, _machine = os.environ["STAND_IN_HOST"].split()
    platform.system = lambda: _system
    platform.machine = lambda: _machine
    platform.mac_ver = lambda: ("14.5", ("", "", ""), _machine)
"""
_PUCCINIALIN = """\
import os
if "STAND_IN_FETCH" not in os.environ:
    raise ImportError
def setup_rust(program):
    raise RuntimeError("the stand-in fetches nothing")
"""
# A compiler driver writes the file given by -o.
_LINKS = """\
while [ $# -gt 1 ]; do
    [ "$1" = -o ] && echo "linked by the stand-in" > "$2"
    shift
done
exit 0
"""
_CARGO = """\
#!/bin/sh
case "$1" in
    --version) echo "cargo ${{STAND_IN_RUST:-9.9.9}} (stand-in)" ;;
    metadata)
        printf '{{"packages": [%s], "resolve": {{"nodes": [%s]}}, ' '{package}' '{node}'
        printf '"target_directory": "%s/target", "workspace_root": "%s"}}' "$PWD" "$PWD"
        ;;
    rustc)
        echo "   Compiling the stand-in: $*" >&2
        if [ -n "$STAND_IN_FAILS" ]; then
            echo "error: the stand-in fails" >&2
            exit 101
        fi
        echo '{artifact}'
        echo '{libraries}'
        ;;
esac
"""
_RUSTC = """\
#!/bin/sh
case "$1" in
    --print) echo '{sysroot}' ;;
    *) printf 'rustc %s (stand-in)\\nhost: {host}\\n' "${{STAND_IN_RUST:-9.9.9}}" ;;
esac
"""
_LIBRARIES = "-lgcc_s -lutil -lrt -lpthread -lm -ldl -lc"
_ARCHIVE = "libtemporal_sdk_core.a"


def make_python(directory: Path) -> None:
    """Make modules for PYTHONPATH that replace others.

    Args:
        directory: a new directory.
    """
    (directory / "ziglang").mkdir(parents=True)
    (directory / "ziglang" / "__init__.py").touch()
    (directory / "ziglang" / "__main__.py").write_text('print("9.9.9")\n', encoding="ascii")
    (directory / "sitecustomize.py").write_text(_SITECUSTOMIZE, encoding="ascii")
    (directory / "puccinialin.py").write_text(_PUCCINIALIN, encoding="ascii")


def make_programs(directory: Path) -> None:
    """Make build tools that print their version, and links to the machine's GNU binutils.

    Args:
        directory: a new directory, for PATH.
    """
    directory.mkdir()
    for name in ("zig", "cc", "pkg-config", "cmake"):
        links = _LINKS if name == "cc" else ""
        _write_program(directory / name, f"#!/bin/sh\necho '{name} 9.9.9 (stand-in)'\n{links}")
    for name in ("ar", "ld", "objcopy"):
        (directory / name).symlink_to(_required(name))


def make_rust(directory: Path, header: Path, target: str) -> None:
    """Make a cargo that always builds the same archive, with functions that do nothing.

    Args:
        directory: a new directory, for PATH.
        header: the header that declares the functions.
        target: the Rust target triple.
    """
    standard_library = directory / "sysroot" / "lib" / "rustlib" / target / "lib"
    standard_library.mkdir(parents=True)
    (standard_library / "libstd-0.rlib").touch()
    code = re.sub(r"/\*.*?\*/|//[^\n]*", "", header.read_text(encoding="utf-8"), flags=re.DOTALL)
    functions = sorted(set(re.findall(r"\b(temporal_(?:core|static_libs)_\w+)\s*\(", code)))
    source = "".join(f"void {name}(void) {{}}\n" for name in functions)
    (directory / "stand_in.c").write_text(source, encoding="ascii")
    for command in (
        (_required("cc"), "-c", "-ffunction-sections", "stand_in.c"),
        (_required("ar"), "rcsD", _ARCHIVE, "stand_in.o"),
    ):
        subprocess.run(command, cwd=directory, check=True)
    package = {
        "id": "path+file:///stand-in#temporal-static-libs-sdk-core@9.9.9",
        "name": "temporal-static-libs-sdk-core",
        "version": "9.9.9",
        "manifest_path": "/stand-in/Cargo.toml",
        "source": None,
    }
    artifact = {
        "reason": "compiler-artifact",
        "package_id": package["id"],
        "target": {"name": "temporal_sdk_core", "kind": ["staticlib"]},
        "filenames": [str(directory / _ARCHIVE)],
        "features": ["stand-in"],
        "fresh": False,
    }
    message = {"message": f"native-static-libs: {_LIBRARIES}", "rendered": None}
    libraries = {"reason": "compiler-message", "message": message}
    node: dict[str, object] = {"id": package["id"], "deps": []}
    lines = {"package": package, "node": node, "artifact": artifact, "libraries": libraries}
    cargo = _CARGO.format(**{name: json.dumps(line) for name, line in lines.items()})
    _write_program(directory / "cargo", cargo)
    rustc = _RUSTC.format(sysroot=directory / "sysroot", host=target)
    _write_program(directory / "rustc", rustc)


def _write_program(file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8")
    file.chmod(0o755)


def _required(program: str) -> str:
    path = shutil.which(program)
    if path is None:
        sys.exit(f"behavior: {program} is not on PATH; the stand-in for cargo is made with it")
    return path
