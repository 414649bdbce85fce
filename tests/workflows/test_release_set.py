"""The exact set of wheels and source distribution, and the requirements for each."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.harness.sdist_build import build_sdist
from temporal_static_libs._checksums import format_checksums, sha256_of
from temporal_static_libs._targets import TARGETS
from tests.support.ci.git_tree import git
from tests.support.pip.release_files import LIB, Content, make_line_tables, make_sdist, make_wheel
from tests.support.shared.release import make_shared_libraries
from tools import ToolError
from tools.release.assemble import assemble
from tools.release.bundle import Bundle
from tools.release.contents import Source, check_sdist
from tools.release.distributions import check_distributions
from tools.release.tarballs import make_tarball
from tools.release.versions import project_version

if TYPE_CHECKING:
    from tests.workflows.conftest import ReleaseTree

LINUX_X64 = TARGETS[0]


@pytest.fixture
def source(pristine_tree: ReleaseTree) -> Source:
    """The source from which everything must be built."""
    lock = sha256_of(pristine_tree.root / "rust" / "Cargo.lock")
    return Source(pristine_tree.version, pristine_tree.commit, lock)


def refusal(dist: Path, source: Source) -> str:
    """The reason why a directory is not the exact set."""
    with pytest.raises(ToolError) as caught:
        check_distributions(dist, source)
    return str(caught.value)


def wheel_of(dist: Path, tag: str) -> Path:
    """The wheel with a tag."""
    (found,) = dist.glob(f"*{tag}*.whl")
    return found


def test_required_platforms_suffice_and_missing_ones_are_reported(
    dist: Path, source: Source
) -> None:
    found = check_distributions(dist, source)
    assert [one.target.platform for one in found.wheels] == [
        "linux-x64",
        "linux-arm64",
        "macos-arm64",
    ]
    others = ["linux-x64-musl", "linux-arm64-musl", "macos-x64", "windows-x64-gnu"]
    assert found.missing == others
    assert {file.name for file in found.files} == {file.name for file in dist.iterdir()}


@pytest.mark.parametrize("tag", ["manylinux_2_17_x86_64", "manylinux_2_17_aarch64", "macosx_11_0"])
def test_missing_required_platform_is_refused(dist: Path, source: Source, tag: str) -> None:
    wheel_of(dist, tag).unlink()
    assert "has no wheel for " in refusal(dist, source)


def test_optional_wheel_is_checked_too(dist: Path, source: Source, wheel: Path) -> None:
    (musl,) = [target for target in TARGETS if target.platform == "linux-x64-musl"]
    made = make_wheel(wheel, musl, "f" * 40, dist)
    assert refusal(dist, source).startswith(f"{made.name}: its commit: '{'f' * 40}', not '")


def test_wheel_for_windows_is_checked_in_the_directory_of_its_toolchain(
    dist: Path, source: Source, wheel: Path, tmp_path: Path
) -> None:
    (windows,) = [target for target in TARGETS if target.platform == "windows-x64-gnu"]
    archive = "temporal_static_libs/lib/windows-x64-gnu/libtemporal_client.a"

    def other(files: Content) -> None:
        files[archive] += b"\n"

    make_wheel(wheel, windows, source.commit, dist)
    (made,) = (it for it in check_distributions(dist, source).wheels if it.target == windows)
    make_tarball(made, tmp_path)
    (tarball,) = tmp_path.glob("*windows-x64-gnu*.tar.gz")
    with tarfile.open(tarball) as packed:
        names = {name.partition("/")[2] for name in packed.getnames()}
    assert {"lib/libtemporal_client.a", "lib/manifest.json", "lib/checksums.sha256"} <= names
    make_wheel(wheel, windows, source.commit, dist, change=other)
    assert "its libtemporal_client.a, size and SHA-256: " in refusal(dist, source)


def change_manifest(**values: object) -> Callable[[Content], None]:
    """Make a function that changes a wheel's manifest."""

    def change(files: Content) -> None:
        manifest: dict[str, Any] = json.loads(files[f"{LIB}/manifest.json"])
        manifest.update(values)
        files[f"{LIB}/manifest.json"] = json.dumps(manifest).encode()

    return change


def other_archive(files: Content) -> None:
    files[f"{LIB}/libtemporal_client.a"] += b"\n"


