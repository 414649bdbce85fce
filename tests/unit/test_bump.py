"""Moving a checkout to another core, with real cargo and git, empty crates and no network."""

from __future__ import annotations

import json
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest

import tools.bump.__main__ as command
from tests.support.ci.git_tree import commit_all, git
from tests.support.pip.local_registry import LocalRegistry
from tests.support.pip.upstream_sdist import bridge, make_upstream_sdist, use_directory
from tools import ToolError
from tools.bump.locations import LOCATIONS, PACKAGE, RUST, current
from tools.bump.migrate import migrate
from tools.bump.registry import CORE

WORKSPACE = """\
[workspace]
resolver = "3"
members = ["c-api"]

[workspace.package]
version = "0.10.1"
edition = "2024"
rust-version = "{rust}"

[workspace.dependencies]
# The reason stays.
temporalio-sdk-core = {{ version = "=0.10.1", default-features = false }}
temporalio-client = {{ version = "=1.1.1" }}
temporalio-common = {{ version = "=1.1.1" }}
temporalio-protos = {{ version = "=0.10.2" }}
other = "1"
"""
CRATE = """\
[package]
name = "c-api"
version.workspace = true
edition.workspace = true
rust-version.workspace = true

[dependencies]
temporalio-sdk-core.workspace = true
temporalio-client.workspace = true
temporalio-common.workspace = true
temporalio-protos.workspace = true
other.workspace = true
"""
# The real targets take minutes. These record when they ran, and on what input.
MAKEFILE = """\
header:
\tcp next.h temporal_static_libs/include/temporal-sdk-core-c-bridge.h
\tcksum < tests/abi/c_abi.tsv >> temporal_static_libs/include/temporal-sdk-core-c-bridge.h.id
bindings:
\tcat temporal_static_libs/include/*.id > temporal_static_libs/share/zig/bindings-0.15.zig
licenses:
\tcp rust/Cargo.lock rust/archives.cdx.json
"""
HEADER = """\
#include <stdint.h>
void a_free(int64_t *);
void b_new(void);
void temporal_static_libs_0_10_1(void);
"""
BINDINGS = "temporal_static_libs/share/zig/bindings-0.15.zig"
TABLE = "function\ta_free\tvoid\tint32_t*\n"


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalRegistry:
    """A registry with two complete cores and some incomplete ones."""
    registry = LocalRegistry(tmp_path / "registry")
    for core, crates, protos, rust in (
        ("0.10.1", "1.1.1", "0.10.2", "1.80"),
        ("0.11.0", "1.2.0", "0.11.0", "1.99"),
    ):
        registry.publish("temporalio-protos", protos)
        registry.publish("temporalio-common", crates, {"temporalio-protos": f"={protos}"}, rust)
        registry.publish("temporalio-client", crates, {"temporalio-common": f"~{crates}"})
        registry.publish(CORE, core, {"temporalio-client": f"~{crates}"})
    registry.publish("temporalio-client", "1.2.1", {"temporalio-common": "~1.2.0"})
    registry.publish("temporalio-client", "2.0.0", {"temporalio-common": "~1.2.0"})
    registry.publish(CORE, "0.12.0", {"absent": "1"})
    registry.publish(CORE, "0.13.0", {"other": "1"})
    registry.publish(CORE, "0.14.0-rc1")
    registry.publish("other", "1.0.0")
    monkeypatch.setenv("CARGO_HOME", str(registry.cargo_home))
    return registry


