"""`make lint-words`: what it finds, what it allows, and how counts change."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import tomli

from tests.support.ci.git_tree import commit_all, git
from tools.words.__main__ import TABLES, main
from tools.words.hits import Source, find_phrases

ROOT = Path(__file__).parents[2]
GLOSSARY = """
exclude = ["theirs/*"]
[rules]
"zog" = ["the"]
"odd bird" = ["duck", "goose"]
[advice]
"perchance" = ["perhaps"]
"""
BRITISH, AMERICAN = "labor".replace("or", "our"), "labor"
LOWER = "To lower the counts: make lint-words WORDS_ARGS=--update\n"
ACCEPT = "If a use is right, or only its file was renamed: make lint-words WORDS_ARGS=--accept\n"
PHRASES = tomli.loads((ROOT / TABLES / "glossary.toml").read_text())["rules"]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A checkout with a glossary and the repository's typos settings."""
    tables = tmp_path / TABLES
    tables.mkdir(parents=True)
    (tables / "glossary.toml").write_text(GLOSSARY.replace("exclude = [", 'exclude = ["tools/*", '))
    shutil.copyfile(ROOT / TABLES / "typos.toml", tables / "typos.toml")
    (tables / "allowed.tsv").touch()
    git(tmp_path, "init", "--quiet")
    return tmp_path


def allow(tree: Path, *rows: str) -> None:
    (tree / TABLES / "allowed.tsv").write_text("# path, word, count\n" + "".join(rows))


def allowed(tree: Path) -> list[str]:
    lines = (tree / TABLES / "allowed.tsv").read_text().splitlines()
    return [line for line in lines if not line.startswith("#")]


def lines_found(text: str, phrase: str = "odd bird") -> list[int]:
    hits = find_phrases([Source("a/path", ["a/path", *text.split("\n")])], {phrase: ["duck"]})
    return [hit.line for hit in hits]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("an odd bird", id="plain"),
        pytest.param("ODD birD.", id="case"),
        pytest.param("'odd bird'", id="quoted"),
        pytest.param("an odd\n  bird", id="wrapped"),
        pytest.param("> an odd\n> bird", id="quotation"),
        pytest.param("# an odd\n    # bird", id="python-comment"),
        pytest.param("    /// an odd\n    /// bird", id="rust-documentation"),
        pytest.param("//! an odd\n//! bird", id="zig-module"),
        pytest.param("/* an odd\n * bird */", id="c-comment"),
        pytest.param('"an odd "\n        f"bird"', id="python-strings"),
        pytest.param('"an odd \\\n        bird"', id="rust-string"),
        pytest.param("\\\\an odd\n    \\\\bird", id="zig-string"),
        pytest.param("the_odd_bird()", id="snake"),
        pytest.param("--odd-bird", id="kebab"),
        pytest.param("class TheOddBirdFlies", id="camel"),
    ],
)
def test_phrase_is_found(text: str) -> None:
    assert lines_found(text) == [1]


@pytest.mark.parametrize(
    "text",
    ["an odd birdie", "todd bird", "odd, bird", "odd\n\nbird", "oddbird", "Oddbird", "odd2bird"],
)
def test_other_text_is_not_found(text: str) -> None:
    assert lines_found(text) == []


def test_word_is_found_on_its_lines_but_not_inside_other_words() -> None:
    assert lines_found("zog cat\nzogran, to_zog_end\nlazog Zog", "zog") == [1, 2, 3]


@pytest.mark.parametrize("phrase", PHRASES)
def test_rule_of_the_repository_finds_its_phrase_and_suggests_no_other_rule(phrase: str) -> None:
    (hit,) = find_phrases([Source("x", ["x", f"It is {phrase}."])], PHRASES)
    assert (hit.word, hit.instead) == (phrase, PHRASES[phrase])
    assert not list(find_phrases([Source("x", ["x", *hit.instead])], PHRASES))


def test_more_than_allowed_fails_with_each_use(
    tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tree / "x.md").write_text("zog one\nand zog, zog others\nan odd\nbird\n")
    allow(tree, "x.md\tzog\t2\n")
    assert main([], tree) == 1
    assert capsys.readouterr().out == (
        'x.md: "odd bird" 1 time, at most 0 allowed: say "duck" or "goose"\n'
        "    x.md:3: an odd\n"
        'x.md: "zog" 3 times, at most 2 allowed: say "the"\n'
        "    x.md:1: zog one\n"
        "    x.md:2: and zog, zog others\n"
        "    x.md:2: and zog, zog others\n" + ACCEPT
    )


def test_as_many_as_allowed_pass(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tree / "x.md").write_text("zog zog\n")
    allow(tree, "x.md\tzog\t2\n")
    assert main([], tree) == 0
    assert capsys.readouterr().out == ""


