"""Another platform as Python sees it, for what a test starts: pip, and the build hook."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

# Python runs it as it starts. pip's choice of a wheel, and the build hook, ask these functions.
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
    """What Python is to say.

    Attributes:
        system: of ``platform.system()``.
        machine: of ``platform.machine()``.
        platform_tag: of ``sysconfig.get_platform()``.
        glibc: its version; None for the one that there is.
    """

    system: str
    machine: str
    platform_tag: str
    glibc: str | None = None

    def environ(self, directory: Path) -> dict[str, str]:
        """Variables for a process that is to run on it.

        Args:
            directory: a new one, for what makes it so.
        """
        directory.mkdir()
        program = _SITECUSTOMIZE.format(fake=json.dumps(asdict(self)))
        (directory / "sitecustomize.py").write_text(program, encoding="utf-8")
        return {"PYTHONPATH": str(directory)}
