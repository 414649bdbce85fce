"""The PATH of the consumers' tests."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tests.support.programs.paths import RUST, consumer_environ


def test_path_has_no_rust_but_other_programs_of_its_directory(tmp_path: Path) -> None:
    for directory, names in (("first", (*RUST, "another")), ("second", ("other",))):
        (tmp_path / directory).mkdir()
        for name in names:
            program = tmp_path / directory / name
            program.write_text("#!/bin/sh\n")
            program.chmod(0o755)
    given = os.pathsep.join(str(tmp_path / name) for name in ("first", "second", "no such one"))
    path = consumer_environ({"PATH": given, "HOME": "/"})["PATH"]
    assert [name for name in RUST if shutil.which(name, path=path)] == []
    assert Path(shutil.which("another", path=path) or "").resolve() == tmp_path / "first/another"
    assert shutil.which("other", path=path) == str(tmp_path / "second" / "other")


def test_path_of_this_machine_lacks_only_rust() -> None:
    path = consumer_environ()["PATH"]
    assert [name for name in RUST if shutil.which(name, path=path)] == []
    assert shutil.which("cc", path=path)
