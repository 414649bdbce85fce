"""The table of targets: every fact that depends on the platform, and nothing that does not."""

from __future__ import annotations

from dataclasses import dataclass

from ._errors import UnsupportedPlatformError


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
        rust_flags: what rustc has to be told besides.
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
        """The platform tag of a wheel that was built and not yet proven to run anywhere else.

        Args:
            floor_version: the oldest macOS the build is for; Linux tags of this kind name none.
        """
        if self.os == "linux":
            return f"linux_{self.machine}"
        major, _, rest = floor_version.partition(".")
        return f"macosx_{major}_{rest.partition('.')[0] or '0'}_{self.machine}"

    def proven_tags(self, floor_version: str) -> tuple[str, ...]:
        """The platform tags of a wheel whose archives meet their floor.

        Args:
            floor_version: the oldest macOS the build is for, which MACOSX_DEPLOYMENT_TARGET may
                have put above the table's. Linux has the table's alone.
        """
        return self.wheel_tags if self.os == "linux" else (self.build_tag(floor_version),)


# Else rustc asks for the unwinder by the name of LLVM's, which only Zig has; so it asks for GCC's,
# as for glibc. Static programs can be made of the archives all the same.
_MUSL_RUST_FLAGS = ("-Ctarget-feature=-crt-static",)

TARGETS = (
    Target(
        platform="linux-x64",
        triple="x86_64-unknown-linux-gnu",
        machine="x86_64",
        floor_name="glibc",
        floor_version="2.17",
        # Both spellings: pip asked for --platform manylinux2014_… refuses a wheel tagged 2_17 only.
        wheel_tags=("manylinux_2_17_x86_64", "manylinux2014_x86_64"),
        oldest_pip="19.3",
        runner="ubuntu-24.04",
    ),
    Target(
        platform="linux-arm64",
        triple="aarch64-unknown-linux-gnu",
        machine="aarch64",
        floor_name="glibc",
        floor_version="2.17",
        wheel_tags=("manylinux_2_17_aarch64", "manylinux2014_aarch64"),
        oldest_pip="19.3",
        runner="ubuntu-24.04-arm",
    ),
    Target(
        platform="macos-arm64",
        triple="aarch64-apple-darwin",
        machine="arm64",
        floor_name="macos",
        floor_version="11.0",
        wheel_tags=("macosx_11_0_arm64",),
        oldest_pip="20.3",
        runner="macos-15",
        gc_flag="-Wl,-dead_strip",
    ),
    Target(
        platform="linux-x64-musl",
        triple="x86_64-unknown-linux-musl",
        machine="x86_64",
        floor_name="musl",
        floor_version="1.2",
        wheel_tags=("musllinux_1_2_x86_64",),
        oldest_pip="21.2",
        runner="ubuntu-24.04",
        rust_flags=_MUSL_RUST_FLAGS,
    ),
    Target(
        platform="linux-arm64-musl",
        triple="aarch64-unknown-linux-musl",
        machine="aarch64",
        floor_name="musl",
        floor_version="1.2",
        wheel_tags=("musllinux_1_2_aarch64",),
        oldest_pip="21.2",
        runner="ubuntu-24.04-arm",
        rust_flags=_MUSL_RUST_FLAGS,
    ),
    Target(
        platform="macos-x64",
        triple="x86_64-apple-darwin",
        machine="x86_64",
        floor_name="macos",
        floor_version="10.12",
        wheel_tags=("macosx_10_12_x86_64",),
        oldest_pip="9.0",
        runner="macos-15-intel",
        gc_flag="-Wl,-dead_strip",
    ),
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
    raise UnsupportedPlatformError(
        f"the target {triple!r} is not supported\nsupported platforms: {supported_platforms()}"
    )


def supported_platforms() -> str:
    """Every platform of the table with its triple, on one line, for messages."""
    return ", ".join(f"{target.platform} ({target.triple})" for target in TARGETS)
