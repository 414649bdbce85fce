"""Makes Python in programs that a test starts, such as pip, report another platform."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

# Runs at the start of Python. pip's choice of a wheel and the build hook call these functions.
_SITECUSTOMIZE = """\
import json, os, platform, sys, sysconfig
fake = json.loads({fake!r})
platform.system = lambda: fake["system"]
platform.machine = lambda: fake["machine"]
sysconfig.get_platform = lambda: fake["platform_tag"]
if fake["glibc"]:
    def confstr(name, real=os.confstr):
        return "glibc " + fake["glibc"] if name == "CS_GNU_LIBC_VERSION" else real(name)
    os.confstr = confstr
if fake["system"] == "Windows":
    sys.modules["fcntl"] = None
"""


@dataclass(frozen=True)
class FakePlatform:
    """The platform that Python should report.

    Attributes:
        system: the result of ``platform.system()``.
        machine: the result of ``platform.machine()``.
        platform_tag: the result of ``sysconfig.get_platform()``.
        glibc: the version of glibc; None for the real one.
    """

    system: str
    machine: str
    platform_tag: str
    glibc: str | None = None

    def environ(self, directory: Path) -> dict[str, str]:
        """Environment variables for a process on this platform.

        Args:
            directory: a new directory for the module that fakes the platform.
        """
        directory.mkdir()
        program = _SITECUSTOMIZE.format(fake=json.dumps(asdict(self)))
        (directory / "sitecustomize.py").write_text(program, encoding="utf-8")
        return {"PYTHONPATH": str(directory)}
