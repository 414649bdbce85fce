"""The crates listed in a program, read like a scanner does."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests.support.ci.skips import require_program
from tools.licenses.linked_crates import Crate


def crates_in(program: Path) -> frozenset[Crate]:
    """Return the crates in a program or a shared library, using cargo-auditable's own reader."""
    reader = require_program("rust-audit-info")
    done = subprocess.run([reader, program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    packages = json.loads(done.stdout)["packages"]
    return frozenset(Crate.of(one) for one in packages if one.get("kind") != "build")