def test_fewer_than_allowed_fail_until_the_counts_are_lowered(
    tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tree / "x.md").write_text("zog\n")
    allow(tree, "gone.md\todd bird\t1\n", "x.md\tzog\t3\n")
    assert main([], tree) == 1
    assert capsys.readouterr().out == (
        'gone.md: "odd bird" 0 times, but 1 allowed\nx.md: "zog" 1 time, but 3 allowed\n' + LOWER
    )
    assert main(["--update"], tree) == 0
    assert capsys.readouterr().out == "tools/words/allowed.tsv: 4 uses before, 1 now\n"
    assert allowed(tree) == ["x.md\tzog\t1"]
    assert main([], tree) == 0


def test_update_lowers_and_never_raises(tree: Path) -> None:
    (tree / "x.md").write_text("zog zog zog\n")
    (tree / "y.md").write_text("zog\n")
    allow(tree, "x.md\tzog\t2\n", "y.md\tzog\t2\n")
    assert main(["--update"], tree) == 1
    assert allowed(tree) == ["x.md\tzog\t2", "y.md\tzog\t1"]


@pytest.mark.parametrize("options", [["--accept"], ["--update", "--accept"]])
def test_accept_raises_too(tree: Path, options: list[str]) -> None:
    (tree / "x.md").write_text("zog zog zog\n")
    (tree / "y.md").write_text("zog\n")
    allow(tree, "x.md\tzog\t2\n", "y.md\tzog\t2\n")
    assert main(options, tree) == 0
    assert allowed(tree) == ["x.md\tzog\t3", "y.md\tzog\t1"]


def test_spelling_must_be_american_everywhere(
    tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # typos by itself skips a pyproject.toml.
    (tree / "pyproject.toml").write_text(f"# good\n# {BRITISH}, {AMERICAN}\n")
    (tree / f"{BRITISH}.md").write_text("zog\n")
    (tree / "x.py").write_text(f"\n\nthe_{BRITISH} = 1\nclass {BRITISH.title()}s: ...")
    allow(tree, f"{BRITISH}.md\tzog\t1\n")
    assert main([], tree) == 1
    too_many = f'"{BRITISH}" 1 time, at most 0 allowed: say "{AMERICAN}"'
    assert capsys.readouterr().out == (
        f"{BRITISH}.md: {too_many}\n    {BRITISH}.md: its path\n"
        f"pyproject.toml: {too_many}\n    pyproject.toml:2: # {BRITISH}, {AMERICAN}\n"
        f"x.py: {too_many}\n    x.py:3: the_{BRITISH} = 1\n"
        f'x.py: "{BRITISH}s" 1 time, at most 0 allowed: say "{AMERICAN}s"\n'
        f"    x.py:4: class {BRITISH.title()}s: ...\n" + ACCEPT
    )


def test_paths_are_checked(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tree / "odd-bird.md").touch()
    assert main([], tree) == 1
    assert "    odd-bird.md: its path\n" in capsys.readouterr().out


def test_files_that_are_not_checked(tree: Path) -> None:
    (tree / ".gitignore").write_text("ignored.md\n")
    (tree / "theirs" / "deep").mkdir(parents=True)
    (tree / "deleted.md").write_text("zog\n")
    commit_all(tree)
    (tree / "deleted.md").unlink()
    for name in ("ignored.md", "theirs/x.md", "theirs/deep/x.md"):
        (tree / name).write_text(f"zog {BRITISH}\n")
    (tree / "binary").write_bytes(b"zog \0")
    (tree / "CHANGELOG.md").write_text("now\n## [Unreleased]\n## [1.0]\nzog\n## [0.9]\nodd bird\n")
    assert main([], tree) == 0


def test_new_and_changed_files_are_checked(tree: Path) -> None:
    (tree / "x.md").write_text("fine\n")
    commit_all(tree)
    (tree / "x.md").write_text("zog\n")
    (tree / "y.md").write_text("zog\n")
    (tree / "CHANGELOG.md").write_text("zog\n## [Unreleased]\nzog\n## [1.0]\nzog\n")
    main(["--accept"], tree)
    assert allowed(tree) == ["CHANGELOG.md\tzog\t2", "x.md\tzog\t1", "y.md\tzog\t1"]


def test_advice_is_listed_but_fails_nothing(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tree / "x.md").write_text("well\nperchance\n")
    assert main([], tree) == 0
    assert main(["--advice"], tree) == 0
    assert capsys.readouterr().out == 'x.md:2: perchance\n    "perchance": perhaps "perhaps"\n'


def test_table_with_a_merge_conflict_is_an_error(
    tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    allow(tree, "<<<<<<< HEAD\n")
    assert main(["--accept"], tree) == 2
    assert capsys.readouterr().err == (
        f"words: {tree}/tools/words/allowed.tsv:2: expected path, word and count, "
        "found '<<<<<<< HEAD'\n"
    )
    assert allowed(tree) == ["<<<<<<< HEAD"]


def test_failure_of_typos_is_an_error(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tree / TABLES / "typos.toml").write_text("[nonsense")
    assert main([], tree) == 2
    assert capsys.readouterr().err.startswith("words: typos failed: ")


def test_directory_that_is_not_a_checkout_is_an_error(
    tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(tree / ".git")
    assert main([], tree) == 2
    assert capsys.readouterr().err.startswith(f"words: git cannot list the files of {tree}: ")
