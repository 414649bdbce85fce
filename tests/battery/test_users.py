"""Two users, root and nobody: what one of them plants is never linked by the other."""

from __future__ import annotations

import json
import mmap
import os
import shlex
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.ci.skips import require_program
from tests.support.installation.calls import Machine, Outcome
from tests.support.installation.small import (
    CHECKSUMS,
    CLIENT,
    MANIFEST,
    SDK_CORE,
    SOURCES,
    Installation,
)
from tests.support.system.users import NOBODY, needs_root

ASKED = (
    *("--libs", "--ldflags", "--libfiles", "--libdir", "--json", "--cmakedir", "--pkgconfigdir"),
    *("--verify", "lib_dir", "link_flags", "library_set", "verify"),
)


def ask(machine: Machine) -> dict[str, Outcome]:
    return dict(zip(ASKED, machine.ask(*((each,) for each in ASKED)), strict=True))


def see_that_all_is_refused(there: Installation, source: str, *names: str) -> None:
    """Check that every answer and the doctor refuse these names, also after remembering."""
    machine = there.machine(source)
    for _ in range(2):
        for outcome in ask(machine).values():
            outcome.refused(*names)
    see_that_the_doctor_says(machine, "broken", *names)


def see_that_all_is_answered(machine: Machine) -> None:
    for _ in range(2):
        for outcome in ask(machine).values():
            outcome.answered()


def see_that_the_doctor_says(machine: Machine, kind: str, *names: str) -> None:
    (doctor,) = machine.ask(("--doctor",))
    lines = doctor.ended().stdout.decode("utf-8", "backslashreplace").splitlines()
    assert doctor.status == (kind == "broken")
    told = [line for line in lines if line.startswith(kind) and all(it in line for it in names)]
    assert told, "\n".join(lines)


def give(file: Path) -> None:
    """Make nobody the owner of a file, or of a directory with its content."""
    for path in (file, *(file.rglob("*") if file.is_dir() else ())):
        os.chown(path, NOBODY, NOBODY)


def as_nobody(script: str, *arguments: object) -> None:
    """Run a shell script as nobody."""
    command = ["/bin/sh", "-e", "-c", script, "sh", *map(str, arguments)]
    subprocess.run(command, user=NOBODY, group=NOBODY, extra_groups=[], cwd="/", check=True)


WHEN = ("after", pytest.param("before", marks=pytest.mark.battery))
"""When files are changed: before they are verified, or after that is remembered."""


# --- 1: a file next to the archives that a linker could use instead ---

PLANTED = (
    *("libtemporal_sdk_core.so", "libm.so", "libc.so.6", "libtemporal_sdk_core.so.1.2"),
    *("libtemporal_sdk_core.dylib", "libSystem.dylib", "libm.tbd", "temporal_sdk_core.dll"),
    *("libm.dll", "libm.dll.a", "libextra.a", "libm.a", "libtemporal_sdk_core.lo.a"),
)


@pytest.mark.parametrize("planted", PLANTED)
@pytest.mark.parametrize("when", WHEN)
def test_planted_next_to_an_override(reset: Installation, when: str, planted: str) -> None:
    machine = reset.machine("override")
    if when == "after":
        see_that_all_is_answered(machine)
    (reset.override / planted).write_bytes(b"!<arch>\n")
    see_that_all_is_refused(reset, "override", planted)


@pytest.mark.parametrize("planted", PLANTED)
@pytest.mark.parametrize("source", ["wheel", "compiled"])
def test_planted_where_pkg_config_leads(reset: Installation, source: str, planted: str) -> None:
    machine = reset.machine(source)
    machine.ask(("--pkgconfigdir",))
    (reset.libraries(source) / planted).write_bytes(b"!<arch>\n")
    (pkg_config,) = machine.ask(("--pkgconfigdir",))
    pkg_config.refused(planted)


@pytest.mark.parametrize("kind", ["dangling-link", "link", "directory"])
def test_planted_link_or_directory(reset: Installation, kind: str) -> None:
    planted = reset.override / "libm.so"
    if kind == "directory":
        planted.mkdir()
    else:
        planted.symlink_to("/nowhere" if kind == "dangling-link" else "/bin/sh")
    see_that_all_is_refused(reset, "override", "libm.so")