@pytest.fixture
def tree(
    repo_root: Path, tmp_path: Path, registry: LocalRegistry, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A checkout with every location that names a version: core 0.10.1, second packaging."""
    root = tmp_path / "tree"
    for file in {place.file for place in LOCATIONS}:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(repo_root / file, root / file)
    there = current(repo_root)
    for file in {place.file for place in LOCATIONS if place.subject == PACKAGE}:
        text = (root / file).read_text().replace(there[PACKAGE], "0.10.1.post1")
        (root / file).write_text(text)
    for name, text in {
        "CHANGELOG.md": "# Changelog\n\n## [Unreleased]\n",
        "Makefile": MAKEFILE,
        "next.h": HEADER,
        "rust/Cargo.toml": WORKSPACE.format(rust=there[RUST]),
        "rust/c-api/Cargo.toml": CRATE,
        "rust/c-api/src/lib.rs": "",
        "temporal_static_libs/include/temporal-sdk-core-c-bridge.h": "",
        BINDINGS: "",
        "tests/abi/c_abi.tsv": TABLE,
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    # Before "other" gets its second version, which a bump must not select.
    subprocess.run(["cargo", "generate-lockfile", "--quiet"], cwd=root / "rust", check=True)
    registry.publish("other", "1.1.0")
    commit_all(root)
    monkeypatch.setattr(command, "ROOT", root)
    return root


def locked(root: Path) -> dict[str, str]:
    """The versions in the lock file."""
    lines = (root / "rust" / "Cargo.lock").read_text().splitlines()
    return {
        line.split('"')[1]: after.split('"')[1]
        for line, after in pairwise(lines)
        if line.startswith("name = ")
    }


def test_tree_is_moved(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["to", "0.11.0"]) == 0
    # The newest version that the core accepts.
    moved = {
        CORE: "0.11.0",
        "temporalio-client": "1.2.1",
        "temporalio-common": "1.2.0",
        "temporalio-protos": "0.11.0",
    }
    assert current(tree) == {**moved, PACKAGE: "0.11.0", RUST: "1.99"}
    assert locked(tree) == {**moved, "c-api": "0.11.0", "other": "1.0.0"}
    assert "# The reason stays.\n" in (tree / "rust" / "Cargo.toml").read_text()
    table = "function\ta_free\tvoid\tint64_t*\nfunction\tb_new\tvoid\t\n"
    assert (tree / "tests" / "abi" / "c_abi.tsv").read_text() == table
    include = tree / "temporal_static_libs" / "include"
    # Once for its facts, once for their hash.
    assert len((include / "temporal-sdk-core-c-bridge.h.id").read_text().splitlines()) == 2
    # From the header of the new facts.
    ids = (include / "temporal-sdk-core-c-bridge.h.id").read_text()
    assert (tree / BINDINGS).read_text() == ids
    sbom, lock = tree / "rust" / "archives.cdx.json", tree / "rust" / "Cargo.lock"
    assert sbom.read_text() == lock.read_text()
    assert (
        "- The archives have `temporalio-sdk-core` 0.11.0 instead of 0.10.1. The C interface: "
        "2 changes, 1 of them breaking.\n"
    ) in (tree / "CHANGELOG.md").read_text()
    said = capsys.readouterr().out
    assert f"{CORE}: 0.10.1 -> 0.11.0\n" in said
    assert (
        "The C interface:\n"
        "- function a_free: parameters was int32_t*, is int64_t*: breaking\n"
        "- function b_new added\n"
    ) in said
    changed = set(git(tree, "ls-files", "--modified", "--others").splitlines())
    assert changed >= {place.file for place in LOCATIONS}
    assert {f"  {name}" for name in changed} <= set(said.splitlines())
    # Left for review; nothing is committed.
    assert git(tree, "diff", "--cached", "--name-only") == ""


def test_older_core_is_refused_unless_allowed(
    tree: Path, registry: LocalRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    registry.publish(CORE, "0.9.0", {"temporalio-client": "~1.1.1"})
    assert command.main(["to", "0.9.0"]) == 1
    assert "is older than 0.10.1" in capsys.readouterr().err
    assert git(tree, "status", "--porcelain") == ""
    assert command.main(["to", "0.9.0", "--allow-older"]) == 0
    assert locked(tree)[CORE] == "0.9.0"


@pytest.mark.parametrize(
    ("version", "problem"),
    [
        pytest.param("0.10.1", "the tree already has temporalio-sdk-core 0.10.1", id="same"),
        pytest.param("0.10.2", "0.10.2 is unavailable; output of cargo:", id="not-published"),
        pytest.param("0.12.0", "absent", id="does-not-resolve"),
        pytest.param("0.13.0", "built without temporalio-client", id="without-a-crate"),
    ],
)
def test_failed_move_leaves_the_tree_unchanged(
    tree: Path, version: str, problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(["to", version]) == 1
    said = capsys.readouterr()
    assert said.err.startswith("bump: ")
    assert problem in said.err
    assert said.out == ""
    assert git(tree, "status", "--porcelain") == ""


@pytest.mark.parametrize("target", ["header", "bindings", "licenses"])
def test_failed_step_leaves_the_tree_unchanged(tree: Path, target: str) -> None:
    text = (tree / "Makefile").read_text()
    (tree / "Makefile").write_text(text.replace(f"{target}:\n", f"{target}:\n\tfalse\n"))
    git(tree, "commit", "--quiet", "--all", "--message", "broken")
    with pytest.raises(ToolError, match=f"make {target} .* failed; its messages are above"):
        migrate(tree, "0.11.0")
    assert git(tree, "status", "--porcelain") == ""


@pytest.mark.parametrize("name", ["README.md", "new"])
def test_tree_with_uncommitted_changes_is_refused(tree: Path, name: str) -> None:
    with (tree / name).open("a") as file:
        file.write("mine\n")
    before = git(tree, "status", "--porcelain"), git(tree, "diff")
    with pytest.raises(ToolError, match="has uncommitted changes"):
        migrate(tree, "0.11.0")
    assert (git(tree, "status", "--porcelain"), git(tree, "diff")) == before


@pytest.mark.parametrize("text", ["0.11", "v0.11.0", "0.14.0-rc1", "latest"])
def test_invalid_version_is_refused(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(["to", text])
    assert ended.value.code == 2
    assert f"'{text}' is not a version such as 0.10.1" in capsys.readouterr().err


class TestCheck:
    """The check for a newer core and for differences from Temporal's C interface."""

    # Stands in for GitHub's gh: returns a list of issues and logs each call.
    GH = """\
#!/bin/sh
printf '%s\\0' "$@" >> '{log}'
printf '\\n' >> '{log}'
case "$2" in
    list) cat '{issues}' ;;
    create) echo https://github.example/issues/7 ;;
esac
"""
    DIFFERS = f"{CORE} 0.10.1: temporalio 1.35.0 has another C interface"

    @pytest.fixture
    def gh(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """The directory with the log of calls and the list of open issues."""
        directory = tmp_path / "gh"
        directory.mkdir()
        program = directory / "gh"
        (directory / "issues").write_text("[]")
        program.write_text(
            self.GH.format(log=directory / "log", issues=directory / "issues"), encoding="utf-8"
        )
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(directory), prepend=":")
        return directory

    @pytest.fixture(autouse=True)
    def temporals(self, tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """The directory of Temporal's packages, with one whose header matches the tree's."""
        directory = tmp_path / "temporals"
        make_upstream_sdist(directory, "1.34.0", bridge(HEADER))
        use_directory(monkeypatch, directory)
        (tree / "temporal_static_libs/include/temporal-sdk-core-c-bridge.h").write_text(HEADER)
        return directory

    @pytest.fixture
    def newest(self, registry: LocalRegistry) -> None:
        """Make the tree's core the newest."""
        registry.withdraw(CORE, "0.11.0", "0.12.0", "0.13.0")

    @pytest.fixture
    def differing(self, temporals: Path) -> None:
        """Add a function to Temporal's newest header."""
        make_upstream_sdist(temporals, "1.35.0", bridge(f"{HEADER}void c_new(void);\n"))

    def calls(self, gh: Path) -> list[list[str]]:
        """The arguments of each call of gh."""
        return [call.split("\0") for call in (gh / "log").read_text().split("\0\n")[:-1]]

    def test_newer_core_is_in_the_summary_too(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Prereleases do not count, nor do versions whose dependencies cannot be resolved."""
        summary = tmp_path / "summary.md"
        assert command.main(["check", "--summary", str(summary)]) == 0
        said = capsys.readouterr().out
        assert said == summary.read_text()
        assert said.startswith(
            f"{CORE} 0.13.0 is out; the archives have 0.10.1. "
            "To move: `make bump VERSION=0.13.0`, then `make test`.\n\n"
            "The C interface, compared with Temporal's (`make upstream`):\n\n"
            "    temporalio 1.34.0, the newest version\n"
        )
        assert said.endswith(
            "    A program compiled against Temporal's header works with these libraries.\n"
        )

    def test_issue_is_opened(self, gh: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert command.main(["check", "--issue"]) == 0
        said = capsys.readouterr().out
        text, separator, done = said.partition("\n\nIn GitHub: ")
        assert (separator, done) == ("\n\nIn GitHub: ", "opened https://github.example/issues/7.\n")
        listed, created = self.calls(gh)
        assert listed[:4] == ["issue", "list", "--state", "open"]
        assert created == [
            *("issue", "create", "--title", f"{CORE} 0.13.0 is out", "--body", text),
        ]

    @pytest.mark.usefixtures("newest", "differing")
    def test_different_interface_opens_an_issue_too(
        self, gh: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert command.main(["check", "--issue"]) == 0
        _, created = self.calls(gh)
        assert created[:4] == ["issue", "create", "--title", self.DIFFERS]
        assert created[5].startswith(f"{CORE} 0.10.1 is the newest.\n\n")
        assert "this one lacks:\n    - function c_new\n" in created[5]

    @pytest.mark.parametrize(
        "title",
        [f"{CORE} 0.11.0 is out", f"{CORE} 0.10.0: temporalio 1.33.0 has another C interface"],
    )
    def test_issue_of_an_earlier_check_is_updated(self, gh: Path, title: str) -> None:
        issues = [
            {"number": 4, "title": f"{CORE} fails", "body": ""},
            {"number": 5, "title": title, "body": "as it was"},
        ]
        (gh / "issues").write_text(json.dumps(issues))
        assert command.main(["check", "--issue"]) == 0
        _, edited = self.calls(gh)
        assert edited[:5] == ["issue", "edit", "5", "--title", f"{CORE} 0.13.0 is out"]

    @pytest.mark.usefixtures("newest", "differing")
    def test_only_an_outdated_issue_is_edited(self, gh: Path, temporals: Path) -> None:
        assert command.main(["check", "--issue"]) == 0
        _, created = self.calls(gh)
        # As GitHub stores it.
        body = created[5].replace("\n", "\r\n")
        (gh / "issues").write_text(json.dumps([{"number": 5, "title": self.DIFFERS, "body": body}]))
        (gh / "log").unlink()
        assert command.main(["check", "--issue"]) == 0
        assert [call[1] for call in self.calls(gh)] == ["list"]
        make_upstream_sdist(temporals, "1.35.0", bridge("void d_new(void);\n"))
        (gh / "log").unlink()
        assert command.main(["check", "--issue"]) == 0
        assert [call[1] for call in self.calls(gh)] == ["list", "edit"]

    @pytest.mark.usefixtures("newest")
    def test_no_issue_is_opened_if_nothing_is_newer_or_different(
        self, gh: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert command.main(["check", "--issue"]) == 0
        assert capsys.readouterr().out.startswith(f"{CORE} 0.10.1 is the newest.\n\n")
        assert not (gh / "log").exists()

    @pytest.mark.usefixtures("newest")
    def test_failed_comparison_fails_and_is_not_reported_as_equal(
        self, gh: Path, temporals: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        make_upstream_sdist(temporals, "1.35.0", {})
        summary = tmp_path / "summary.md"
        assert command.main(["check", "--issue", "--summary", str(summary)]) == 1
        said = capsys.readouterr()
        assert (
            "\nCould not compare the C interface with Temporal's (`make upstream`):\n" in said.out
        )
        assert said.out == summary.read_text()
        assert said.err.startswith(
            "bump: could not compare the C interface with Temporal's: temporalio-1.35.0.tar.gz "
        )
        assert "works" not in said.out + said.err
        assert not (gh / "log").exists()

    def test_newer_core_is_reported_even_if_the_interface_cannot_be_compared(
        self, gh: Path, temporals: Path
    ) -> None:
        make_upstream_sdist(temporals, "1.35.0", {})
        assert command.main(["check", "--issue"]) == 1
        _, created = self.calls(gh)
        assert created[3] == f"{CORE} 0.13.0 is out"
        assert "\nCould not compare the C interface with Temporal's " in created[5]

    @pytest.mark.usefixtures("newest")
    def test_difference_too_long_for_an_issue_is_truncated(self, gh: Path, temporals: Path) -> None:
        more = "".join(f"void c_{number:0100}(void);\n" for number in range(1000))
        make_upstream_sdist(temporals, "1.35.0", bridge(HEADER + more))
        assert command.main(["check", "--issue"]) == 0
        _, created = self.calls(gh)
        assert len(created[5]) < 65_536
        *_, last, blank, note = created[5].splitlines()
        assert last.startswith("    - function c_")
        assert (len(last), blank) == (len("    - function c_") + 100, "")
        assert note == "The rest is too long for an issue; `make upstream` prints it."

    def test_failure_of_gh_is_reported(self, gh: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (gh / "gh").write_text("#!/bin/sh\necho no such repository >&2\nexit 1\n")
        assert command.main(["check", "--issue"]) == 1
        assert capsys.readouterr().err == "bump: gh issue list failed:\nno such repository\n"

    def test_unreachable_registry_is_reported(
        self, registry: LocalRegistry, capsys: pytest.CaptureFixture[str]
    ) -> None:
        registry.withdraw(CORE, "0.10.1", "0.11.0", "0.12.0", "0.13.0", "0.14.0-rc1")
        assert command.main(["check"]) == 1
        assert "cargo cannot find the newest core; output of cargo:" in capsys.readouterr().err