def other_checksums(files: Content) -> None:
    name = f"{LIB}/checksums.sha256"
    files[name] = files[name].replace(files[name][:4], b"0000")


def other_header(files: Content) -> None:
    files["temporal_static_libs/include/temporal-sdk-core-c-bridge.h"] += b"\n"


def no_sbom(files: Content) -> None:
    del files[next(name for name in files if name.endswith(".cdx.json"))]


def other_sbom(files: Content) -> None:
    files[next(name for name in files if name.endswith(".cdx.json"))] += b"\n"


def other_metadata(files: Content) -> None:
    name = next(name for name in files if name.endswith(".dist-info/METADATA"))
    files[name] = files[name].replace(b"\nVersion: ", b"\nVersion: 9", 1)


# Each with a matching RECORD, like the result of a faulty build.
@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(other_archive, "its libtemporal_client.a, size and SHA-256: ", id="archive"),
        pytest.param(other_checksums, "its checksums.sha256: ", id="checksums"),
        pytest.param(other_header, "its header: ", id="header"),
        pytest.param(no_sbom, "has 0 SBOMs, not one", id="no SBOM"),
        pytest.param(other_sbom, "not the same SBOM", id="SBOM"),
        pytest.param(other_metadata, "its version in METADATA: '9", id="METADATA"),
        pytest.param(
            change_manifest(version="0.0.9"), "its version in its manifest: ", id="version"
        ),
        pytest.param(change_manifest(cargo_lock_sha256="0" * 64), "its Cargo.lock: ", id="lock"),
        pytest.param(change_manifest(source_commit=None), "its commit: None, not", id="commit"),
        pytest.param(change_manifest(abi="0"), "not the same ABI id", id="ABI"),
        pytest.param(
            change_manifest(cargo={"profile": "quick", "features": None}),
            "its Cargo profile: 'quick', not 'release'",
            id="profile",
        ),
        pytest.param(change_manifest(libraries=[]), "its components: []", id="components"),
        pytest.param(
            change_manifest(target="x86_64-apple-darwin"), "its target: 'x86_64-apple", id="target"
        ),
    ],
)
def test_wrong_wheel_is_refused(
    dist: Path,
    source: Source,
    wheel: Path,
    change: Callable[[Content], None],
    message: str,
) -> None:
    make_wheel(wheel, LINUX_X64, source.commit, dist, change=change)
    assert message in refusal(dist, source)


def test_unrepaired_wheel_is_refused(dist: Path, source: Source) -> None:
    wheel = wheel_of(dist, "manylinux_2_17_x86_64")
    wheel.rename(dist / f"{wheel.name.split('-py3-')[0]}-py3-none-linux_x86_64.whl")
    assert "has tags that match no platform" in refusal(dist, source)


def test_two_wheels_for_a_platform_are_refused(dist: Path, source: Source) -> None:
    wheel = wheel_of(dist, "manylinux_2_17_x86_64")
    tags = wheel.stem.split("-")[-1]
    swapped = ".".join(reversed(tags.split(".")))
    shutil.copyfile(wheel, dist / wheel.name.replace(tags, swapped))
    assert "are both for linux-x64" in refusal(dist, source)


def test_unknown_file_is_refused(dist: Path, source: Source) -> None:
    (dist / "notes.txt").touch()
    assert "notes.txt is neither a wheel nor a source distribution" in refusal(dist, source)


def test_wheel_of_another_version_is_refused(dist: Path, source: Source) -> None:
    wheel = wheel_of(dist, "macosx")
    wheel.rename(dist / wheel.name.replace(f"-{source.version}-", "-0.0.9-"))
    assert "does not belong to temporal-static-libs" in refusal(dist, source)


def test_missing_source_distribution_is_refused(dist: Path, source: Source) -> None:
    next(dist.glob("*.tar.gz")).unlink()
    assert "has 0 source distributions, not one" in refusal(dist, source)


def test_source_distribution_of_another_commit_is_refused(
    dist: Path, source: Source, pristine_tree: ReleaseTree
) -> None:
    make_sdist(pristine_tree.root, pristine_tree.version, "f" * 40, dist)
    assert ".tar.gz: its commit: " in refusal(dist, source)