def test_files_that_no_linker_uses_are_allowed_next_to_an_override(reset: Installation) -> None:
    for name in ("README", "notes.txt", "libm.o", "so", "header.h"):
        (reset.override / name).write_text("harmless", encoding="ascii")
    (reset.override / "cmake").mkdir()
    see_that_all_is_answered(reset.machine("override"))


_EVIL = """\
#include <stdio.h>
__attribute__((constructor)) static void planted(void) { fclose(fopen("%s", "w")); }
double cos(double x) { return x; }
"""
_PROGRAM = """\
#include <math.h>
void temporal_core_runtime_free(void *);
int main(int argc, char **argv) {
    (void)argv;
    temporal_core_runtime_free(0);
    return cos((double)argc) > 2.0;
}
"""


@pytest.mark.parametrize("planted", ["libm.so", "libtemporal_sdk_core.so"])
@pytest.mark.parametrize("source", SOURCES)
def test_nothing_planted_is_linked(
    reset: Installation, place: Path, source: str, planted: str
) -> None:
    compiler = require_program("cc")
    machine = reset.machine(source)
    machine.ask(("--verify",))
    ran = place / "ran"
    (place / "evil.c").write_text(_EVIL % ran, encoding="ascii")
    (place / "program.c").write_text(_PROGRAM, encoding="ascii")
    library = reset.libraries(source) / planted
    shared = [compiler, "-shared", "-fPIC", str(place / "evil.c"), "-o", str(library)]
    subprocess.run([*shared, f"-Wl,-soname,{library}"], check=True)
    flags: list[str] = []
    for outcome in machine.ask(("--cflags",), ("--ldflags",), ("--libs",)):
        if outcome.ended().status == 0:
            flags += shlex.split(os.fsdecode(outcome.stdout))
        else:
            outcome.refused(planted)
    program = place / "program"
    command = [compiler, str(place / "program.c"), *flags, "-o", str(program), "-fno-builtin"]
    done = subprocess.run(command, cwd=place, capture_output=True, check=False)
    if done.returncode == 0:
        subprocess.run([program], check=False, timeout=10)
    assert not ran.exists()


def test_flags_name_the_archive_and_no_directory(reset: Installation) -> None:
    for source in SOURCES:
        libs, flags, ldflags = reset.machine(source).ask(
            ("--libs",), ("link_flags",), ("--ldflags",)
        )
        archive = str(reset.libraries(source) / SDK_CORE)
        words = shlex.split(libs.answered().stdout.decode())
        assert words[0] == archive
        assert [word for word in words if word.startswith("-L")] == []
        assert "-ltemporal_sdk_core" not in words
        assert flags.answered().stdout.decode().splitlines() == words
        assert "-L" not in ldflags.answered().stdout.decode()


# --- 2: archives and records that others can write to ---

MODES: Mapping[str, tuple[int, tuple[str, ...]]] = {
    "archive": (0o666, (SDK_CORE,)),
    "manifest": (0o666, (MANIFEST,)),
    "checksums": (0o666, (CHECKSUMS,)),
    "archive-and-records": (0o666, (SDK_CORE, MANIFEST, CHECKSUMS)),
    "archive-for-others-alone": (0o602, (SDK_CORE,)),
    "directory": (0o777, ("",)),
    "directory-for-others-alone": (0o703, ("",)),
}


def records_of(source: str, names: tuple[str, ...]) -> list[str]:
    """The records that answers about a source's libraries use."""
    return [name for name in names if source != "wheel" or name != CHECKSUMS]


@pytest.mark.parametrize("what", MODES)
@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("when", WHEN)
def test_writable_by_others_is_refused(
    reset: Installation, when: str, source: str, what: str
) -> None:
    mode, names = MODES[what]
    names = tuple(records_of(source, names))
    if when == "after":
        reset.machine(source).ask(("--libs",))
    for name in names:
        (reset.libraries(source) / name).chmod(mode)
    if not names:
        return  # nothing uses the wheel's checksums
    if source == "compiled":
        # A set compiled on this machine can be compiled again if there is a Rust toolchain.
        (outcome,) = reset.machine(source).ask(("--libs",))
        outcome.refused()
        return
    see_that_all_is_refused(reset, source, str(reset.libraries(source)))


@pytest.mark.parametrize("source", ["wheel", "override"])
def test_writable_by_others_with_the_sticky_bit_is_accepted(
    reset: Installation, source: str
) -> None:
    reset.libraries(source).chmod(0o1777)
    see_that_all_is_answered(reset.machine(source))


