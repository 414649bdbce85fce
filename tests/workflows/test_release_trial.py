"""Trying a release on other machines, and what stops the trial."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from temporal_static_libs._targets import TARGETS, Target
from tests.support.ci.skips import require_program
from tests.support.pip.release_files import make_wheel, release_wheel
from tests.support.pip.uploading_index import UploadingIndex
from tools import ROOT, ToolError
from tools.release.artifact_bundle import make_artifact_bundle
from tools.release.bundle import Bundle, Facts
from tools.release.index import wait_until_published
from tools.release.install_check import check_install, install_command
from tools.release.matrix import make_swift_matrix
from tools.release.swift_check import check_with_swift

MUSL = [target for target in TARGETS if target.floor_name == "musl"]


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    """A release with invalid wheels, and without one for macos-x64."""
    made = Bundle(tmp_path / "bundle")
    made.assets.mkdir(parents=True)
    made.dist.mkdir()
    made.requirements.write_text(f"temporal-static-libs==1.0.0 --hash=sha256:{'0' * 64}\n")
    made.record(Facts("1.0.0", "c" * 40, ["macos-x64"]))
    return made


def test_platform_without_a_wheel_is_skipped(bundle: Bundle) -> None:
    assert not check_install("macos-x64", bundle, None)


def test_uninstallable_wheel_stops_the_trial(bundle: Bundle) -> None:
    with pytest.raises(ToolError, match="the trial on linux-x64 failed"):
        check_install("linux-x64", bundle, None)


@pytest.mark.parametrize("target", MUSL, ids=lambda target: target.platform)
def test_musl_is_tried_in_the_image_that_the_wheel_was_built_in(
    bundle: Bundle, target: Target
) -> None:
    if importlib.util.find_spec("cibuildwheel") is None:
        pytest.skip("cibuildwheel is not installed")
    command = install_command(target, bundle, None)
    python = command.index("/opt/python/cp311-cp311/bin/python")
    assert command[:3] == ["docker", "run", "--rm"]
    name, _, digest = command[python - 1].partition("@sha256:")
    assert name.endswith(f"/musllinux_1_2_{target.machine}")
    assert len(digest) == 64
    # Its arguments are below the volumes, which are read-only.
    volumes = [word.split(":") for word in command[:python] if word.endswith(":ro")]
    places = {place: source for source, place, _ in volumes}
    assert places == {"/project": str(ROOT), "/release": str(bundle.root)}
    script = command[python + 1]
    assert Path(script.replace("/project", str(ROOT))).is_file()
    for kind in ("", "-shared"):
        asset = f"temporal-static-libs-{target.platform}{kind}-v1.0.0.tar.gz"
        assert f"/release/assets/{asset}" in command


def test_index_that_does_not_list_the_release_stops_the_trial(
    bundle: Bundle, loopback_index: UploadingIndex
) -> None:
    (bundle.dist / "temporal_static_libs-1.0.0.tar.gz").touch()
    with pytest.raises(ToolError, match=r"does not list temporal_static_libs-1\.0\.0\.tar\.gz"):
        wait_until_published(loopback_index.index_url, "1.0.0", bundle.dist, seconds=0)


def test_additional_file_of_the_version_on_the_index_stops_the_trial(
    bundle: Bundle, loopback_index: UploadingIndex
) -> None:
    (loopback_index.directory / "temporal_static_libs-1.0.0.tar.gz").touch()
    (loopback_index.directory / "temporal_static_libs-0.9.0.tar.gz").touch()
    message = r"has files .* not in this release: temporal_static_libs-1\.0\.0\.tar\.gz; "
    with pytest.raises(ToolError, match=message):
        wait_until_published(loopback_index.index_url, "1.0.0", bundle.dist, seconds=0)


def test_index_that_does_not_answer(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with pytest.raises(ToolError, match=r"no response from http://127\.0\.0\.1:1/: "):
        wait_until_published("http://127.0.0.1:1/", "1.0.0", bundle.dist, seconds=0)


def test_artifact_bundle_needs_swift(
    bundle: Bundle, tmp_path: Path, wheel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    macos = release_wheel(make_wheel(wheel, TARGETS[2], "c" * 40, tmp_path))
    make_artifact_bundle([macos], bundle.assets)
    bundle.record(Facts(macos.manifest.version, "c" * 40, []))
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    with pytest.raises(ToolError, match="swift does not run: No such file"):
        check_with_swift(bundle)


def test_swift_builds_with_this_platforms_artifact_bundle(bundle: Bundle, wheel: Path) -> None:
    require_program("swift")
    make_artifact_bundle([release_wheel(wheel)], bundle.assets)
    bundle.record(Facts(release_wheel(wheel).manifest.version, "c" * 40, []))
    check_with_swift(bundle)


def test_swift_is_tried_on_one_platform_of_each_system() -> None:
    rows = make_swift_matrix()
    assert [row["platform"] for row in rows] == ["linux-x64", "macos-arm64"]
    assert {row["platform"] for row in rows} <= {target.platform for target in TARGETS}


def test_swift_is_tried_on_runners_whose_version_reads_the_bundle() -> None:
    """Xcode 26 is the first with Swift 6.2; the default of macos-15 is 16.4, with 6.1."""
    (runner,) = [row["runner"] for row in make_swift_matrix() if row["platform"] == "macos-arm64"]
    assert int(runner.removeprefix("macos-")) >= 26
