"""Find the requirements of a target in addition to cargo: its standard library and a C compiler.

A few crates (ring, zstd) contain C and assembler code, so Rust alone is not enough.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .._errors import CompileError
from .._messages import message
from .._targets import Target
from .tool import program_on_path
from .toolchain import Toolchain


@dataclass(frozen=True)
class CargoForTarget:
    """How to run cargo for a target.

    Attributes:
        program: cargo or its replacement; the subcommand follows it.
        triple: the value for ``--target``.
        options: additional options for cargo.
        environ: variables to add to the environment.
    """

    target: Target
    program: str
    triple: str
    options: tuple[str, ...]
    environ: Mapping[str, str]


def cargo_for_target(toolchain: Toolchain, target: Target, floor_version: str) -> CargoForTarget:
    """Decide how cargo compiles for a target and its oldest libc or macOS, before any work.

    Raises:
        CompileError: the target's standard library or a C compiler for it is missing; the message
            explains how to install it.
    """
    program, triple = toolchain.cargo, target.triple
    if not _has_c_compiler(toolchain, target):
        zigbuild = program_on_path("cargo-zigbuild", toolchain.environ)
        if zigbuild is None:
            variable = f"CC_{triple.replace('-', '_')}"
            raise CompileError(message("c-compiler-missing", triple=triple, variable=variable))
        program = zigbuild
        if target.floor_name == "glibc":
            triple += f".{floor_version}"
    environ = _variables(target, floor_version)
    rustlib = toolchain.sysroot / "lib" / "rustlib"
    if any((rustlib / target.triple / "lib").glob("libstd-*.rlib")):
        return CargoForTarget(target, program, triple, (), environ)
    if not (rustlib / "src/rust/library/Cargo.lock").is_file():
        rustc = toolchain.rustc_version
        raise CompileError(message("standard-library-missing", rustc=rustc, triple=target.triple))
    # A nightly feature, which this variable enables in stable compilers.
    environ["RUSTC_BOOTSTRAP"] = "1"
    return CargoForTarget(target, program, triple, ("-Zbuild-std=std,panic_unwind",), environ)


def _variables(target: Target, floor_version: str) -> dict[str, str]:
    if target.os == "macos":
        return {"MACOSX_DEPLOYMENT_TARGET": floor_version}
    if target.os == "windows":
        # Otherwise, the crate winapi links libraries that only it provides, such as winapi_ntdll.
        return {"WINAPI_NO_BUNDLED_LIBRARIES": "1"}
    return {}


def _has_c_compiler(toolchain: Toolchain, target: Target) -> bool:
    """Return whether the crate `cc`, which compiles the C code, finds a compiler itself."""
    host, triple, environ = toolchain.host, target.triple, toolchain.environ
    # Apple's compiler supports all Apple processors.
    if host == triple or (target.os == "macos" and "apple" in host):
        return True
    variables = (f"CC_{triple}", f"CC_{triple.replace('-', '_')}", "TARGET_CC")
    if any(environ.get(name) for name in variables):
        return True
    return target.os != "macos" and program_on_path(f"{target.gnu_triple}-gcc", environ) is not None
