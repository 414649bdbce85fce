"""Compares the installed header with that of Temporal's Python package from the index."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.abi.capi import header_path
from tools.interface.errors import NoIndexError
from tools.interface.upstream import compare

#: The version whose header the interface table was made from.
VERSION = "1.34.0"


def test_program_compiled_against_temporals_header_works(
    repo_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # With this machine's pip settings, except for the timeout.
    monkeypatch.setenv("PIP_DEFAULT_TIMEOUT", "15")
    try:
        comparison = compare(header_path(), VERSION)
    except NoIndexError as error:
        pytest.skip(f"no package index: {error}")
    table = (repo_root / "tests" / "abi" / "c_abi.tsv").read_text(encoding="utf-8")
    assert comparison.facts == len(table.splitlines())
    assert not comparison.breaks
    assert comparison.changes == []
    assert (comparison.distribution.version, comparison.bridge.core) == (VERSION, "0.9.0")
