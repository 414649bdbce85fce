"""The GitHub release, with the real ``gh``: started, interrupted, repeated, in conflict."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.ci.github_stand_in import GitHub
from tools import ToolError
from tools.release.bundle import Bundle, Facts
from tools.release.github import publish_on_github

COMMIT = "c" * 40
TAG = "temporal-libs-v1.0.0"


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    """A release with two assets."""
    made = Bundle(tmp_path / "bundle")
    made.assets.mkdir(parents=True)
    for name in ("one.tar.gz", "two.tar.gz"):
        (made.assets / name).write_text(name)
    made.notes.write_text("What is new.\n")
    made.record(Facts("1.0.0", COMMIT, []))
    return made


def content_of(bundle: Bundle) -> dict[str, bytes]:
    """The content of its assets by name."""
    return {file.name: file.read_bytes() for file in bundle.assets.iterdir()}


def conflict(bundle: Bundle, github: GitHub) -> str:
    """Return why the release is refused; check that nothing was changed."""
    before = github.changes()
    with pytest.raises(ToolError) as caught:
        publish_on_github(bundle)
    assert github.changes() == before
    return str(caught.value)


def test_release_is_published_when_it_has_every_asset(bundle: Bundle, github: GitHub) -> None:
    assert publish_on_github(bundle)
    (release,) = github.releases
    assert github.assets == content_of(bundle)
    assert (release["draft"], release["body"]) == (False, "What is new.\n")
    methods = [request.split()[0] for request in github.changes()]
    assert methods == ["POST", "POST", "POST", "PATCH"]


def test_second_run_does_nothing(bundle: Bundle, github: GitHub) -> None:
    assert publish_on_github(bundle)
    changes = github.changes()
    assert not publish_on_github(bundle)
    assert github.changes() == changes


def test_only_the_interrupted_upload_is_repeated(bundle: Bundle, github: GitHub) -> None:
    github.fail_uploads.add("two.tar.gz")
    with pytest.raises(ToolError, match=r"gh release upload .* failed .*it broke off"):
        publish_on_github(bundle)
    (release,) = github.releases
    assert release["draft"]

    github.fail_uploads.clear()
    # gh uploads several files at once, so the other one may or may not be complete.
    before = {asset["id"] for asset in release["assets"] if asset["state"] == "uploaded"}
    assert publish_on_github(bundle)
    assert not release["draft"]
    assert github.assets == content_of(bundle)
    assert before <= {asset["id"] for asset in release["assets"]}


def test_different_published_asset_is_a_conflict(bundle: Bundle, github: GitHub) -> None:
    publish_on_github(bundle)
    (bundle.assets / "two.tar.gz").write_text("another")
    assert conflict(bundle, github) == (
        f"there is a release {TAG} on GitHub, and its two.tar.gz is different; "
        "published files cannot be changed: release a .postN"
    )


def test_published_release_that_lacks_an_asset_is_a_conflict(
    bundle: Bundle, github: GitHub
) -> None:
    publish_on_github(bundle)
    (bundle.assets / "three.tar.gz").touch()
    assert f"a release {TAG} on GitHub, and it lacks three.tar.gz" in conflict(bundle, github)


def test_draft_with_an_unknown_asset_is_a_conflict(bundle: Bundle, github: GitHub) -> None:
    publish_on_github(bundle)
    github.releases[0]["draft"] = True
    (bundle.assets / "two.tar.gz").unlink()
    assert conflict(bundle, github) == (
        f"there is a draft of a release {TAG} on GitHub, and it has two.tar.gz, which this release "
        "lacks; check who created it; to create it again, delete the draft"
    )


def test_tag_of_another_commit_is_a_conflict(bundle: Bundle, github: GitHub) -> None:
    github.tags[TAG] = "d" * 40
    assert conflict(bundle, github).startswith(f"the tag {TAG} points to commit {'d' * 40}, but ")


def test_unusable_answer_of_github_is_an_error(
    bundle: Bundle, github: GitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GH_REPO", "somebody/else")
    assert "failed (exit status 1): " in conflict(bundle, github)


def test_machine_without_gh(
    bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolError, match="cannot run gh, GitHub's command-line tool: "):
        publish_on_github(bundle)
