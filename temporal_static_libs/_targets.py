"""The table of targets: everything that depends on the platform."""

from __future__ import annotations

from dataclasses import dataclass

from ._errors import UnsupportedPlatformError
from ._layout import toolchain_of
from ._messages import message


@dataclass(frozen=True)
class Target:
    """A target, and properties derived from it.

    Attributes:
        platform: this project's name of the platform, for example ``linux-x64``.
        triple: Rust's target triple, as ``rustc -vV`` prints it after ``host:``.
        floor_version: the oldest supported version of glibc, musl, macOS or Windows.
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
        """The directory of the archives in the package; one wheel can contain both toolchains."""
        return "lib" if self.toolchain is None else f"lib/{self.platform}"

    def archive_name(self, library: str) -> str:
        """Return the file name of the archive with a link name."""
        return f"{library}.lib" if self.toolchain == "msvc" else f"lib{library}.a"

    @property
    def processor(self) -> str:
        """The first part of the triple: ``x86_64`` or ``aarch64``."""
        return self.triple.split("-")[0]

    @property
    def machine(self) -> str:
        """The processor, as in the platform tag."""
        if self.os == "windows":
            return {"x64": "amd64"}[self.architecture]
        return self.architecture if self.triple == "aarch64-apple-darwin" else self.processor

    @property
    def floor_name(self) -> str:
        """What `floor_version` is a version of: ``glibc``, ``musl``, ``macos`` or ``windows``."""
        if self.os != "linux":
            return self.os
        return {"gnu": "glibc", "musl": "musl"}[self.triple.split("-")[-1]]

    @property
    def wheel_tags(self) -> tuple[str, ...]:
        """The platform tags of a published wheel, after its archives were checked against them.

        A wheel directly from the build hook has `build_tag` instead.
        """
        if self.os == "windows":
            return (f"win_{self.machine}",)
        tag = f"{self.floor_version.replace('.', '_')}_{self.machine}"
        if self.floor_name == "glibc":
            # Both tags: with --platform manylinux2014_…, pip refuses a wheel tagged 2_17 only.
            return f"manylinux_{tag}", f"manylinux2014_{self.machine}"
        return (f"{'musllinux' if self.os == 'linux' else 'macosx'}_{tag}",)

    @property
    def gc_flag(self) -> str:
        """The flag of a C compiler for dead-code elimination.

        Microsoft's compiler has none, so for ``msvc`` it is the linker's option.
        """
        if self.toolchain == "msvc":
            return "/OPT:REF"
        return "-Wl,-dead_strip" if self.os == "macos" else "-Wl,--gc-sections"

    @property
    def rust_flags(self) -> tuple[str, ...]:
        """Additional flags for rustc."""
        # Without it, rustc requires LLVM's unwinder for musl, which only Zig has. With it, rustc
        # requires GCC's, as for glibc. The archives can be linked into static programs anyway.
        return ("-Ctarget-feature=-crt-static",) if self.floor_name == "musl" else ()

    @property
    def unwinder(self) -> tuple[str, ...]:
        """Link names of the unwinder for panics, if rustc leaves it to the link of the program."""
        # GCC's, which MinGW has as a static library; Zig uses its own unwinder for this name.
        return ("gcc_eh",) if self.toolchain == "gnu" else ()

    @property
    def gnu_triple(self) -> str:
        """The prefix of GNU tools for the target: ``aarch64-linux-gnu``."""
        if self.os == "windows":
            return f"{self.processor}-w64-mingw32"
        return f"{self.processor}-{self.triple.split('-', 2)[2]}"

    @property
    def zig_target(self) -> str:
        """Zig's name of the target, with the oldest supported version, for ``zig cc -target``."""
        if self.os == "macos":
            return f"{self.processor}-macos.{self.floor_version}"
        if self.os == "windows":
            return f"{self.processor}-windows-{self.triple.split('-')[-1]}"
        return self.gnu_triple + (f".{self.floor_version}" if self.floor_name == "glibc" else "")

    def build_tag(self, floor_version: str) -> str:
        """Return the platform tag of a new wheel, which is not yet checked for other machines.

        Args:
            floor_version: the oldest supported macOS; tags of other systems contain no version.
        """
        if self.os == "windows":
            return self.wheel_tags[0]
        if self.os == "linux":
            return f"linux_{self.machine}"
        major, _, rest = floor_version.partition(".")
        return f"macosx_{major}_{rest.partition('.')[0] or '0'}_{self.machine}"

    def proven_tags(self, floor_version: str) -> tuple[str, ...]:
        """Return the platform tags of a wheel whose archives were checked for the oldest system.

        Args:
            floor_version: the oldest supported macOS, which MACOSX_DEPLOYMENT_TARGET may have
                raised above the table's. Other systems always use the table's version.
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
"""The targets that have wheels."""

# Compiles, but has not been run: no wheel contains its archives until a job on Windows runs them.
WINDOWS_MSVC = Target("windows-x64-msvc", "x86_64-pc-windows-msvc", "10", "9.0", "windows-2025")

ALL_TARGETS = (*TARGETS, WINDOWS_MSVC)
"""The targets that archives can be compiled for."""


def target_of_triple(triple: str) -> Target:
    """Find a target by its triple.

    Raises:
        UnsupportedPlatformError: the table has no such target.
    """
    for target in ALL_TARGETS:
        if target.triple == triple:
            return target
    values = {"triple": triple, "supported": supported_platforms()}
    raise UnsupportedPlatformError(message("unsupported-target", **values))


def supported_platforms() -> str:
    """Return all platforms that have a wheel, with their triples, on one line."""
    return ", ".join(f"{target.platform} ({target.triple})" for target in TARGETS)
