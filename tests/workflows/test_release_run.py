"""Running the jobs of the release workflow: what they publish, also twice, and what stops them."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import tomli

from temporal_static_libs._library_set import ZIG_BINDINGS
from temporal_static_libs._targets import TARGETS
from tests.support.ci.github_stand_in import GitHub
from tests.support.ci.release_run import JOBS, StartRun, assert_nothing_is_published, jobs_without
from tests.support.ci.workflow_run import StepError
from tests.support.pip.release_files import alter_member, hashes_of
from tests.support.pip.uploading_index import UploadingIndex
from tools.release.matrix import make_matrix

if TYPE_CHECKING:
    from tests.workflows.conftest import ReleaseTree


def test_release_of_every_platform_is_published_and_can_be_installed(
    start: StartRun,
    built: Path,
    tree: ReleaseTree,
    loopback_index: UploadingIndex,
    github: GitHub,
    tmp_path: Path,
) -> None:
    run, publisher = start(built)
    jobs_without(run)
    assert run.ran == list(JOBS)
    assert json.loads(run.context["needs.plan.outputs.platforms"]) == make_matrix("push", {})

    assert hashes_of(loopback_index.directory) == hashes_of(built)

    (release,) = github.releases
    assert release["tag_name"] == f"temporal-libs-v{tree.version}"
    assert release["name"] == f"Temporal Static Libraries v{tree.version}"
    assert not release["draft"]
    assert github.tags == {release["tag_name"]: tree.commit}
    assert "no wheel for" not in release["body"]
    stems = [
        f"temporal-static-libs-{target.platform}{kind}-v{tree.version}"
        for target in TARGETS
        for kind in ("", "-shared", *(["-line-tables"] if target.object_format == "elf" else []))
    ]
    bundle = f"temporal-static-libs-v{tree.version}.artifactbundle"
    assert set(github.assets) == {
        *(f"{stem}.tar.gz" for stem in stems),
        *(f"{stem}.sha256" for stem in (*stems, bundle)),
        f"{bundle}.zip",
        f"temporal-static-libs-v{tree.version}.cdx.json",
        "build-history.json",
    }
    provenance, sbom = publisher.attested
    assert provenance == loopback_index.names() | set(github.assets)
    described = (".whl", ".tar.gz", ".artifactbundle.zip")
    assert sbom == {name for name in provenance if name.endswith(described)} - {
        name for name in loopback_index.names() if name.endswith(".tar.gz")
    }

    downloads = tmp_path / "downloads"
    downloads.mkdir()
    for name, content in github.assets.items():
        (downloads / name).write_bytes(content)
    for stem in (*stems, bundle):
        text = (downloads / f"{stem}.sha256").read_text()
        assert re.fullmatch(rf"[0-9a-f]{{64}}  {re.escape(stem)}\.(tar\.gz|zip)\n", text)
        subprocess.run(["sha256sum", "--check", f"{stem}.sha256"], cwd=downloads, check=True)
    assert text.split()[0] in release["body"]
    assert_tarball_is_a_set_of_archives(downloads, stems[0])

    # The last job is "published", whose condition WorkflowRun does not evaluate.
    run.workflow["jobs"]["published"].pop("if")
    run.job("published")


def assert_tarball_is_a_set_of_archives(directory: Path, stem: str) -> None:
    """Check its content. The job "try" has checked that it works as TEMPORAL_LIBS_DIR."""
    subprocess.run(["tar", "-xzf", f"{stem}.tar.gz"], cwd=directory, check=True)
    unpacked = directory / stem
    files = {str(file.relative_to(unpacked)) for file in unpacked.rglob("*") if file.is_file()}
    protos = {name for name in files if name.startswith("share/proto/")}
    names = ("LICENSES.txt", "temporal/sdk/core/core_interface.proto")
    assert {f"share/proto/{name}" for name in names} <= protos
    cmake, modules = "share/cmake/TemporalStaticLibs/TemporalStaticLibsConfig", "share/pkgconfig"
    assert files - protos == {
        "CMakeLists.txt",
        "README.md",
        "include/temporal-sdk-core-c-bridge.h",
        "include/temporal.hpp",
        "lib/checksums.sha256",
        "lib/libtemporal_client.a",
        "lib/libtemporal_sdk_core.a",
        "lib/manifest.json",
        f"{cmake}.cmake",
        f"{cmake}Version.cmake",
        "share/interface.json",
        "share/interface.schema.json",
        "share/licenses/LICENSE",
        "share/licenses/rust/PROTO-LICENSES.txt",
        "share/licenses/rust/THIRD-PARTY-LICENSES.txt",
        "share/manifest.schema.json",
        *(f"{modules}/temporal-{name}.pc" for name in ("client", "client-static")),
        *(f"{modules}/temporal-{name}.pc" for name in ("sdk-core", "sdk-core-static")),
        "share/sbom/temporal-static-libs.cdx.json",
        "share/worker-server.schema.json",
        "share/worker-state.schema.json",
        *(f"share/zig/bindings-{zig}.zig" for zig in ZIG_BINDINGS),
    }
    subprocess.run(["sha256sum", "--check", "checksums.sha256"], cwd=unpacked / "lib", check=True)


def test_second_run_of_a_release_changes_nothing(
    start: StartRun, small: Path, loopback_index: UploadingIndex, github: GitHub
) -> None:
    first, _ = start(small)
    jobs_without(first, "try")
    changes = github.changes()
    uploaded = hashes_of(loopback_index.directory)

    second, _ = start(small)
    jobs_without(second, "try")
    assert "pypi" not in second.ran
    assert "github-release" in second.ran
    assert github.changes() == changes
    assert hashes_of(loopback_index.directory) == uploaded


def test_second_run_uploads_what_the_first_did_not(
    start: StartRun, small: Path, loopback_index: UploadingIndex, github: GitHub
) -> None:
    first, _ = start(small)
    jobs_without(first, "try")
    absent = sorted(loopback_index.directory.iterdir())[0]
    absent.unlink()

    second, _ = start(small)
    jobs_without(second, "try")
    assert "pypi" in second.ran
    assert [file.name for file in second.artifacts.content("pypi").iterdir()] == [absent.name]
    assert hashes_of(loopback_index.directory) == hashes_of(small)


def test_dry_run_does_everything_except_publish(
    start: StartRun,
    small: Path,
    tree: ReleaseTree,
    loopback_index: UploadingIndex,
    github: GitHub,
) -> None:
    run, publisher = start(small)
    run.context.update(
        {
            "github.event_name": "workflow_dispatch",
            "github.ref": "refs/heads/somewhere",
            "inputs.version": tree.version,
            "inputs.dry-run": "true",
        }
    )
    for job in ("plan", "assemble"):
        run.job(job)
    assert run.context["needs.assemble.outputs.pending"] == "true"
    assert run.holds(run.workflow["jobs"]["try"]["if"])
    for job in ("attest", "github-release"):
        assert not run.job(job)
    # Jobs that need a skipped job are skipped.
    assert "github-release" in run.workflow["jobs"]["pypi"]["needs"]
    assert publisher.attested == []
    assert_nothing_is_published(loopback_index, github)


def test_push_to_main_checks_the_set_without_a_review(
    start: StartRun, small: Path, loopback_index: UploadingIndex, github: GitHub
) -> None:
    run, _ = start(small)
    run.context["github.ref"] = "refs/heads/main"
    run.environ["RELEASE_INDEX_URL"] = "http://127.0.0.1:1/"
    jobs_without(run, "pypi")
    assert run.ran == ["plan", "assemble"]
    assert run.context["needs.assemble.outputs.pending"] == ""
    assert_nothing_is_published(loopback_index, github)


def replace(file: Path, old: str, new: str) -> None:
    """Replace text in a file."""
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def another_core(root: Path) -> None:
    lock = tomli.loads((root / "rust" / "Cargo.lock").read_text())
    (core,) = [one for one in lock["package"] if one["name"] == "temporalio-sdk-core"]
    name = 'name = "temporalio-sdk-core"\nversion = '
    replace(root / "rust" / "Cargo.lock", f'{name}"{core["version"]}"', f'{name}"0.0.9"')


def no_entry(root: Path) -> None:
    (root / "CHANGELOG.md").write_text("# Changelog\n\n## [Unreleased]\n")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(
            another_core, "in rust/Cargo.lock has 0.0.9", id="other version in Cargo.lock"
        ),
        pytest.param(no_entry, "CHANGELOG.md has no entry for", id="no changelog entry"),
    ],
)
def test_unreleasable_tree_stops_before_anything_is_built(
    start: StartRun,
    small: Path,
    change: Callable[[Path], None],
    message: str,
    loopback_index: UploadingIndex,
    github: GitHub,
) -> None:
    run, _ = start(small)
    change(run.tree)
    with pytest.raises(StepError, match=message):
        run.job("plan")
    workflow = run.workflow["jobs"]
    assert all("plan" in workflow[job]["needs"] for job in ("wheel", "sdist"))
    assert_nothing_is_published(loopback_index, github)


def test_missing_platform_stops_the_release(
    start: StartRun, dist: Path, loopback_index: UploadingIndex, github: GitHub
) -> None:
    (wheel,) = dist.glob("*macosx_11_0_arm64.whl")
    wheel.unlink()
    run, _ = start(dist)
    with pytest.raises(StepError, match="has no wheel for macos-arm64, which every release"):
        jobs_without(run)
    assert run.ran == ["plan", "assemble"]
    assert_nothing_is_published(loopback_index, github)


def test_tampered_wheel_stops_the_release(
    start: StartRun, dist: Path, loopback_index: UploadingIndex, github: GitHub
) -> None:
    (wheel,) = dist.glob("*aarch64.whl")
    alter_member(wheel, "temporal_static_libs/lib/libtemporal_client.a")
    run, _ = start(dist)
    with pytest.raises(StepError, match=r"it differs from its RECORD: .*libtemporal_client\.a"):
        jobs_without(run)
    assert_nothing_is_published(loopback_index, github)


def test_different_file_of_the_same_name_on_the_index_stops_the_release(
    start: StartRun, dist: Path, wheel: Path, loopback_index: UploadingIndex, github: GitHub
) -> None:
    (sdist,) = dist.glob("*.tar.gz")
    (loopback_index.directory / sdist.name).write_bytes(sdist.read_bytes() + b"\0")
    run, _ = start(dist)
    with pytest.raises(StepError, match=rf"has another {re.escape(sdist.name)}: its SHA-256 is"):
        jobs_without(run)
    assert run.ran == ["plan", "assemble"]
    assert github.changes() == []
