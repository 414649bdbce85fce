"""Whether an archive is content with a platform's floor: the oldest libc that its tag promises."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

_UNDEFINED = re.compile(r"undefined symbol: (\S+)")
_PROBE = "int main(void) { return 0; }\n"


class FloorError(Exception):
    """An archive needs more than the floor has. The message names the symbols."""


def prove_floor(archive: Path, zig_target: str, system_libraries: Sequence[str]) -> None:
    """Link a program with the whole of an archive, against the libc of a floor.

    A static archive's references carry no versions of symbols, so that nothing can be read from
    the archive itself: whether a symbol is there at the floor is for a linker to say.

    Args:
        archive: the archive.
        zig_target: Zig's name of the target, with the floor in it: ``x86_64-linux-gnu.2.17``.
        system_libraries: link names that the archive says it needs.

    Raises:
        FloorError: it does not link; the message names what is missing, or holds Zig's words.
    """
    with tempfile.TemporaryDirectory(prefix="floor-probe-") as scratch:
        source = Path(scratch, "probe.c")
        source.write_text(_PROBE, encoding="ascii")
        command = [
            *(sys.executable, "-m", "ziglang", "cc", "-target", zig_target),
            *(str(source), "-o", str(Path(scratch, "probe"))),
            *("-Wl,--whole-archive", str(archive), "-Wl,--no-whole-archive"),
            *(f"-l{name}" for name in system_libraries),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return
    missing = sorted(set(_UNDEFINED.findall(done.stderr)))
    if missing:
        raise FloorError(
            f"{archive.name} needs what {zig_target} does not have: {', '.join(missing)}"
        )
    raise FloorError(
        f"{archive.name} could not be linked for {zig_target}\n"
        f"  command: {' '.join(command)}\n"
        f"  output:  {done.stderr.strip()}"
    )
