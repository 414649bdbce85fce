"""The SBOM and the licence file: of this Cargo.lock, of every crate, and in the wheel as they are.

Where one of these fails after a change of a dependency: `make licenses`, and commit the result.
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
LICENCES = "THIRD-PARTY-LICENSES.txt"
ALL_PLATFORMS = [target.platform for target in TARGETS]
STANDARD_LIBRARY = "rust-standard-library"
LISTED = re.compile(
    r"^(\S+) (\d\S*): (.+?)(?: \(((?:linux|macos|windows)-[^)]+)\))?$", re.MULTILINE
)
STALE = "the dependencies have changed: run `make licenses` and commit the result"


@dataclass(frozen=True)
class LicenceFile:
    """The licence file, read.

    Attributes:
        crates: the crates it lists with their licence expressions and platforms, the latter None
            for all.
        texts: pairs of a licence's SPDX identifier and the crates that its text is for.
        lock_sha256: hash of the Cargo.lock that it says it is of.
    """

    crates: dict[Crate, tuple[str, list[str] | None]]
    texts: list[tuple[str, set[Crate]]]
    lock_sha256: str

    def identifiers_of(self, crate: Crate) -> set[str]:
        """The licences whose texts are there for a crate."""
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
def licences(rust: Path) -> LicenceFile:
    """The committed licence file."""
    head, *sections = (rust / LICENCES).read_text(encoding="utf-8").split(f"\n{SECTION}\n")
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
    return LicenceFile(crates, texts, lock_sha256)


@pytest.fixture(scope="module")
def locked(rust: Path) -> dict[Crate, str | None]:
    """The packages of Cargo.lock and their checksums, which this project's own do not have."""
    lock = tomli.loads((rust / "Cargo.lock").read_text(encoding="utf-8"))
    return {
        Crate(package["name"], package["version"]): package.get("checksum")
        for package in lock["package"]
    }


@pytest.fixture(scope="module")
def accepted(rust: Path) -> set[str]:
    """The licences that may be there."""
    return set(tomli.loads((rust / "about.toml").read_text(encoding="utf-8"))["accepted"])


@pytest.fixture(scope="module")
def host() -> str:
    """This machine's target triple, whose crates' sources are here since the archives were made."""
    done = subprocess.run(["rustc", "-vV"], capture_output=True, text=True, check=True)
    (triple,) = re.findall(r"^host: (\S+)$", done.stdout, re.M)
    return str(triple)


def properties(thing: dict[str, Any]) -> dict[str, str]:
    """The properties of a part of an SBOM."""
    return {entry["name"]: entry["value"] for entry in thing.get("properties", ())}


def platforms_of(component: dict[str, Any]) -> list[str] | None:
    """The platforms whose archives have a component; None for all."""
    platforms = properties(component).get("temporal-static-libs:platforms")
    return platforms.split() if platforms else None


@functools.cache
def spdx() -> Licensing:
    """SPDX's licences, which take a while to load."""
    return get_spdx_licensing()


def is_satisfied(expression: str, identifiers: set[str]) -> bool:
    """Whether somebody who takes the named licences, and no other, meets an expression."""
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


def test_both_are_of_this_cargo_lock(
    rust: Path, sbom: dict[str, Any], licences: LicenceFile
) -> None:
    digest = hashlib.sha256((rust / "Cargo.lock").read_bytes()).hexdigest()
    recorded = properties(sbom["metadata"])["temporal-static-libs:cargo-lock-sha256"]
    assert recorded == digest, STALE
    assert licences.lock_sha256 == digest, STALE


def test_sbom_lists_what_is_compiled_in_here_and_nothing_else(
    rust: Path, components: dict[Crate, dict[str, Any]], host: str
) -> None:
    platform = target_of_triple(host).platform
    listed = {
        crate
        for crate, component in components.items()
        if platform in (platforms_of(component) or ALL_PLATFORMS)
    }
    assert listed == linked_crates(rust, host), STALE


def test_licence_file_lists_the_crates_of_the_sbom_less_our_own(
    components: dict[Crate, dict[str, Any]], licences: LicenceFile
) -> None:
    assert set(licences.crates) == {crate for crate in components if not is_own(crate)}, STALE


def test_every_crate_is_the_one_in_cargo_lock(
    components: dict[Crate, dict[str, Any]], locked: dict[Crate, str | None]
) -> None:
    for crate, component in components.items():
        checksums = [entry["content"] for entry in component.get("hashes", ())]
        assert checksums == [locked[crate]] if locked[crate] else not checksums, crate
        assert component["purl"] == f"pkg:cargo/{crate.name}@{crate.version}"


