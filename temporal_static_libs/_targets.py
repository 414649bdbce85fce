"""The table of targets: every fact that depends on the platform, and nothing that does not."""

from __future__ import annotations

from dataclasses import dataclass

from ._errors import UnsupportedPlatformError
from ._messages import message


@dataclass(frozen=True)
class Target:
    """One row.

    Attributes:
        platform: this project's name of the platform, as in ``linux-x64``.
        triple: Rust's target triple.
        machine: the platform tag's word for the processor.
        floor_name: what the floor is a version of: ``glibc``, ``musl`` or ``macos``.
        floor_version: the oldest one the archives are made for.
        wheel_tags: platform tags of a published wheel, whose archives have been proven to meet
            them. A wheel straight from the build hook carries `build_tag` instead.
        oldest_pip: the first pip that knows one of `wheel_tags`.
        runner: GitHub's label for the machines that build and test its wheel.
        archive_name: format of an archive's file name, given the library's link name.
        gc_flag: what makes a C compiler driver drop the parts of an archive that nothing uses.
        rust_flags: more flags for rustc.
    """

    platform: str
    triple: str
    machine: str
    floor_name: str
    floor_version: str
    wheel_tags: tuple[str, ...]
    oldest_pip: str
    runner: str
    archive_name: str = "lib{}.a"
    gc_flag: str = "-Wl,--gc-sections"
    rust_flags: tuple[str, ...] = ()

    @property
    def os(self) -> str:
        """``linux`` or ``macos``: the first part of the platform name."""
        return self.platform.split("-")[0]

    @property
    def architecture(self) -> str:
        """``x64`` or ``arm64``: the second part of the platform name."""
        return self.platform.split("-")[1]

    @property
    def object_format(self) -> str:
        """``elf`` or ``macho``."""
        return "elf" if self.os == "linux" else "macho"

    @property
    def processor(self) -> str:
        """The first part of the triple: ``x86_64`` or ``aarch64``."""
        return self.triple.split("-")[0]

    @property
    def gnu_triple(self) -> str:
        """The name that GNU tools for the target start with: ``aarch64-linux-gnu``."""
        return f"{self.processor}-{self.triple.split('-', 2)[2]}"

    @property
    def zig_target(self) -> str:
        """Zig's name of the target, with the floor in it, as ``zig cc -target`` takes it."""
        if self.floor_name == "glibc":
            return f"{self.processor}-linux-gnu.{self.floor_version}"
        if self.floor_name == "musl":
            return f"{self.processor}-linux-musl"
        return f"{self.processor}-macos.{self.floor_version}"

    def build_tag(self, floor_version: str) -> str:
        """Return the platform tag of a wheel that was built and not yet proven to run elsewhere.

        Args:
            floor_version: the oldest macOS the build is for; Linux tags of this kind name none.
        """
        if self.os == "linux":
            return f"linux_{self.machine}"
        major, _, rest = floor_version.partition(".")
        return f"macosx_{major}_{rest.partition('.')[0] or '0'}_{self.machine}"

    def proven_tags(self, floor_version: str) -> tuple[str, ...]:
        """Return the platform tags of a wheel whose archives meet their floor.

        Args:
            floor_version: the oldest macOS the build is for, which MACOSX_DEPLOYMENT_TARGET may
                have put above the table's. Linux has the table's alone.
        """
        return self.wheel_tags if self.os == "linux" else (self.build_tag(floor_version),)


def _glibc(architecture: str, processor: str, runner: str) -> Target:
    return Target(
        platform=f"linux-{architecture}",
        triple=f"{processor}-unknown-linux-gnu",
        machine=processor,
        floor_name="glibc",
        floor_version="2.17",
        # Both spellings: pip asked for --platform manylinux2014_… refuses a wheel tagged 2_17 only.
        wheel_tags=(f"manylinux_2_17_{processor}", f"manylinux2014_{processor}"),
        oldest_pip="19.3",
        runner=runner,
    )


def _musl(architecture: str, processor: str, runner: str) -> Target:
    return Target(
        platform=f"linux-{architecture}-musl",
        triple=f"{processor}-unknown-linux-musl",
        machine=processor,
        floor_name="musl",
        floor_version="1.2",
        wheel_tags=(f"musllinux_1_2_{processor}",),
        oldest_pip="21.2",
        runner=runner,
        # Else rustc asks for the unwinder by the name of LLVM's, which only Zig has; so it asks for
        # GCC's, as for glibc. Static programs can be made of the archives all the same.
        rust_flags=("-Ctarget-feature=-crt-static",),
    )


def _macos(machine: str, architecture: str, floor: str, oldest_pip: str, runner: str) -> Target:
    processor = {"arm64": "aarch64"}.get(machine, machine)
    return Target(
        platform=f"macos-{architecture}",
        triple=f"{processor}-apple-darwin",
        machine=machine,
        floor_name="macos",
        floor_version=floor,
        wheel_tags=(f"macosx_{floor.replace('.', '_')}_{machine}",),
        oldest_pip=oldest_pip,
        runner=runner,
        gc_flag="-Wl,-dead_strip",
    )


TARGETS = (
    _glibc("x64", "x86_64", "ubuntu-24.04"),
    _glibc("arm64", "aarch64", "ubuntu-24.04-arm"),
    _macos("arm64", "arm64", "11.0", "20.3", "macos-15"),
    _musl("x64", "x86_64", "ubuntu-24.04"),
    _musl("arm64", "aarch64", "ubuntu-24.04-arm"),
    _macos("x86_64", "x64", "10.12", "9.0", "macos-15-intel"),
)


def target_of_triple(triple: str) -> Target:
    """Find the row of a target triple.

    Args:
        triple: Rust's name, as ``rustc -vV`` prints it after ``host:``.

    Raises:
        UnsupportedPlatformError: the table has no such row.
    """
    for target in TARGETS:
        if target.triple == triple:
            return target
    supported = supported_platforms()
    raise UnsupportedPlatformError(
        message("unsupported-target", triple=triple, supported=supported)
    )


def supported_platforms() -> str:
    """Return every platform of the table with its triple, on one line, for messages."""
    return ", ".join(f"{target.platform} ({target.triple})" for target in TARGETS)
