"""The comparison with Temporal's C interface, with real pip settings and archives, offline."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import tools.interface.__main__ as command
from benchmarks.harness.loopback_certificate import loopback_certificate
from tests.support.peers.loopback import unused_address
from tests.support.peers.page_server import Page, serving
from tests.support.pip.upstream_sdist import (
    HEADER,
    PLACE,
    bridge,
    make_upstream_sdist,
    use_directory,
    use_settings,
)
from tests.support.programs.paths import without_programs

THEIRS = """\
#pragma once
#include <stdint.h>
typedef struct TemporalCoreClient TemporalCoreClient;
typedef enum TemporalCoreKind {
  TemporalCoreKind_One = 1,
} TemporalCoreKind;
typedef struct TemporalCoreOptions {
  int32_t size;
  int32_t more;
} TemporalCoreOptions;
void temporal_core_client_free(TemporalCoreClient *client);
"""
WORKS = "A program compiled against Temporal's header works with these libraries."
BREAKS = "A program compiled against Temporal's header can break with these libraries."
LACKING = "Temporal's header has, and this one lacks:"
DIFFERING = "They differ in:"
ONLY_HERE = "Only this header has:"

Compare = Callable[..., tuple[int, str, str]]


@pytest.fixture
def links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only directory from which pip gets distributions. It is empty at first."""
    directory = tmp_path / "links"
    directory.mkdir()
    use_directory(monkeypatch, directory)
    return directory


