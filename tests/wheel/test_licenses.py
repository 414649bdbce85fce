"""The SBOM and the license file: they match Cargo.lock, cover every crate, and are in the wheel.

If one of these tests fails after a dependency changed, run `make licenses` and commit the result.
"""

from __future__ import annotations

import email
import functools
import hashlib
import json
import re
import subprocess
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import tomli
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from license_expression import Licensing, get_spdx_licensing

from temporal_static_libs import __version__
from temporal_static_libs._targets import TARGETS, target_of_triple
from tools.licenses.linked_crates import PACKAGE, Crate, linked_crates
from tools.licenses.sections import PART, SECTION

DIST_INFO = f"temporal_static_libs-{__version__}.dist-info"
SBOM = "archives.cdx.json"
LICENSES = "THIRD-PARTY-LICENSES.txt"
ALL_PLATFORMS = [target.platform for target in TARGETS]
STANDARD_LIBRARY = "rust-standard-library"
LISTED = re.compile(
    r"^(\S+) (\d\S*): (.+?)(?: \(((?:linux|macos|windows)-[^)]+)\))?$", re.MULTILINE
)
STALE = "the dependencies have changed: run `make licenses` and commit the result"


@dataclass(frozen=True)
class LicenseFile:
    """The parsed license file.

    Attributes:
        crates: the listed crates with their license expressions and platforms, the latter None
            for all.
        texts: pairs of a license's SPDX identifier and the crates that it covers.
        lock_sha256: the hash of Cargo.lock that it names.
    """

    crates: dict[Crate, tuple[str, list[str] | None]]
    texts: list[tuple[str, set[Crate]]]
    lock_sha256: str

    def identifiers_of(self, crate: Crate) -> set[str]:
        """The licenses whose texts are included for a crate."""
        return {identifier for identifier, crates in self.texts if crate in crates}


@pytest.fixture(scope="module")
def rust(repo_root: Path) -> Path:
    """The Cargo workspace."""
    return repo_root / "rust"


@pytest.fixture(scope="module")
def sbom(rust: Path) -> dict[str, Any]:
    """The committed SBOM."""
    loaded: dict[str, Any] = json.loads((rust / SBOM).read_text(encoding="utf-8"))
    return loaded


@pytest.fixture(scope="module")
def components(sbom: dict[str, Any]) -> dict[Crate, dict[str, Any]]:
    """The SBOM's crates."""
    listed = [sbom["metadata"]["component"], *sbom["components"]]
    return {
        Crate(component["name"], component["version"]): component
        for component in listed
        if component["bom-ref"] != STANDARD_LIBRARY
    }


@pytest.fixture(scope="module")
def licenses(rust: Path) -> LicenseFile:
    """The committed license file."""
    head, *sections = (rust / LICENSES).read_text(encoding="utf-8").split(f"\n{SECTION}\n")
    crates = {
        Crate(name, version): (expression, platforms.split(", ") if platforms else None)
        for name, version, expression, platforms in LISTED.findall(head)
    }
    texts = []
    for section in sections[:-1]:
        heading, users, text = section.split(f"\n{PART}\n", 2)
        assert text.strip(), heading
        identifier = heading.rpartition("(")[2].removesuffix(")")
        texts.append((identifier, {Crate(*line.split()) for line in users.splitlines()}))
    (lock_sha256,) = re.findall(r"^SHA-256 of Cargo\.lock: ([0-9a-f]{64})$", head, re.M)
    return LicenseFile(crates, texts, lock_sha256)


@pytest.fixture(scope="module")
def locked(rust: Path) -> dict[Crate, str | None]:
    """The packages in Cargo.lock and their checksums, which this project's own packages lack."""
    lock = tomli.loads((rust / "Cargo.lock").read_text(encoding="utf-8"))
    return {
        Crate(package["name"], package["version"]): package.get("checksum")
        for package in lock["package"]
    }


@pytest.fixture(scope="module")
def accepted(rust: Path) -> set[str]:
    """The allowed licenses."""
    return set(tomli.loads((rust / "about.toml").read_text(encoding="utf-8"))["accepted"])


@pytest.fixture(scope="module")
def host() -> str:
    """This machine's target triple. Building the archives has fetched the sources of its crates."""
    done = subprocess.run(["rustc", "-vV"], capture_output=True, text=True, check=True)
    (triple,) = re.findall(r"^host: (\S+)$", done.stdout, re.M)
    return str(triple)