def test_no_banned_crate_is_locked(rust: Path, locked: dict[Crate, str | None]) -> None:
    """Not for another platform either, which `make deny` does not look at."""
    bans = tomli.loads((rust / "deny.toml").read_text(encoding="utf-8"))["bans"]["deny"]
    banned = {ban["crate"] for ban in bans}
    assert {"aws-lc-sys", "openssl-sys"} <= banned
    assert {crate.name for crate in locked} & banned == set()


def test_sbom_meets_the_schema_of_cyclonedx(rust: Path) -> None:
    validator = JsonStrictValidator(SchemaVersion.V1_5)
    assert validator.validate_str((rust / SBOM).read_text(encoding="utf-8")) is None


def test_sbom_says_how_everything_gets_in(sbom: dict[str, Any]) -> None:
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
    # A crate that compiles C says so by what its build script depends on.
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


def test_sbom_says_which_crates_are_not_as_they_were_published(
    rust: Path, components: dict[Crate, dict[str, Any]]
) -> None:
    workspace = tomli.loads((rust / "Cargo.toml").read_text(encoding="utf-8"))
    modified = {crate.name for crate, one in components.items() if "pedigree" in one}
    assert modified == workspace["patch"]["crates-io"].keys()


def test_sbom_holds_nothing_of_the_machine_that_made_it(rust: Path, repo_root: Path) -> None:
    text = (rust / SBOM).read_text(encoding="utf-8") + (rust / LICENCES).read_text(encoding="utf-8")
    assert "file://" not in text
    assert str(repo_root) not in text
    assert str(Path.home()) + "/" not in text


def test_sbom_and_licence_file_say_the_same(
    components: dict[Crate, dict[str, Any]], licences: LicenceFile
) -> None:
    for crate, listed in licences.crates.items():
        (licence,) = components[crate]["licenses"]
        assert listed == (licence["expression"], platforms_of(components[crate])), crate


def test_every_licence_is_accepted(sbom: dict[str, Any], accepted: set[str]) -> None:
    for component in [sbom["metadata"]["component"], *sbom["components"]]:
        (licence,) = component["licenses"]
        assert is_satisfied(licence["expression"], accepted), component["bom-ref"]


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
def test_what_it_is_to_be_accepted(expression: str, satisfied: bool) -> None:
    assert is_satisfied(expression, {"MIT", "Apache-2.0 WITH LLVM-exception"}) == satisfied


def test_every_crate_has_the_texts_that_its_licence_asks_for(
    components: dict[Crate, dict[str, Any]], licences: LicenceFile
) -> None:
    for crate in licences.crates:
        (licence,) = components[crate]["licenses"]
        identifiers = licences.identifiers_of(crate)
        assert is_satisfied(licence["expression"], identifiers), (crate, identifiers)


def test_wheel_carries_both_as_they_are(wheel: Path, rust: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if "/sboms/" in name or "/licenses/" in name]
        sbom = archive.read(f"{DIST_INFO}/sboms/{SBOM}")
        licences = archive.read(f"{DIST_INFO}/licenses/rust/{LICENCES}")
    assert sorted(names) == [
        f"{DIST_INFO}/licenses/LICENSE",
        f"{DIST_INFO}/licenses/rust/PROTO-LICENSES.txt",
        f"{DIST_INFO}/licenses/rust/{LICENCES}",
        f"{DIST_INFO}/sboms/{SBOM}",
    ]
    assert sbom == (rust / SBOM).read_bytes()
    assert licences == (rust / LICENCES).read_bytes()


def test_wheels_licence_is_that_of_all_its_contents(
    wheel: Path, sbom: dict[str, Any], licences: LicenceFile
) -> None:
    with zipfile.ZipFile(wheel) as archive:
        metadata = email.message_from_bytes(archive.read(f"{DIST_INFO}/METADATA"))
    stated = metadata["License-Expression"].split(" AND ")
    ours = ["MIT"]
    texts = [identifier for identifier, _ in licences.texts]
    # Of the standard library's choice, MIT or Apache-2.0, both are among the others anyway.
    standard_library = ["MIT", "Apache-2.0 WITH LLVM-exception", "Unicode-3.0"]
    assert sorted(stated) == sorted({*ours, *texts, *standard_library})
    for component in sbom["components"]:
        (licence,) = component["licenses"]
        assert is_satisfied(licence["expression"], set(stated)), component["bom-ref"]