@pytest.fixture
def compare(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Compare:
    """A function that runs the command for a header: returns exit status, output and errors."""

    def run(ours: str = THEIRS, *arguments: str) -> tuple[int, str, str]:
        header = tmp_path / "ours.h"
        header.write_text(ours, encoding="utf-8")
        status = command.main(["upstream", "--header", str(header), *arguments])
        return status, *capsys.readouterr()

    return run


def sections_of(report: str) -> dict[str, list[str]]:
    """The lists of a report, by title."""
    blocks = [block.splitlines() for block in report.split("\n\n")]
    return {title: items for title, *items in blocks if title.endswith(":")}


def edited(old: str, new: str) -> str:
    """The header with one place replaced."""
    assert THEIRS.count(old) == 1
    return THEIRS.replace(old, new)


def test_same_interface(links: Path, compare: Compare) -> None:
    make_upstream_sdist(links, "1.34.0", bridge(THEIRS))
    assert compare() == (
        0,
        "temporalio 1.34.0, the newest version\n"
        "core: temporalio-sdk-core 0.9.0\n"
        f"header: temporalio-1.34.0/{PLACE}, 6 facts\n"
        f"\n{WORKS}\n",
        "",
    )


@pytest.mark.parametrize(
    ("ours", "sections"),
    [
        pytest.param(
            edited("void temporal_core_client_free(TemporalCoreClient *client);\n", ""),
            {LACKING: ["- function temporal_core_client_free"]},
            id="lacking",
        ),
        pytest.param(
            edited("  int32_t size;\n  int32_t more;\n", "  int32_t size;\n"),
            {
                LACKING: ["- field more of struct TemporalCoreOptions"],
                DIFFERING: ["- struct TemporalCoreOptions, size: there size 8; here size 4"],
            },
            id="field-at-the-end-lacking",
        ),
        pytest.param(
            edited("_One = 1", "_One = 2"),
            {
                DIFFERING: [
                    "- constant TemporalCoreKind_One of enum TemporalCoreKind, value: "
                    "there 1; here 2"
                ]
            },
            id="differing",
        ),
        pytest.param(
            edited("  int32_t more;\n", "  union { int32_t more; };\n"),
            {ONLY_HERE: ["- shape of struct TemporalCoreOptions"]},
            id="shape",
        ),
    ],
)
def test_interface_that_breaks_a_program(
    links: Path, compare: Compare, ours: str, sections: dict[str, list[str]]
) -> None:
    make_upstream_sdist(links, "1.34.0", bridge(THEIRS))
    status, report, errors = compare(ours)
    assert (status, errors) == (1, "")
    assert sections_of(report) == sections
    assert report.endswith(f"\n\n{BREAKS}\n")


def test_additions_break_nothing_and_this_projects_own_are_expected(
    links: Path, compare: Compare
) -> None:
    make_upstream_sdist(links, "1.34.0", bridge(THEIRS))
    ours = (
        f"{THEIRS}void temporal_core_more(void);\n"
        "typedef struct TemporalStaticLibsStart { int32_t x; } TemporalStaticLibsStart;\n"
        "const char *temporal_static_libs_version(void);\n"
    )
    status, report, _ = compare(ours)
    assert status == 0
    assert sections_of(report) == {ONLY_HERE: ["- function temporal_core_more"]}


class TestWhichVersion:
    """Compare with the newest version, or with the requested one."""

    def test_requested_version_is_used(self, links: Path, compare: Compare) -> None:
        make_upstream_sdist(links, "1.34.0", bridge(THEIRS))
        make_upstream_sdist(links, "1.35.0", bridge(f"{THEIRS}void temporal_core_more(void);\n"))
        make_upstream_sdist(links, "1.36.0rc1", bridge("not looked at"))
        assert compare()[0] == 1
        status, report, _ = compare(THEIRS, "1.34")
        assert (status, report.splitlines()[0]) == (0, "temporalio 1.34.0, not the newest version")

    def test_newest_may_be_for_another_python_but_not_yanked(
        self, links: Path, tmp_path: Path, compare: Compare
    ) -> None:
        page = ""
        for version, attribute in (
            ("1.34.0", ""),
            ("1.35.0", 'data-requires-python="&gt;=3.99"'),
            ("1.36.0", 'data-yanked="broken"'),
        ):
            file = make_upstream_sdist(tmp_path / "files", version, bridge(THEIRS))
            page += f'<a href="{file.as_uri()}" {attribute}>{file.name}</a>\n'
        (links / "page.html").write_text(page)
        assert compare()[1].startswith("temporalio 1.35.0, the newest version\n")
        assert compare(THEIRS, "1.36.0")[1].startswith(
            "temporalio 1.36.0, not the newest version\n"
        )

    def test_newest_version_without_a_source_distribution_is_an_error(
        self, links: Path, compare: Compare
    ) -> None:
        make_upstream_sdist(links, "1.34.0", bridge(THEIRS))
        (links / "temporalio-1.35.0-cp310-abi3-win_amd64.whl").touch()
        status, report, errors = compare()
        assert (status, report) == (2, "")
        assert errors.startswith(
            "could not compare: temporalio 1.35.0 has no source distribution\n  fix: "
        )

    def test_nonexistent_version_is_an_error(self, links: Path, compare: Compare) -> None:
        make_upstream_sdist(links, "1.34.0", bridge(THEIRS))
        status, report, errors = compare(THEIRS, "1.35.0")
        assert (status, report) == (2, "")
        assert "there is no temporalio 1.35.0; the newest version is 1.34.0\n  fix: " in errors

    def test_invalid_version_is_refused(self, links: Path, compare: Compare) -> None:
        status, _, errors = compare(THEIRS, "latest")
        assert status == 2
        assert "could not compare: 'latest' is not a version\n  fix: " in errors


class TestWhatCannotBeCompared:
    """Cases with exit status 2."""

    @pytest.mark.parametrize(
        ("files", "problem"),
        [
            pytest.param(
                {"README.md": "hello"}, f"must have exactly one {HEADER}, but has none", id="none"
            ),
            pytest.param({PLACE: "int f(;\n"}, f"{HEADER} cannot be read: ", id="no-c"),
        ],
    )
    def test_distribution(
        self, links: Path, compare: Compare, files: dict[str, str], problem: str
    ) -> None:
        make_upstream_sdist(links, "1.34.0", files)
        status, report, errors = compare()
        assert (status, report) == (2, "")
        assert errors.startswith("could not compare: temporalio-1.34.0")
        assert problem in errors
        assert "\n  fix: " in errors

    def test_machine_without_a_compiler(
        self, links: Path, compare: Compare, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        make_upstream_sdist(links, "1.34.0", bridge(THEIRS))
        monkeypatch.setenv("PATH", without_programs(os.environ, ("cc",)))
        status, _, errors = compare()
        assert status == 2
        assert errors == (
            "could not compare: cc does not run: No such file or directory\n"
            "  fix: install a C compiler named cc\n"
        )

    def test_own_header_that_is_missing(
        self, links: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert command.main(["upstream", "--header", str(tmp_path / "absent.h")]) == 2
        assert f"could not compare: {tmp_path / 'absent.h'} cannot be read: " in (
            capsys.readouterr().err
        )

    def test_environment_without_the_required_packages(self, repo_root: Path) -> None:
        done = subprocess.run(
            [sys.executable, "-S", "-m", "tools.interface", "upstream"],
            cwd=repo_root,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 2
        assert done.stderr.startswith("could not compare: No module named ")


class TestIndex:
    """An index on the loopback interface."""

    @pytest.fixture(autouse=True)
    def _settings(self, monkeypatch: pytest.MonkeyPatch) -> None:
        use_settings(monkeypatch)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")

    @pytest.fixture
    def pages(self, tmp_path: Path) -> dict[str, Page]:
        """The pages of an index that has only one version."""
        file = make_upstream_sdist(tmp_path, "1.34.0", bridge(THEIRS))
        content = file.read_bytes()
        link = f"/files/{file.name}#sha256={hashlib.sha256(content).hexdigest()}"
        return {
            "/simple/temporalio/": f'<a href="{link}">{file.name}</a>'.encode(),
            f"/files/{file.name}": content,
        }

    def test_index_with_an_account_and_a_redirect(
        self, pages: dict[str, Page], compare: Compare, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pages["/old/temporalio/"] = "/simple/temporalio/"
        with serving(pages, account="me:s3cret") as address:
            monkeypatch.setenv("PIP_INDEX_URL", f"http://me:s3cret@{address}/old")
            assert compare()[0] == 0
            monkeypatch.setenv("PIP_INDEX_URL", f"http://me:wr0ng@{address}/old")
            status, report, errors = compare()
        assert (status, report) == (2, "")
        assert "Client Error(401)" in errors
        assert "wr0ng" not in errors

    def test_index_with_a_certificate(
        self,
        pages: dict[str, Page],
        tmp_path: Path,
        compare: Compare,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        tls, certificate = loopback_certificate(tmp_path)
        with serving(pages, tls=tls) as address:
            monkeypatch.setenv("PIP_INDEX_URL", f"https://{address}/simple")
            assert compare()[0] == 2
            monkeypatch.setenv("HOME", str(certificate.parent))
            monkeypatch.setenv("PIP_CERT", f"~/{certificate.name}")
            assert compare()[0] == 0
            monkeypatch.delenv("PIP_CERT")
            monkeypatch.setenv("PIP_TRUSTED_HOST", "127.0.0.1")
            assert compare()[0] == 0

    def test_file_with_a_wrong_hash_is_refused(
        self, pages: dict[str, Page], compare: Compare, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pages["/files/temporalio-1.34.0.tar.gz"] = b"another"
        with serving(pages) as address:
            monkeypatch.setenv("PIP_INDEX_URL", f"http://{address}/simple")
            status, _, errors = compare()
        assert status == 2
        assert "temporalio cannot be fetched: Hash mismatch for http" in errors

    def test_failing_index_is_an_error_because_it_may_have_the_newest_version(
        self, pages: dict[str, Page], compare: Compare, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """An index without the project is not an error."""
        with serving(pages) as address:
            monkeypatch.setenv("PIP_INDEX_URL", f"http://{address}/simple")
            monkeypatch.setenv("PIP_EXTRA_INDEX_URL", f"http://{address}/empty")
            assert compare()[0] == 0
            pages["/empty/temporalio/"] = 503
            status, _, errors = compare()
        assert status == 2
        assert "Server Error(503)" in errors

    def test_index_that_does_not_answer(
        self, compare: Compare, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PIP_INDEX_URL", f"http://me:s3cret@{unused_address()}/simple")
        status, report, errors = compare()
        assert (status, report) == (2, "")
        assert errors.startswith("could not compare: temporalio cannot be fetched: ")
        assert "\n  fix: check the network; `pip config list` " in errors
        assert "s3cret" not in errors

    @pytest.mark.parametrize("directory", ["absent", ""])
    def test_no_settings(
        self,
        tmp_path: Path,
        compare: Compare,
        monkeypatch: pytest.MonkeyPatch,
        directory: str,
    ) -> None:
        use_directory(monkeypatch, tmp_path / directory)
        status, _, errors = compare()
        assert status == 2
        assert "use no index" in errors if directory else "has temporalio" in errors
