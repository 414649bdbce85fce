"""The repair step: it proves what the wheel's tag claims, or makes no wheel."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from temporal_static_libs import library_set
from temporal_static_libs._targets import target_of_triple
from tests.support.pip.tiny_tree import HEADER, declare
from tools import ToolError
from tools.wheel.floor import prove_floor
from tools.wheel.repair import repair

if TYPE_CHECKING:
    from tests.wheel.conftest import Command, TinyTree


@pytest.fixture
def system_libraries(script: Command) -> list[str]:
    """The system libraries that the installed archives need."""
    (flags,) = script.lines("--system-libs")
    return [flag.removeprefix("-l") for flag in flags.split()]


def test_wheel_under_test_has_the_proven_tags(wheel: Path) -> None:
    target = target_of_triple("x86_64-unknown-linux-gnu")
    assert set(wheel.stem.split("-")[-1].split(".")) == set(target.wheel_tags)


def test_claim_that_the_real_archives_do_not_meet_is_refused(system_libraries: list[str]) -> None:
    """They meet glibc 2.17. The message names what glibc 2.11 lacks."""
    (archive, *_) = [library.path for library in library_set().libraries]
    with pytest.raises(ToolError) as caught:
        prove_floor(archive, "x86_64-linux-gnu.2.11", system_libraries)
    message = str(caught.value)
    assert message.startswith(f"{archive.name} needs what x86_64-linux-gnu.2.11 does not have: ")
    assert "pthread_setname_np" in message


def test_repaired_wheel_differs_only_in_its_tags(tiny_tree: TinyTree, tmp_path: Path) -> None:
    built = tiny_tree.wheel(tmp_path / "built")
    repaired = repair(built, tmp_path / "repaired")
    with zipfile.ZipFile(built) as old, zipfile.ZipFile(repaired) as new:
        assert sorted(old.namelist()) == sorted(new.namelist())
        changed = [name for name in old.namelist() if old.read(name) != new.read(name)]
        assert sorted(Path(name).name for name in changed) == ["RECORD", "WHEEL"]
        # Values with the current time differ between builds.
        assert {member.date_time for member in new.infolist()} == {old.infolist()[0].date_time}
        (name,) = [name for name in changed if name.endswith("WHEEL")]
        tags = [line for line in new.read(name).decode().splitlines() if line.startswith("Tag:")]
    assert tags == [
        "Tag: py3-none-manylinux2014_x86_64",
        "Tag: py3-none-manylinux_2_17_x86_64",
    ]
    assert built.exists()
    again = repair(built, tmp_path / "again")
    assert again.read_bytes() == repaired.read_bytes()


def test_no_wheel_is_made_if_the_claim_fails(tiny_tree: TinyTree, tmp_path: Path) -> None:
    # A symbol from a glibc newer than the floor.
    source = tiny_tree.root / "rust" / "c-api" / "src" / "lib.rs"
    source.write_text(
        source.read_text()
        + 'unsafe extern "C" { fn arc4random() -> u32; }\n'
        + "#[unsafe(no_mangle)]\n"
        + 'pub extern "C" fn temporal_core_random_draw() -> u32 { unsafe { arc4random() } }\n'
    )
    header = (tiny_tree.root / HEADER).read_text()
    declare(tiny_tree.root, f"{header}\nuint32_t temporal_core_random_draw(void);\n")
    built = tiny_tree.wheel(tmp_path / "built")
    done = subprocess.run(
        [sys.executable, "-m", "tools.wheel.repair", built, tmp_path / "repaired"],
        cwd=tiny_tree.root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == (
        "no wheel was created: libtemporal_sdk_core.a needs what x86_64-linux-gnu.2.17 does not "
        "have: arc4random\n"
    )
    assert not (tmp_path / "repaired").exists()
