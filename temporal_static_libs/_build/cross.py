"""What compiling for a target takes besides cargo: its standard library, and a compiler for C.

A few crates hold C and assembler code (ring, zstd), so that Rust alone is not enough.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .._errors import CompileError
from .._targets import Target
from .tool import program_on_path
from .toolchain import Toolchain

_ZIGBUILD = "cargo-zigbuild"


@dataclass(frozen=True)
class CargoForTarget:
    """How to have cargo compile for a target.

    Attributes:
        target: what is compiled for.
        program: cargo, or what stands in for it; the subcommand comes after it.
        triple: what ``--target`` takes.
        options: more of cargo's options.
        environ: variables to add to the environment.
    """

    target: Target
    program: str
    triple: str
    options: tuple[str, ...]
    environ: Mapping[str, str]


def cargo_for_target(toolchain: Toolchain, target: Target, floor_version: str) -> CargoForTarget:
    """Settle how cargo compiles for a target, before any work.

    Args:
        toolchain: what to compile with.
        target: what to compile for.
        floor_version: the oldest libc or macOS to compile for.

    Raises:
        CompileError: the target's standard library or a C compiler for it is missing; the message
            says how to get it.
    """
    program, triple = _cargo(toolchain, target, floor_version)
    environ = {"MACOSX_DEPLOYMENT_TARGET": floor_version} if target.os == "macos" else {}
    if _has_standard_library(toolchain, target):
        return CargoForTarget(target, program, triple, (), environ)
    if not (toolchain.sysroot / "lib/rustlib/src/rust/library/Cargo.lock").is_file():
        raise CompileError(
            f"{toolchain.rustc_version} has no standard library for {target.triple}, and not its "
            "sources either\n"
            f"    rustup:          rustup target add {target.triple}\n"
            "    Debian, Ubuntu:  apt-get install rust-web-src   # beside rustc-web and cargo-web"
        )
    # A nightly feature, which stable compilers have as well if asked for under this name.
    environ["RUSTC_BOOTSTRAP"] = "1"
    options = ("-Zbuild-std=std,panic_unwind",)
    return CargoForTarget(target, program, triple, options, environ)


def _has_standard_library(toolchain: Toolchain, target: Target) -> bool:
    directory = toolchain.sysroot / "lib" / "rustlib" / target.triple / "lib"
    return any(directory.glob("libstd-*.rlib"))


def _cargo(toolchain: Toolchain, target: Target, floor_version: str) -> tuple[str, str]:
    if _has_c_compiler(toolchain, target):
        return toolchain.cargo, target.triple
    zigbuild = program_on_path(_ZIGBUILD, toolchain.environ)
    if zigbuild is None:
        variable = f"CC_{target.triple.replace('-', '_')}"
        raise CompileError(
            f"there is no C compiler for {target.triple}, which some of the crates need\n"
            f"  either:  python -m pip install {_ZIGBUILD} ziglang   # and {_ZIGBUILD} on PATH\n"
            f"  or:      set {variable} to a C compiler for that target"
        )
    suffix = f".{floor_version}" if target.floor_name == "glibc" else ""
    return zigbuild, f"{target.triple}{suffix}"


def _has_c_compiler(toolchain: Toolchain, target: Target) -> bool:
    """Whether the crate `cc`, which compiles the C code, finds one by itself."""
    host = toolchain.host
    # Apple's knows all of its processors.
    if host == target.triple or (target.os == "macos" and "apple" in host):
        return True
    environ = toolchain.environ
    triple = target.triple
    if any(environ.get(f"CC_{name}") for name in (triple, triple.replace("-", "_"))):
        return True
    if environ.get("TARGET_CC"):
        return True
    return target.os == "linux" and program_on_path(f"{target.gnu_triple}-gcc", environ) is not None
