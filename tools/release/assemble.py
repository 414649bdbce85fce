"""Assembling everything to publish from the results of the build jobs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from temporal_static_libs._checksums import sha256_of
from tools import ToolError
from tools.release.artifact_bundle import make_artifact_bundle
from tools.release.bundle import Bundle, Facts
from tools.release.contents import ReleaseWheel, Source
from tools.release.distributions import check_distributions
from tools.release.line_tables import read_line_tables
from tools.release.names import PROJECT
from tools.release.shared_library import make_shared_tarball, read_shared_library
from tools.release.tarballs import make_tarball
from tools.release.texts import changelog_entry, release_notes, requirements
from tools.release.versions import check_versions


def assemble(
    root: Path,
    distributions: Path,
    line_tables: Path,
    shared: Path,
    extra: Path,
    output: Path,
    commit: str,
    release: bool,
) -> tuple[Bundle, str]:
    """Check the distributions, and make everything else to publish from them.

    Args:
        root: the root of the source tree.
        distributions: the directory of the wheels and the source distribution.
        line_tables: a directory with ``line-tables-PLATFORM`` for each wheel for Linux: the wheel's
            archives with line tables.
        shared: a directory with ``shared-PLATFORM`` for each wheel: its shared library.
        extra: a directory of more assets for the GitHub release; it may be missing.
        output: the bundle's directory, which is created.
        commit: the commit that everything must be made from.
        release: whether this is a release or its rehearsal; otherwise, the changelog does not need
            an entry for it.

    Returns:
        The bundle, and the digest for `Bundle.check`. After an error, there is no bundle that it
        accepts.
    """
    version = check_versions(root)
    source = Source(version, commit, sha256_of(root / "rust" / "Cargo.lock"))
    checked = check_distributions(distributions, source)
    bundle = Bundle(output)
    try:
        bundle.assets.mkdir(parents=True)
        bundle.dist.mkdir()
    except FileExistsError:
        raise ToolError(f"{output} already exists: remove it, or name another") from None
    for file in checked.files:
        shutil.copyfile(file, bundle.dist / file.name)
    for wheel in checked.wheels:
        make_tarball(wheel, bundle.assets)
        if wheel.target.object_format == "elf":
            second = line_tables / f"line-tables-{wheel.target.platform}"
            make_tarball(wheel, bundle.assets, "-line-tables", read_line_tables(second, wheel))
        library = read_shared_library(shared / f"shared-{wheel.target.platform}", wheel)
        make_shared_tarball(library, wheel, bundle.assets)
    for_swift = make_artifact_bundle(checked.wheels, bundle.assets)
    (bundle.assets / f"{PROJECT}-v{version}.cdx.json").write_bytes(_sbom(checked.wheels[0]))
    for file in sorted(extra.iterdir()) if extra.is_dir() else []:
        if not file.is_file() or (bundle.assets / file.name).exists():
            raise ToolError(f"{file} cannot be an asset: it is not a file, or its name is taken")
        shutil.copyfile(file, bundle.assets / file.name)
    changelog = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    entry = changelog_entry(changelog, version) if release else "Not a release."
    notes = release_notes(entry, checked, version, for_swift)
    bundle.notes.write_text(notes, encoding="utf-8")
    bundle.requirements.write_text(requirements(checked, version), encoding="utf-8")
    return bundle, bundle.record(Facts(version, commit, checked.missing))


def _sbom(wheel: ReleaseWheel) -> bytes:
    content = wheel.read_sbom()
    try:
        kind = json.loads(content).get("bomFormat")
    except ValueError:
        kind = None
    if kind != "CycloneDX":
        raise ToolError("the SBOM in the wheels is not CycloneDX in JSON")
    return content