@needs_root
def test_rewritten_archive_and_records_are_refused(reset: Installation) -> None:
    for name in (SDK_CORE, MANIFEST, CHECKSUMS):
        (reset.override / name).chmod(0o666)
    see_that_a_rewrite_works(reset, reset.override)
    see_that_all_is_refused(reset, "override", str(reset.override))


def see_that_a_rewrite_works(there: Installation, directory: Path) -> None:
    """As nobody, change the archive and its records."""
    script = """
        old=$(sha256sum < "$1/$2" | cut -c1-64)
        printf x | dd of="$1/$2" bs=1 seek=100 conv=notrunc 2>/dev/null
        new=$(sha256sum < "$1/$2" | cut -c1-64)
        for file in "$1/$3" "$1/$4"; do
            text=$(sed "s/$old/$new/" "$file")
            printf '%s\\n' "$text" > "$file"
        done
    """
    before = (directory / SDK_CORE).read_bytes()
    as_nobody(script, directory, SDK_CORE, MANIFEST, CHECKSUMS)
    assert (directory / SDK_CORE).read_bytes() != before


@pytest.mark.parametrize("what", ["archive", "records", "directory", "all"])
@pytest.mark.parametrize("source", ["wheel", "override"])
def test_writable_by_the_group_is_accepted_and_reported(
    reset: Installation, source: str, what: str
) -> None:
    directory = reset.libraries(source)
    files = {
        "archive": [SDK_CORE],
        "records": [MANIFEST, CHECKSUMS],
        "directory": [],
        "all": [SDK_CORE, CLIENT, MANIFEST, CHECKSUMS],
    }[what]
    for name in files:
        (directory / name).chmod(0o664)
    if what in ("directory", "all"):
        directory.chmod(0o775)
    see_that_all_is_answered(reset.machine(source))
    see_that_the_doctor_says(reset.machine(source), "ok", "group", str(directory))


def test_doctor_does_not_mention_groups_that_cannot_write(reset: Installation) -> None:
    for source in ("wheel", "override"):
        (doctor,) = reset.machine(source).ask(("--doctor",))
        assert b"group" not in doctor.answered().stdout


def test_image_with_the_groups_rights_of_the_user(installation: Installation) -> None:
    # Like images that run as any user in group 0. A cache is private to its user.
    parts = [str(part) for part in installation.root.iterdir() if part != installation.cache]
    subprocess.run(["chmod", "-R", "g=u", *parts], check=True)
    for source in ("wheel", "override"):
        see_that_all_is_answered(installation.machine(source))
        see_that_the_doctor_says(installation.machine(source), "ok", "group")


@needs_root
def test_image_with_the_groups_rights_as_another_user(installation: Installation) -> None:
    subprocess.run(["chmod", "-R", "g=u", str(installation.site)], check=True)
    environ = {**installation.environ(), "TEMPORAL_LIBS_CACHE_DIR": "/nowhere/cache"}
    see_that_all_is_answered(Machine(installation.site, environ, user=NOBODY))


@pytest.mark.parametrize("installer", ["pip", "uv"])
def test_installed_under_umask_002(
    wheel: Path, place: Path, repo_root: Path, installer: str
) -> None:
    site = place / "site"
    quietly = ["install", "--quiet", "--no-deps", "--target", str(site)]
    if installer == "pip":
        command = [sys.executable, "-m", "pip", *quietly, "--no-index"]
    else:
        uv = repo_root / ".venv" / "delivery" / "bin" / "uv"
        options = ["--offline", "--python", sys.executable, "--cache-dir", str(place / "uv")]
        command = [str(uv), "pip", *quietly, *options]
    subprocess.run([*command, wheel], umask=0o002, check=True)
    lib = site / "temporal_static_libs" / "lib"
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (lib, lib / SDK_CORE, lib / MANIFEST)}
    assert modes <= {0o775, 0o664, 0o755, 0o644}
    environ = {"HOME": str(place), "TEMPORAL_LIBS_CACHE_DIR": str(place / "cache")}
    machine = Machine(site, environ, timeout=120)
    for outcome in machine.ask(("--libs",), ("--cmakedir",), ("--pkgconfigdir",), ("verify",)):
        outcome.answered()
    if 0o775 in modes or 0o664 in modes:
        see_that_the_doctor_says(machine, "ok", "group", str(lib))
    shutil.rmtree(place)


