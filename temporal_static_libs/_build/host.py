"""The platform that a build runs on, as Python reports it, before any Rust is found."""

from __future__ import annotations

import platform
import sys
import sysconfig
from dataclasses import dataclass

from .._errors import UnsupportedPlatformError
from .._messages import message
from .._targets import TARGETS, Target, supported_platforms
from .tool import release_of

_OS_NAMES = {"Linux": "linux", "Darwin": "macos", "Windows": "windows"}
# The table's names of processors, if the system uses other names.
_MACHINE_NAMES = {("Windows", "AMD64"): "amd64"}


@dataclass(frozen=True)
class Host:
    """The facts that determine this machine's row in the table of targets.

    Attributes:
        system: from ``platform.system()``: ``Linux``, ``Darwin``, ``Windows``.
        machine: the processor, from ``platform.machine()``.
        bits: size of Python's pointers; the processor may support more.
        floor_name: the component whose version a floor limits: ``glibc``, ``musl``, ``macos``,
            ``windows``, or another C library's name; empty if unknown.
        version: the version of this component; empty if unknown.
    """

    system: str
    machine: str
    bits: int
    floor_name: str
    version: str

    def __str__(self) -> str:
        """Return a description for users: ``Linux x86_64 with glibc 2.36``."""
        name = f"{self.system} {self.machine}".strip() or "an unknown system"
        if self.system == "Darwin":
            name = f"macOS {self.version} {self.machine}"
        elif self.version and self.system != "Windows":
            name += f" with {self.floor_name} {self.version}"
        return f"{name}, 32-bit Python" if self.bits == 32 else name

    @property
    def target(self) -> Target | None:
        """The row of the table, regardless of the floor; None if there is none.

        If there are rows for several ABIs, as on Windows, it is the first one.
        """
        machine = _MACHINE_NAMES.get((self.system, self.machine), self.machine)
        facts = (64, _OS_NAMES.get(self.system), machine, self.floor_name)
        fitting = (t for t in TARGETS if (self.bits, t.os, t.machine, t.floor_name) == facts)
        return next(fitting, None)

    @property
    def is_too_old(self) -> bool:
        """Whether it is older than the floor of its row."""
        floor = release_of(self.target.floor_version) if self.target and self.version else ()
        return release_of(self.version) < floor


def this_host() -> Host:
    """Return the platform that Python runs on."""
    system = platform.system()
    name, version = "", ""
    if system == "Darwin":
        name, version = "macos", platform.mac_ver()[0]
    elif system == "Windows":
        name, version = "windows", platform.version()
    elif system == "Linux":
        name, version = _c_library()
    bits = 64 if sys.maxsize > 2**32 else 32
    return Host(system, platform.machine(), bits, name, version)


def target_of_host() -> Target:
    """Find the row of this host, regardless of the floor.

    Raises:
        UnsupportedPlatformError: the table has no such row.
    """
    host = this_host()
    if host.target is None:
        problem = message("platform-unsupported", host=host)
        raise UnsupportedPlatformError(f"{problem}\nsupported platforms: {supported_platforms()}")
    return host.target


def _c_library() -> tuple[str, str]:
    name, version = platform.libc_ver()
    if name in ("glibc", "musl"):
        return name, version
    # Most versions of Python do not detect musl, but their configuration names it.
    system = str(sysconfig.get_config_var("HOST_GNU_TYPE") or "").rpartition("-")[2]
    return ("musl" if system.startswith("musl") else system), ""