def properties(thing: dict[str, Any]) -> dict[str, str]:
    """The properties of a component of an SBOM."""
    return {entry["name"]: entry["value"] for entry in thing.get("properties", ())}


def platforms_of(component: dict[str, Any]) -> list[str] | None:
    """The platforms whose archives have a component; None for all."""
    platforms = properties(component).get("temporal-static-libs:platforms")
    return platforms.split() if platforms else None


@functools.cache
def spdx() -> Licensing:
    """SPDX's licenses. Loading them takes a while."""
    return get_spdx_licensing()


def is_satisfied(expression: str, identifiers: set[str]) -> bool:
    """Whether the named licenses alone satisfy an expression."""
    licensing = spdx()
    parsed = licensing.parse(expression, validate=True, strict=True)
    values = {
        symbol: licensing.TRUE if symbol.render() in identifiers else licensing.FALSE
        for symbol in licensing.license_symbols(parsed, decompose=False)
    }
    return bool(parsed.subs(values).simplify() == licensing.TRUE)


def is_own(crate: Crate) -> bool:
    """Whether a crate is this project's."""
    return crate.name.startswith("temporal-static-libs-")


def test_both_match_cargo_lock(rust: Path, sbom: dict[str, Any], licenses: LicenseFile) -> None:
    digest = hashlib.sha256((rust / "Cargo.lock").read_bytes()).hexdigest()
    recorded = properties(sbom["metadata"])["temporal-static-libs:cargo-lock-sha256"]
    assert recorded == digest, STALE
    assert licenses.lock_sha256 == digest, STALE


def test_sbom_lists_exactly_the_crates_compiled_in_here(
    rust: Path, components: dict[Crate, dict[str, Any]], host: str
) -> None:
    platform = target_of_triple(host).platform
    listed = {
        crate
        for crate, component in components.items()
        if platform in (platforms_of(component) or ALL_PLATFORMS)
    }
    assert listed == linked_crates(rust, host), STALE


def test_license_file_lists_the_sboms_crates_except_our_own(
    components: dict[Crate, dict[str, Any]], licenses: LicenseFile
) -> None:
    assert set(licenses.crates) == {crate for crate in components if not is_own(crate)}, STALE


def test_every_crate_matches_cargo_lock(
    components: dict[Crate, dict[str, Any]], locked: dict[Crate, str | None]
) -> None:
    for crate, component in components.items():
        checksums = [entry["content"] for entry in component.get("hashes", ())]
        assert checksums == [locked[crate]] if locked[crate] else not checksums, crate
        assert component["purl"] == f"pkg:cargo/{crate.name}@{crate.version}"


def test_no_banned_crate_is_locked(rust: Path, locked: dict[Crate, str | None]) -> None:
    """Also not for other platforms, which `make deny` does not check."""
    bans = tomli.loads((rust / "deny.toml").read_text(encoding="utf-8"))["bans"]["deny"]
    banned = {ban["crate"] for ban in bans}
    assert {"aws-lc-sys", "openssl-sys"} <= banned
    assert {crate.name for crate in locked} & banned == set()


def test_sbom_conforms_to_the_schema_of_cyclonedx(rust: Path) -> None:
    validator = JsonStrictValidator(SchemaVersion.V1_5)
    assert validator.validate_str((rust / SBOM).read_text(encoding="utf-8")) is None


def test_sbom_states_why_each_component_is_included(sbom: dict[str, Any]) -> None:
    depends = {entry["ref"]: entry["dependsOn"] for entry in sbom["dependencies"]}
    reached: set[str] = set()
    waiting = [sbom["metadata"]["component"]["bom-ref"]]
    while waiting:
        ref = waiting.pop()
        if ref not in reached:
            reached.add(ref)
            waiting += depends[ref]
    assert sbom["metadata"]["component"]["name"] == PACKAGE
    listed = [component["bom-ref"] for component in sbom["components"]]
    assert len(listed) == len(set(listed))
    assert reached == {*listed, sbom["metadata"]["component"]["bom-ref"]}
    assert STANDARD_LIBRARY in reached