# --- 3: archives and records of another owner ---


@needs_root
@pytest.mark.parametrize("name", [SDK_CORE, CLIENT, MANIFEST, CHECKSUMS])
@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("when", WHEN)
def test_file_of_another_owner_is_refused(
    reset: Installation, when: str, source: str, name: str
) -> None:
    if (source, name) == ("wheel", CHECKSUMS):
        return  # nothing uses it
    if when == "after":
        reset.machine(source).ask(("--libs",))
    give(reset.libraries(source) / name)
    if source == "compiled":
        (outcome,) = reset.machine(source).ask(("--libs",))
        outcome.refused(name)
        return
    see_that_all_is_refused(reset, source, name)


@needs_root
@pytest.mark.parametrize("source", ["wheel", "override"])
def test_directory_whose_files_have_the_same_owner_is_accepted(
    installation: Installation, source: str
) -> None:
    give(installation.site if source == "wheel" else installation.override)
    see_that_all_is_answered(installation.machine(source))


@needs_root
@pytest.mark.parametrize("source", ["wheel", "override"])
def test_roots_files_are_accepted_by_every_user(reset: Installation, source: str) -> None:
    machine = reset.machine(source, TEMPORAL_LIBS_CACHE_DIR="/nowhere/cache")
    libs, verified, doctor = replace(machine, user=NOBODY).ask(
        ("--libs",), ("--verify",), ("--doctor",)
    )
    libs.answered()
    verified.answered()
    doctor.answered()


@needs_root
def test_link_to_a_file_of_another_owner_is_refused(reset: Installation, place: Path) -> None:
    store = place / "store"
    shutil.copytree(reset.override, store)
    for file in reset.override.iterdir():
        file.unlink()
        file.symlink_to(store / file.name)
    see_that_all_is_answered(reset.machine("override"))
    for file in store.iterdir():
        give(file)
    see_that_all_is_refused(reset, "override")


# --- 4: a directory that everybody can write to ---


@needs_root
def test_set_that_nobody_puts_into_a_world_writable_directory(
    reset: Installation, place: Path
) -> None:
    reset.override.chmod(0o777)
    own = place / "own"
    own.mkdir()
    give(own)
    script = 'cp "$1"/* "$2" && rm -f "$1"/* && cp "$2"/* "$1"'
    as_nobody(script, reset.override, own)
    see_that_a_rewrite_works(reset, reset.override)
    see_that_all_is_refused(reset, "override", str(reset.override))
    reset.override.chmod(0o755)
    see_that_all_is_refused(reset, "override")


# --- 5: receipts, and writes through a shared mapping ---


def alter(archive: Path, *, keep_mtime: bool = False) -> None:
    status = archive.stat()
    content = archive.read_bytes()
    with archive.open("r+b") as stream:
        stream.write(bytes([content[0] ^ 1]))
    if keep_mtime:
        os.utime(archive, ns=(status.st_atime_ns, status.st_mtime_ns))


def forged(there: Installation, source: str) -> Path:
    """Alter an archive and forge a matching receipt; return the receipt."""
    machine = there.machine(source)
    machine.ask(("--libs",))
    (receipt,) = (there.cache / "verified").iterdir()
    archive = there.libraries(source) / SDK_CORE
    old = archive.stat()
    alter(archive)
    new = archive.stat()
    text = receipt.read_text(encoding="utf-8")
    for before, after in (
        (old.st_mtime_ns, new.st_mtime_ns),
        (old.st_ctime_ns, new.st_ctime_ns),
    ):
        assert str(before) in text
        text = text.replace(str(before), str(after))
    receipt.unlink()
    receipt.write_text(text, encoding="utf-8")
    return receipt


def test_forged_receipt_would_be_accepted(reset: Installation) -> None:
    forged(reset, "override")
    (libs,) = reset.machine("override").ask(("--libs",))
    libs.answered()


def _others_own_it(cache: Path, receipt: Path) -> None:
    give(receipt)


def _others_own_the_directory(cache: Path, receipt: Path) -> None:
    give(receipt.parent)


def _others_own_the_cache(cache: Path, receipt: Path) -> None:
    give(cache)


