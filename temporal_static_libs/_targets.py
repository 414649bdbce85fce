"""The table of targets: every fact that depends on the platform, and nothing that does not."""

from __future__ import annotations

from dataclasses import dataclass

from ._errors import UnsupportedPlatformError
from ._layout import toolchain_of
from ._messages import message


@dataclass(frozen=True)
class Target:
    """One row, and what follows from it.

    Attributes:
        platform: this project's name of the platform, as in ``linux-x64``.
        triple: Rust's target triple, as ``rustc -vV`` prints it after ``host:``.
        floor_version: the oldest glibc, musl, macOS or Windows that the archives are made for.
        oldest_pip: the first pip that knows one of `wheel_tags`.
        runner: GitHub's label for the machines that build and test its wheel.
    """

    platform: str
    triple: str
    floor_version: str
    oldest_pip: str
    runner: str

    @property
    def os(self) -> str:
        """``linux``, ``macos`` or ``windows``: the first part of the platform name."""
        return self.platform.split("-")[0]

    @property
    def architecture(self) -> str:
        """``x64`` or ``arm64``: the second part of the platform name."""
        return self.platform.split("-")[1]

    @property
    def object_format(self) -> str:
        """``elf``, ``macho`` or ``coff``."""
        return {"linux": "elf", "macos": "macho", "windows": "coff"}[self.os]

    @property
    def toolchain(self) -> str | None:
        """For Windows, ``gnu`` or ``msvc``: whose linker and C runtime the archives are for."""
        return toolchain_of(self.triple)

    @property
    def lib_directory(self) -> str:
        """The directory of the archives in the package: one wheel has those of both toolchains."""
        return "lib" if self.toolchain is None else f"lib/{self.platform}"

    def archive_name(self, library: str) -> str:
        """Return the file name of an archive, by its link name."""
        return f"{library}.lib" if self.toolchain == "msvc" else f"lib{library}.a"

    @property
    def processor(self) -> str:
        """The first part of the triple: ``x86_64`` or ``aarch64``."""
        return self.triple.split("-")[0]

    @property
    def machine(self) -> str:
        """The platform tag's word for the processor."""
        if self.os == "windows":
            return {"x64": "amd64"}[self.architecture]
        return self.architecture if self.triple == "aarch64-apple-darwin" else self.processor

    @property
    def floor_name(self) -> str:
        """What the floor is a version of: ``glibc``, ``musl``, ``macos`` or ``windows``."""
        if self.os != "linux":
            return self.os
        return {"gnu": "glibc", "musl": "musl"}[self.triple.split("-")[-1]]

    @property
    def wheel_tags(self) -> tuple[str, ...]:
        """Platform tags of a published wheel, whose archives have been proven to meet them.

        A wheel straight from the build hook carries `build_tag` instead.
        """
        if self.os == "windows":
            return (f"win_{self.machine}",)
        tag = f"{self.floor_version.replace('.', '_')}_{self.machine}"
        if self.floor_name == "glibc":
            # Both spellings: pip asked for --platform manylinux2014_… refuses one tagged 2_17 only.
            return f"manylinux_{tag}", f"manylinux2014_{self.machine}"
        return (f"{'musllinux' if self.os == 'linux' else 'macosx'}_{tag}",)

    @property
    def gc_flag(self) -> str:
        """What makes a C compiler driver drop the parts of an archive that nothing uses.

        For ``msvc``, whose compiler has no such option, it is the linker's own.
        """
        if self.toolchain == "msvc":
            return "/OPT:REF"
        return "-Wl,-dead_strip" if self.os == "macos" else "-Wl,--gc-sections"

    @property
    def rust_flags(self) -> tuple[str, ...]:
        """More flags for rustc."""
        # Else rustc asks for musl's unwinder by the name of LLVM's, which only Zig has; so it asks
        # for GCC's, as for glibc. Static programs can be made of the archives all the same.
        return ("-Ctarget-feature=-crt-static",) if self.floor_name == "musl" else ()

    @property
    def unwinder(self) -> tuple[str, ...]:
        """Link names of what panics unwind with, where rustc leaves it to the link of a program."""
        # GCC's, of which MinGW has a static library; Zig takes the name for its own unwinder.
        return ("gcc_eh",) if self.toolchain == "gnu" else ()

    @property
    def gnu_triple(self) -> str:
        """The name that GNU tools for the target start with: ``aarch64-linux-gnu``."""
        if self.os == "windows":
            return f"{self.processor}-w64-mingw32"
        return f"{self.processor}-{self.triple.split('-', 2)[2]}"

    @property
    def zig_target(self) -> str:
        """Zig's name of the target, with the floor in it, as ``zig cc -target`` takes it."""
        if self.os == "macos":
            return f"{self.processor}-macos.{self.floor_version}"
        if self.os == "windows":
            return f"{self.processor}-windows-{self.triple.split('-')[-1]}"
        return self.gnu_triple + (f".{self.floor_version}" if self.floor_name == "glibc" else "")

    def build_tag(self, floor_version: str) -> str:
        """Return the platform tag of a wheel that was built and not yet proven to run elsewhere.

        Args:
            floor_version: the oldest macOS the build is for; other tags of this kind name none.
        """
        if self.os == "windows":
            return self.wheel_tags[0]
        if self.os == "linux":
            return f"linux_{self.machine}"
        major, _, rest = floor_version.partition(".")
        return f"macosx_{major}_{rest.partition('.')[0] or '0'}_{self.machine}"

    def proven_tags(self, floor_version: str) -> tuple[str, ...]:
        """Return the platform tags of a wheel whose archives meet their floor.

        Args:
            floor_version: the oldest macOS the build is for, which MACOSX_DEPLOYMENT_TARGET may
                have put above the table's. The others have the table's alone.
        """
        return (self.build_tag(floor_version),) if self.os == "macos" else self.wheel_tags


TARGETS = (
    Target("linux-x64", "x86_64-unknown-linux-gnu", "2.17", "19.3", "ubuntu-24.04"),
    Target("linux-arm64", "aarch64-unknown-linux-gnu", "2.17", "19.3", "ubuntu-24.04-arm"),
    Target("macos-arm64", "aarch64-apple-darwin", "11.0", "20.3", "macos-15"),
    Target("linux-x64-musl", "x86_64-unknown-linux-musl", "1.2", "21.2", "ubuntu-24.04"),
    Target("linux-arm64-musl", "aarch64-unknown-linux-musl", "1.2", "21.2", "ubuntu-24.04-arm"),
    Target("macos-x64", "x86_64-apple-darwin", "10.12", "9.0", "macos-15-intel"),
    Target("windows-x64-gnu", "x86_64-pc-windows-gnu", "10", "9.0", "windows-2025"),
)
"""Those that there are wheels for."""

# Compiles, but has not been run: its archives are in no wheel until a job on Windows has.
WINDOWS_MSVC = Target("windows-x64-msvc", "x86_64-pc-windows-msvc", "10", "9.0", "windows-2025")

ALL_TARGETS = (*TARGETS, WINDOWS_MSVC)
"""Those that archives can be compiled for."""


def target_of_triple(triple: str) -> Target:
    """Find the row of a target triple.

    Raises:
        UnsupportedPlatformError: the table has no such row.
    """
    for target in ALL_TARGETS:
        if target.triple == triple:
            return target
    values = {"triple": triple, "supported": supported_platforms()}
    raise UnsupportedPlatformError(message("unsupported-target", **values))


def supported_platforms() -> str:
    """Return every platform that there is a wheel for, with its triple, on one line."""
    return ", ".join(f"{target.platform} ({target.triple})" for target in TARGETS)
