"""Full disks: an answer or a message, no incomplete files, and the next call works."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from tests.support.installation.calls import Machine
from tests.support.installation.small import Installation
from tests.support.system.full_disk import OnFullDisk, run_on_full_disk

NO_SPACE = "No space left on device"


@pytest.fixture
def disk(place: Path) -> Path:
    """The mount point of the full disk."""
    (place / "disk").mkdir()
    return place / "disk"


def run(
    machine: Machine, disk: Path, *options: str, before: str = ":", after: str = ":"
) -> OnFullDisk:
    command = machine.command(*options)
    environ = machine.process_environ
    done = run_on_full_disk(command, environ, disk, disk.parent, before, after)
    for _, _, stderr in (done.full, done.roomy):
        assert "Traceback" not in stderr
        assert "Exception ignored" not in stderr
    assert done.roomy[0] == 0, done.roomy
    return done


@pytest.mark.parametrize("option", ["--cmakedir", "--pkgconfigdir"])
@pytest.mark.parametrize("made", [False, True], ids=["no-cache-yet", "cache-is-there"])
def test_files_for_build_systems(reset: Installation, disk: Path, option: str, made: bool) -> None:
    before = f"mkdir -m 700 {disk}/cache {disk}/cache/build-systems" if made else ":"
    machine = reset.machine("override", TEMPORAL_LIBS_CACHE_DIR=f"{disk}/cache")
    done = run(machine, disk, option, before=before)
    status, stdout, stderr = done.full
    assert (status, stdout) == (1, ""), stderr
    assert NO_SPACE in stderr
    assert str(disk) in stderr
    assert [name for name in done.files if name.endswith((".pc", ".cmake"))] == []
    assert done.roomy[2] == ""


@pytest.mark.parametrize("option", ["--libs", "--json", "--doctor", "--verify"])
@pytest.mark.parametrize("made", [False, True], ids=["no-cache-yet", "cache-is-there"])
def test_receipts(reset: Installation, disk: Path, option: str, made: bool) -> None:
    before = f"mkdir -m 700 {disk}/cache {disk}/cache/verified" if made else ":"
    done = run(reset.machine(TEMPORAL_LIBS_CACHE_DIR=f"{disk}/cache"), disk, option, before=before)
    assert (done.full[0], done.full[2]) == (0, "")
    assert done.full[1] == done.roomy[1]
    assert [name for name in done.files if "/verified/" in name] == []


@pytest.mark.parametrize("option", ["--libs", "--verify"])
def test_metrics(reset: Installation, disk: Path, option: str) -> None:
    done = run(reset.machine(TEMPORAL_LIBS_METRICS=f"{disk}/metrics"), disk, option)
    status, stdout, stderr = done.full
    assert status == 0
    assert "warning" in stderr
    assert NO_SPACE in stderr
    assert f"{disk}/metrics" in stderr
    assert (stdout, "") == (done.roomy[1], done.roomy[2])


def test_metrics_that_end_with_half_a_line(reset: Installation, disk: Path) -> None:
    # The existing content ends six bytes before the end of the file system's last page.
    before = f"head -c 4090 /dev/zero | tr '\\0' '\\n' > {disk}/metrics"
    machine = reset.machine(TEMPORAL_LIBS_METRICS=f"{disk}/metrics")
    copy = f"cp {disk}/metrics {disk.parent}/metrics"
    done = run(machine, disk, "--libs", before=before, after=copy)
    status, _, stderr = done.full
    assert status == 0
    assert "warning" in stderr
    assert f"{disk}/metrics" in stderr
    # The next line is not appended to the incomplete one.
    last = (disk.parent / "metrics").read_bytes().splitlines()[-1]
    assert json.loads(last)["outcome"] == "ok"


@pytest.mark.parametrize("where", ["cache", "build-record", "temporary-files"])
def test_compile(installation: Installation, disk: Path, where: str) -> None:
    shutil.rmtree(installation.cache)
    more = {
        "cache": {"TEMPORAL_LIBS_CACHE_DIR": f"{disk}/cache"},
        "build-record": {"TEMPORAL_LIBS_BUILD_RECORD": f"{disk}/record.json"},
        "temporary-files": {"TMPDIR": str(disk)},
    }[where]
    path = f"{installation.path_with_rust}:{os.defpath}"
    machine = installation.machine("compiled", PATH=path, **more)
    done = run(machine, disk, "--libdir")
    status, stdout, stderr = done.full
    if where == "cache":
        assert (status, stdout) == (1, ""), stderr
        assert NO_SPACE in stderr
        assert str(disk) in stderr
        assert [name for name in done.files if name.endswith((".a", ".json", ".sha256"))] == []
    else:
        assert status == 0, stderr
        assert stdout == done.roomy[1]
        if where == "build-record":
            assert NO_SPACE in stderr
            assert f"{disk}/record.json" in stderr
            assert done.files in ((), (f"{disk}/record.json",))