def test_truncated_source_distribution_is_refused(dist: Path, source: Source) -> None:
    (sdist,) = dist.glob("*.tar.gz")
    sdist.write_bytes(sdist.read_bytes()[:-100])
    assert f"{sdist.name}: it cannot be read: " in refusal(dist, source)


def test_newly_built_source_distribution_is_accepted(repo_root: Path, tmp_path: Path) -> None:
    if not (repo_root / ".git").exists():
        pytest.skip("the tree is not a git checkout")
    git(tmp_path, "clone", "--quiet", str(repo_root), "clone")
    clone = tmp_path / "clone"
    lock = sha256_of(clone / "rust" / "Cargo.lock")
    source = Source(project_version(clone), git(clone, "rev-parse", "HEAD"), lock)
    check_sdist(build_sdist(clone, tmp_path / "sdist"), source)


@pytest.fixture
def assembled(pristine_tree: ReleaseTree, small: Path, tmp_path: Path) -> tuple[Bundle, str]:
    """An assembled release."""
    made = make_line_tables(small, tmp_path / "line-tables")
    output, extra = tmp_path / "bundle", tmp_path / "no-extra"
    commit = pristine_tree.commit
    shared = make_shared_libraries(small, tmp_path / "shared")
    return assemble(pristine_tree.root, small, made, shared, extra, output, commit, release=True)


def test_notes_have_the_changelog_entry_and_the_missing_platforms(
    assembled: tuple[Bundle, str], pristine_tree: ReleaseTree
) -> None:
    notes = assembled[0].notes.read_text()
    changelog = (pristine_tree.root / "CHANGELOG.md").read_text()
    assert notes.splitlines()[0] in changelog
    missing = "linux-x64-musl, linux-arm64-musl, macos-x64, windows-x64-gnu"
    assert f"no wheel for {missing}: its build failed" in notes
    assert "| macos-arm64 | macos 11.0 | `temporal_static_libs-" in notes


def test_requirements_list_the_wheels_hashes(assembled: tuple[Bundle, str]) -> None:
    bundle = assembled[0]
    text = bundle.requirements.read_text()
    assert text.startswith(f"temporal-static-libs=={bundle.facts().version} \\\n")
    wheels = list(bundle.dist.glob("*.whl"))
    assert text.count("--hash=sha256:") == len(wheels) == 3
    assert all(sha256_of(wheel) in text for wheel in wheels)


def test_tarballs_depend_only_on_the_wheels(
    assembled: tuple[Bundle, str], pristine_tree: ReleaseTree, tmp_path: Path
) -> None:
    again, _ = assemble(
        pristine_tree.root,
        assembled[0].dist,
        tmp_path / "line-tables",
        tmp_path / "shared",
        tmp_path / "no-extra",
        tmp_path / "again",
        pristine_tree.commit,
        release=True,
    )
    for file in assembled[0].assets.iterdir():
        assert (again.assets / file.name).read_bytes() == file.read_bytes(), file.name
    (tarball,) = again.assets.glob("*linux-arm64-v*.tar.gz")
    listed = subprocess.check_output(["tar", "-tvzf", tarball], text=True)
    assert "-rw-r--r-- 0/0" in listed
    # gzip's time stamp, which is equal for two tarballs made in the same second.
    assert tarball.read_bytes()[4:8] == bytes(4)


def test_artifact_bundle_has_the_archives_of_the_wheels(assembled: tuple[Bundle, str]) -> None:
    (file,) = assembled[0].assets.glob("*.artifactbundle.zip")
    with zipfile.ZipFile(file) as packed:
        names = {name.partition("/")[2]: name for name in packed.namelist()}
        assert set(names.values()) == {f"{file.stem}/{name}" for name in names}
        info = json.loads(packed.read(names["info.json"]))
        (artifact,) = info["artifacts"].values()
        found = {
            variant["supportedTriples"][0]: packed.read(names[variant["path"]]).decode()
            for variant in artifact["variants"]
        }
        assert {"include/module.modulemap", "licenses/rust/THIRD-PARTY-LICENSES.txt"} <= set(names)
    assert found == {
        "x86_64-unknown-linux-gnu": "linux-x64 libtemporal_sdk_core.a",
        "aarch64-unknown-linux-gnu": "linux-arm64 libtemporal_sdk_core.a",
        "arm64-apple-macosx": "macos-arm64 libtemporal_sdk_core.a",
    }


