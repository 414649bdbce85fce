"""Where the second set of archives may go, which is checked before anything is compiled."""

from __future__ import annotations

from pathlib import Path

import pytest

from temporal_static_libs._build.staging import check_line_tables
from temporal_static_libs._errors import SettingError

SET = ("checksums.sha256", "manifest.json", "libtemporal_client.a", "libtemporal_sdk_core.a")


def test_missing_directory_is_not_created(tmp_path: Path) -> None:
    check_line_tables(tmp_path / "a" / "line-tables")
    assert list((tmp_path / "a").iterdir()) == []


def test_earlier_set_may_be_replaced(tmp_path: Path) -> None:
    for name in SET:
        (tmp_path / name).touch()
    check_line_tables(tmp_path)
    assert {file.name for file in tmp_path.iterdir()} == set(SET)


@pytest.mark.parametrize("name", ["letter.txt", "manifest.json"])
def test_directory_with_other_files_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(SettingError, match=f"also contains {name}. A build replaces"):
        check_line_tables(tmp_path)


@pytest.mark.parametrize("kind", ["file", "dangling", "proc"])
def test_unusable_path_is_refused(tmp_path: Path, kind: str) -> None:
    place = tmp_path / "place"
    if kind == "file":
        place.touch()
    elif kind == "dangling":
        place.symlink_to(tmp_path / "nowhere")
    else:
        place = Path("/proc/nowhere/place")
    with pytest.raises(SettingError, match=f"{place} cannot be used: "):
        check_line_tables(place)