FORGERIES: Mapping[str, Callable[[Path, Path], object]] = {
    "receipt-of-another-owner": _others_own_it,
    "directory-of-another-owner": _others_own_the_directory,
    "cache-of-another-owner": _others_own_the_cache,
    "receipt-that-others-write": lambda cache, receipt: receipt.chmod(0o666),
    "directory-that-others-write": lambda cache, receipt: receipt.parent.chmod(0o777),
    "sticky-directory-that-others-write": lambda cache, receipt: receipt.parent.chmod(0o1777),
    "cache-that-others-write": lambda cache, receipt: cache.chmod(0o777),
}


@needs_root
@pytest.mark.parametrize("forgery", FORGERIES)
@pytest.mark.parametrize("source", ["wheel", "override"])
def test_receipt_planted_by_another_user_is_ignored(
    reset: Installation, source: str, forgery: str
) -> None:
    receipt = forged(reset, source)
    FORGERIES[forgery](reset.cache, receipt)
    libs, flags = reset.machine(source).ask(("--libs",), ("link_flags",))
    libs.refused(SDK_CORE)
    flags.refused(SDK_CORE)


@pytest.mark.parametrize("source", SOURCES)
def test_altered_with_a_restored_mtime(reset: Installation, source: str) -> None:
    reset.machine(source).ask(("--libs",))
    alter(reset.libraries(source) / SDK_CORE, keep_mtime=True)
    (libs,) = reset.machine(source).ask(("--libs",))
    libs.refused(SDK_CORE)


def stored_through_a_mapping(reset: Installation, source: str) -> None:
    """Write a receipt while a page of the archive is dirty, then change that page."""
    archive = reset.libraries(source) / SDK_CORE
    with archive.open("r+b") as stream, mmap.mmap(stream.fileno(), 0) as mapping:
        mapping[0] = mapping[0]  # from here on, the page is dirty
        time.sleep(0.03)
        (libs,) = reset.machine(source).ask(("--libs",))
        libs.answered()
        assert [*(reset.cache / "verified").iterdir()]
        before = archive.stat()
        mapping[0] = mapping[0] ^ 1
        after = archive.stat()
    assert (before.st_mtime_ns, before.st_ctime_ns) == (after.st_mtime_ns, after.st_ctime_ns)


@pytest.mark.parametrize("source", SOURCES)
def test_write_through_a_mapping_is_detected_by_always_hashing(
    reset: Installation, source: str
) -> None:
    stored_through_a_mapping(reset, source)
    machine = reset.machine(source, TEMPORAL_LIBS_VERIFY="always")
    asked = ASKED[:1] if source == "compiled" else ASKED
    for outcome in machine.ask(*((each,) for each in asked)):
        outcome.refused(SDK_CORE)


@pytest.mark.parametrize("option", ["--verify", "verify"])
def test_write_through_a_mapping_is_detected_by_verifying(reset: Installation, option: str) -> None:
    stored_through_a_mapping(reset, "override")
    (outcome,) = reset.machine("override").ask((option,))
    outcome.refused(SDK_CORE)


# --- TEMPORAL_LIBS_VERIFY ---


def test_always_remembers_nothing(reset: Installation) -> None:
    metrics = reset.root / "metrics"
    machine = reset.machine(TEMPORAL_LIBS_METRICS=str(metrics))
    machine.ask(("--libs",))
    always = replace(machine, environ={**machine.environ, "TEMPORAL_LIBS_VERIFY": "always"})
    for outcome in always.ask(("--libs",), ("--libdir",), ("lib_dir",), ("--json",)):
        outcome.answered()
    lines = [json.loads(line) for line in metrics.read_text(encoding="utf-8").splitlines()]
    metrics.unlink()
    assert [line["checked"] for line in lines[1:]] == ["hashed"] * 4


@pytest.mark.parametrize("value", ["never", "1", "ALWAYS", "true"])
def test_other_values_are_bad_settings(reset: Installation, value: str) -> None:
    machine = reset.machine(TEMPORAL_LIBS_VERIFY=value)
    for outcome in machine.ask(("--libs",), ("--libdir",), ("--version", "--target")):
        outcome.refused("TEMPORAL_LIBS_VERIFY", value, status=2)


def test_empty_value_counts_as_unset(reset: Installation) -> None:
    (libs,) = reset.machine(TEMPORAL_LIBS_VERIFY="").ask(("--libs",))
    libs.answered()