def test_extra_asset_must_not_have_the_name_of_another(
    small: Path, pristine_tree: ReleaseTree, tmp_path: Path
) -> None:
    extra = tmp_path / "extra"
    extra.mkdir()
    (extra / f"temporal-static-libs-v{pristine_tree.version}.cdx.json").touch()
    with pytest.raises(ToolError, match="its name is taken"):
        assemble(
            pristine_tree.root,
            small,
            make_line_tables(small, tmp_path / "line-tables"),
            make_shared_libraries(small, tmp_path / "shared"),
            extra,
            tmp_path / "bundle",
            pristine_tree.commit,
            release=True,
        )


def test_tarball_with_line_tables_differs_only_in_archives_and_their_description(
    assembled: tuple[Bundle, str], tmp_path: Path
) -> None:
    contents = []
    for kind in ("", "-line-tables"):
        (tarball,) = assembled[0].assets.glob(f"*-linux-arm64{kind}-v*.tar.gz")
        place = tmp_path / f"unpacked{kind}"
        place.mkdir()
        subprocess.run(["tar", "-xzf", tarball, "--strip-components=1"], cwd=place, check=True)
        found = {str(file.relative_to(place)): file.read_bytes() for file in place.rglob("*.*")}
        contents.append(found)
        check = ["sha256sum", "--check", "--strict", "--quiet", "checksums.sha256"]
        subprocess.run(check, cwd=place / "lib", check=True)
        verified = subprocess.check_output(
            [sys.executable, "-m", "temporal_static_libs", "--verify"],
            cwd="/",
            env={**os.environ, "TEMPORAL_LIBS_DIR": str(place / "lib")},
            text=True,
        )
        assert verified.startswith("ok: libtemporal_")
    usual, second = contents
    assert usual.keys() == second.keys()
    names = ("checksums.sha256", "manifest.json", "libtemporal_client.a", "libtemporal_sdk_core.a")
    config = "share/cmake/TemporalStaticLibs/TemporalStaticLibsConfig.cmake"
    assert {name for name in usual if usual[name] != second[name]} == {
        *(f"lib/{name}" for name in names),
        config,
    }
    # The command verifies the archives of the tarball.
    hashes = [line.split()[0] for line in second["lib/checksums.sha256"].splitlines()]
    assert all(sha256 in second[config] for sha256 in hashes)


def of_another_build(directory: Path) -> None:
    manifest = json.loads((directory / "manifest.json").read_text())
    (directory / "manifest.json").write_text(json.dumps({**manifest, "source_commit": "f" * 40}))


def without_an_archive(directory: Path) -> None:
    (directory / "libtemporal_client.a").unlink()


def without_checksums(directory: Path) -> None:
    (directory / "checksums.sha256").unlink()


def with_other_checksums(directory: Path) -> None:
    file = directory / "checksums.sha256"
    file.write_text(file.read_text().replace("a", "b"))


def with_an_archive_replaced(directory: Path) -> None:
    manifest = json.loads((directory / "manifest.json").read_text())
    (directory / "manifest.json").write_text(json.dumps({**manifest, "libraries": []}))
    (directory / "checksums.sha256").write_text("")
    (directory / "libtemporal_client.a").write_bytes(b"another .debug_line")


def without_line_tables(directory: Path) -> None:
    manifest = json.loads((directory / "manifest.json").read_text())
    for library in manifest["libraries"]:
        file = directory / library["file"]
        file.write_bytes(file.read_bytes().removesuffix(b".debug_line"))
        library.update(size=file.stat().st_size, sha256=sha256_of(file))
    (directory / "manifest.json").write_text(json.dumps(manifest))
    recorded = {library["file"]: library["sha256"] for library in manifest["libraries"]}
    (directory / "checksums.sha256").write_text(format_checksums(recorded))


def not_there(directory: Path) -> None:
    shutil.rmtree(directory)