def test_sbom_names_the_c_code_inside_crates(
    rust: Path, components: dict[Crate, dict[str, Any]]
) -> None:
    command = ["cargo", "metadata", "--locked", "--offline", "--format-version", "1"]
    packages = json.loads(subprocess.check_output(command, cwd=rust))["packages"]
    # The build script of a crate that compiles C depends on one of these.
    with_c = {
        Crate.of(package): Path(package["manifest_path"]).parent
        for package in packages
        if any(one["name"] == "cc" and one["kind"] == "build" for one in package["dependencies"])
    }
    found = {crate: one["components"] for crate, one in components.items() if "components" in one}
    assert found.keys() == with_c.keys() & components.keys()
    (zstd,) = (crate for crate in found if crate.name == "zstd-sys")
    header = (with_c[zstd] / "zstd" / "lib" / "zstd.h").read_text(encoding="utf-8")
    version = re.findall(r"define ZSTD_VERSION_(?:MAJOR|MINOR|RELEASE) +(\d+)", header)
    (component,) = found[zstd]
    assert component["version"] == ".".join(version)
    assert component["purl"] == f"pkg:github/facebook/zstd@v{component['version']}"


def test_sbom_lists_the_modified_crates(
    rust: Path, components: dict[Crate, dict[str, Any]]
) -> None:
    workspace = tomli.loads((rust / "Cargo.toml").read_text(encoding="utf-8"))
    modified = {crate.name for crate, one in components.items() if "pedigree" in one}
    assert modified == workspace["patch"]["crates-io"].keys()


def test_sbom_contains_nothing_specific_to_a_machine(rust: Path, repo_root: Path) -> None:
    text = (rust / SBOM).read_text(encoding="utf-8") + (rust / LICENSES).read_text(encoding="utf-8")
    assert "file://" not in text
    assert str(repo_root) not in text
    assert str(Path.home()) + "/" not in text


def test_sbom_and_license_file_agree(
    components: dict[Crate, dict[str, Any]], licenses: LicenseFile
) -> None:
    for crate, listed in licenses.crates.items():
        (licensed,) = components[crate]["licenses"]
        assert listed == (licensed["expression"], platforms_of(components[crate])), crate


def test_every_license_is_accepted(sbom: dict[str, Any], accepted: set[str]) -> None:
    for component in [sbom["metadata"]["component"], *sbom["components"]]:
        (licensed,) = component["licenses"]
        assert is_satisfied(licensed["expression"], accepted), component["bom-ref"]


@pytest.mark.parametrize(
    ("expression", "satisfied"),
    [
        ("MIT", True),
        ("GPL-3.0-only OR MIT", True),
        ("GPL-3.0-only AND MIT", False),
        ("(MIT OR GPL-3.0-only) AND Apache-2.0 WITH LLVM-exception", True),
        ("Apache-2.0", False),
    ],
)
def test_license_expressions_are_evaluated(expression: str, satisfied: bool) -> None:
    assert is_satisfied(expression, {"MIT", "Apache-2.0 WITH LLVM-exception"}) == satisfied


def test_every_crate_has_the_texts_that_its_license_requires(
    components: dict[Crate, dict[str, Any]], licenses: LicenseFile
) -> None:
    for crate in licenses.crates:
        (licensed,) = components[crate]["licenses"]
        identifiers = licenses.identifiers_of(crate)
        assert is_satisfied(licensed["expression"], identifiers), (crate, identifiers)


def test_wheel_contains_both_unchanged(wheel: Path, rust: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if "/sboms/" in name or "/licenses/" in name]
        sbom = archive.read(f"{DIST_INFO}/sboms/{SBOM}")
        licenses = archive.read(f"{DIST_INFO}/licenses/rust/{LICENSES}")
    assert sorted(names) == [
        f"{DIST_INFO}/licenses/LICENSE",
        f"{DIST_INFO}/licenses/rust/PROTO-LICENSES.txt",
        f"{DIST_INFO}/licenses/rust/{LICENSES}",
        f"{DIST_INFO}/sboms/{SBOM}",
    ]
    assert sbom == (rust / SBOM).read_bytes()
    assert licenses == (rust / LICENSES).read_bytes()


def test_wheels_license_covers_all_its_contents(
    wheel: Path, sbom: dict[str, Any], licenses: LicenseFile
) -> None:
    with zipfile.ZipFile(wheel) as archive:
        metadata = email.message_from_bytes(archive.read(f"{DIST_INFO}/METADATA"))
    stated = metadata["License-Expression"].split(" AND ")
    ours = ["MIT"]
    texts = [identifier for identifier, _ in licenses.texts]
    # The standard library offers MIT or Apache-2.0, both of which are included anyway.
    standard_library = ["MIT", "Apache-2.0 WITH LLVM-exception", "Unicode-3.0"]
    assert sorted(stated) == sorted({*ours, *texts, *standard_library})
    for component in sbom["components"]:
        (licensed,) = component["licenses"]
        assert is_satisfied(licensed["expression"], set(stated)), component["bom-ref"]
