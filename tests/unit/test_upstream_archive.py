"""Reading the archive of a source distribution."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from tests.support.pip.upstream_sdist import CORE, HEADER, PLACE, bridge, make_upstream_sdist
from tools.interface.archive import Bridge, read_bridge
from tools.interface.errors import CannotCompareError

THEIRS = "void temporal_core_client_free(void);\n"
PACKAGE = '[package]\nname = "temporalio-sdk-core"\n'


@pytest.mark.parametrize(
    ("manifests", "core"),
    [
        pytest.param({CORE: f'{PACKAGE}version = "0.9.0"\n'}, "0.9.0", id="own"),
        pytest.param(
            {
                CORE: f"{PACKAGE}version.workspace = true\n",
                "temporalio/bridge/sdk-core/Cargo.toml": '[workspace.package]\nversion = "0.8.0"\n',
                "temporalio/bridge/Cargo.toml": '[workspace.package]\nversion = "7.0.0"\n',
            },
            "0.8.0",
            id="of-the-workspace",
        ),
        pytest.param(
            {
                "temporalio/broken/Cargo.toml": "[package",
                "temporalio/bridge/sdk-core/core/Cargo.toml": (
                    '[package]\nname = "temporal-sdk-core"\nversion = "0.1.0"\n'
                ),
            },
            "0.1.0",
            id="older-place-and-name",
        ),
        pytest.param({CORE: f"{PACKAGE}version.workspace = true\n"}, None, id="no-workspace"),
        pytest.param({}, None, id="no-manifest"),
    ],
)
def test_core_version_comes_from_its_manifest(
    tmp_path: Path, manifests: dict[str, str], core: str | None
) -> None:
    place = f"elsewhere/{HEADER}"
    archive = make_upstream_sdist(tmp_path, "1.34.0", {place: THEIRS, **manifests})
    assert read_bridge(archive) == Bridge(THEIRS, f"temporalio-1.34.0/{place}", core)


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        pytest.param({}, f"must have exactly one {HEADER}, but has none", id="none"),
        pytest.param(
            {PLACE: THEIRS, f"old/{HEADER}": THEIRS},
            f"several: temporalio-1.34.0/old/{HEADER}, temporalio-1.34.0/{PLACE}",
            id="several",
        ),
        pytest.param({PLACE: "/" * 2_000_001}, "2000001 bytes, the limit is 2000000", id="large"),
    ],
)
def test_unsuitable_archive_is_refused(tmp_path: Path, files: dict[str, str], problem: str) -> None:
    archive = make_upstream_sdist(tmp_path, "1.34.0", files)
    with pytest.raises(CannotCompareError) as raised:
        read_bridge(archive)
    assert str(raised.value).startswith("temporalio-1.34.0.tar.gz ")
    assert problem in str(raised.value)
    assert "\n  fix: " in str(raised.value)


@pytest.mark.parametrize("cut", [0, 40, -20], ids=["empty", "within", "end"])
def test_truncated_archive_is_refused(tmp_path: Path, cut: int) -> None:
    archive = make_upstream_sdist(tmp_path, "1.34.0", bridge(THEIRS))
    archive.write_bytes(archive.read_bytes()[:cut])
    with pytest.raises(CannotCompareError, match=r"^temporalio-1\.34\.0\.tar\.gz "):
        read_bridge(archive)


def test_decompression_bomb_is_refused(tmp_path: Path) -> None:
    """Files that are not read count too."""
    archive = tmp_path / "temporalio-1.34.0.tar.gz"
    with tarfile.open(archive, "w:gz", compresslevel=1) as tar:
        member = tarfile.TarInfo("temporalio-1.34.0/zeros")
        member.size = 200_000_001
        tar.addfile(member, _Zeros())
    with pytest.raises(CannotCompareError, match="more than 200000000 bytes uncompressed"):
        read_bridge(archive)


class _Zeros(io.BytesIO):
    def read(self, size: int | None = -1) -> bytes:
        return bytes(size or 0)


def test_link_is_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret.h"
    secret.write_text(THEIRS)
    archive = tmp_path / "temporalio-1.34.0.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        member = tarfile.TarInfo(f"temporalio-1.34.0/{PLACE}")
        member.type, member.linkname = tarfile.SYMTYPE, str(secret)
        tar.addfile(member)
    with pytest.raises(CannotCompareError, match="but has none"):
        read_bridge(archive)