def refuse_to_assemble(
    tree: ReleaseTree, wheels: Path, tables: Path, shared: Path, scratch: Path, problem: str
) -> None:
    """Check that assembling the release fails with this message."""
    with pytest.raises(ToolError, match=problem):
        assemble(
            *(tree.root, wheels, tables, shared, scratch / "no-extra"),
            *(scratch / "bundle", tree.commit),
            release=True,
        )


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        pytest.param(of_another_build, "its build: ", id="other-build"),
        pytest.param(without_an_archive, "its files: ", id="no-archive"),
        pytest.param(without_checksums, "no archives with line tables", id="no-checksums"),
        pytest.param(with_other_checksums, "its checksums.sha256: ", id="other-checksums"),
        pytest.param(with_an_archive_replaced, "it lists no files", id="replaced"),
        pytest.param(without_line_tables, r"\.a has no line tables", id="no-line-tables"),
        pytest.param(not_there, "no archives with line tables", id="none"),
    ],
)
def test_line_tables_of_another_build_are_refused(
    small: Path,
    pristine_tree: ReleaseTree,
    tmp_path: Path,
    change: Callable[[Path], None],
    problem: str,
) -> None:
    made = make_line_tables(small, tmp_path / "line-tables")
    change(made / "line-tables-linux-arm64")
    shared = make_shared_libraries(small, tmp_path / "shared")
    refuse_to_assemble(pristine_tree, small, made, shared, tmp_path, problem)


def of_another_archive(directory: Path) -> None:
    file = directory / "shared-library.json"
    described = json.loads(file.read_text())
    described["archive"]["sha256"] = "0" * 64
    file.write_text(json.dumps(described))


def cut_short(directory: Path) -> None:
    (file,) = directory.glob("*.dylib")
    file.write_bytes(file.read_bytes()[:-1])


def with_another_file(directory: Path) -> None:
    (directory / "libother.dylib").touch()


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        pytest.param(of_another_archive, r"\.dylib: its description: ", id="other-archive"),
        pytest.param(cut_short, r"\.dylib: its description: ", id="cut-short"),
        pytest.param(with_another_file, "its files: ", id="one-too-many"),
        pytest.param(not_there, "macos-arm64: no shared library: ", id="none"),
    ],
)
def test_shared_library_of_another_build_is_refused(
    small: Path,
    pristine_tree: ReleaseTree,
    tmp_path: Path,
    change: Callable[[Path], None],
    problem: str,
) -> None:
    tables = make_line_tables(small, tmp_path / "line-tables")
    shared = make_shared_libraries(small, tmp_path / "shared")
    change(shared / "shared-macos-arm64")
    refuse_to_assemble(pristine_tree, small, tables, shared, tmp_path, problem)


def test_shared_library_is_in_an_asset_with_its_description(
    assembled: tuple[Bundle, str],
) -> None:
    (tarball,) = assembled[0].assets.glob("*-macos-arm64-shared-v*.tar.gz")
    names = subprocess.check_output(["tar", "-tzf", tarball], text=True).split()
    top = tarball.name.removesuffix(".tar.gz")
    assert set(names) == {
        f"{top}/{name}"
        for name in (
            "include/temporal-sdk-core-c-bridge.h",
            "include/temporal.hpp",
            "interface.json",
            "libtemporalio_sdk_core_c_bridge.dylib",
            "licenses/LICENSE",
            "licenses/rust/PROTO-LICENSES.txt",
            "licenses/rust/THIRD-PARTY-LICENSES.txt",
        )
    }


def altered(bundle: Bundle) -> None:
    bundle.notes.write_text("Download it from elsewhere.\n")


def added(bundle: Bundle) -> None:
    (bundle.assets / "more.tar.gz").touch()


def removed(bundle: Bundle) -> None:
    next(bundle.assets.iterdir()).unlink()


def recorded_again(bundle: Bundle) -> None:
    altered(bundle)
    bundle.record(bundle.facts())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(altered, r"notes\.md was altered", id="altered"),
        pytest.param(added, r"missing, or added: assets/more\.tar\.gz", id="added"),
        pytest.param(removed, "missing, or added: assets/", id="removed"),
        pytest.param(
            recorded_again,
            r"checksums\.sha256 is not the one made with the release",
            id="recorded-again",
        ),
    ],
)
def test_bundle_that_differs_from_its_record_is_refused(
    assembled: tuple[Bundle, str], change: Callable[[Bundle], None], message: str
) -> None:
    bundle, digest = assembled
    bundle.check(digest)
    change(bundle)
    with pytest.raises(ToolError, match=message):
        bundle.check(digest)
