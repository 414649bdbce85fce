"""From what the build jobs made to all that is published."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from temporal_static_libs._checksums import sha256_of
from tools.release import ReleaseError
from tools.release.bundle import Bundle, Facts
from tools.release.changelog import changelog_entry
from tools.release.distributions import Origin
from tools.release.exact_set import check_distributions, read_sbom
from tools.release.names import sbom_of
from tools.release.notes import release_notes
from tools.release.requirements import requirement_of
from tools.release.tarballs import make_tarball
from tools.release.versions import check_versions


def assemble(
    root: Path, distributions: Path, extra: Path, output: Path, commit: str, release: bool
) -> tuple[Bundle, str]:
    """Check the distributions, make of them what else is published, and seal it.

    Args:
        root: of the source tree.
        distributions: the directory of wheels and source distribution.
        extra: a directory of more assets for the GitHub release; it need not be there.
        output: the bundle's directory, which is made.
        commit: that everything must be made from.
        release: whether this is a release or its rehearsal; else the changelog need not have an
            entry for it.

    Returns:
        The bundle, and its seal.

    Raises:
        ReleaseError: something does not hold; there is no bundle then that `Bundle.check` accepts.
    """
    version = check_versions(root)
    origin = Origin(version, commit, sha256_of(root / "rust" / "Cargo.lock"))
    checked = check_distributions(distributions, origin)
    bundle = Bundle(output)
    try:
        bundle.assets.mkdir(parents=True)
        bundle.dist.mkdir()
    except FileExistsError:
        raise ReleaseError(f"{output} is there already: remove it, or name another") from None
    for file in checked.files:
        shutil.copyfile(file, bundle.dist / file.name)
    for wheel in checked.wheels:
        make_tarball(wheel, bundle.assets)
    (bundle.assets / sbom_of(version)).write_bytes(_sbom(read_sbom(checked.wheels[0])))
    for file in sorted(extra.iterdir()) if extra.is_dir() else []:
        if not file.is_file() or (bundle.assets / file.name).exists():
            raise ReleaseError(f"{file} cannot be an asset: it is no file, or its name is taken")
        shutil.copyfile(file, bundle.assets / file.name)
    changelog = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    entry = changelog_entry(changelog, version) if release else "Not a release."
    bundle.notes.write_text(release_notes(entry, checked, version), encoding="utf-8")
    bundle.requirements.write_text(requirement_of(checked, version), encoding="utf-8")
    platforms = tuple(wheel.target.platform for wheel in checked.wheels)
    seal = bundle.seal(Facts(version, commit, platforms, tuple(checked.missing)))
    return bundle, seal


def _sbom(content: bytes) -> bytes:
    try:
        kind = json.loads(content).get("bomFormat")
    except ValueError:
        kind = None
    if kind != "CycloneDX":
        raise ReleaseError("the SBOM in the wheels is not CycloneDX in JSON")
    return content
