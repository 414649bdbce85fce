"""The GitHub release, made with GitHub's own command, ``gh``.

It is a draft until it has every asset, and is then published. So an interrupted run can be
repeated, and nobody sees an incomplete release.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

from temporal_static_libs._checksums import sha256_of
from tools import ToolError
from tools.release.bundle import Bundle


class _Published(NamedTuple):
    """The state of the release on GitHub. Only users with write access see a draft."""

    draft: bool
    #: The names of all assets, and whether their upload was completed.
    assets: dict[str, bool]

    @property
    def uploaded(self) -> list[str]:
        return sorted(name for name, whole in self.assets.items() if whole)


def publish_on_github(bundle: Bundle) -> bool:
    """Make the release, or its missing parts. ``gh`` reads GH_REPO and GH_TOKEN.

    Args:
        bundle: a checked bundle.

    Returns:
        Whether there was anything to do.
    """
    facts = bundle.facts()
    assets = {file.name: file for file in sorted(bundle.assets.iterdir())}
    title = f"Temporal Static Libraries v{facts.version}"
    options = ("--target", facts.commit, "--title", title, "--notes-file", str(bundle.notes))
    _check_tag(facts.tag, facts.commit)
    found = _find_release(facts.tag)
    if found is None:
        _gh("release", "create", facts.tag, "--draft", *options)
        found = _Published(draft=True, assets={})
    _check_assets(facts.tag, found, assets)
    if not found.draft:
        return False
    if missing := [str(file) for name, file in assets.items() if name not in found.uploaded]:
        # --clobber is for incomplete uploads; all other assets have been compared.
        _gh("release", "upload", facts.tag, "--clobber", *missing)
    _gh("release", "edit", facts.tag, "--draft=false", *options)
    return True


def _check_tag(tag: str, commit: str) -> None:
    done = _run("api", f"repos/{{owner}}/{{repo}}/commits/tags/{tag}", "--jq", ".sha")
    if done.returncode == 0:
        if (found := done.stdout.strip()) != commit:
            raise ToolError(
                f"the tag {tag} points to commit {found}, but the release is for {commit}: "
                "run the workflow for the tag"
            )
    # GitHub's two responses for a missing commit. A manual run creates the tag.
    elif "(HTTP 404)" not in done.stderr and "(HTTP 422)" not in done.stderr:
        raise _failure(done)


def _find_release(tag: str) -> _Published | None:
    done = _run("release", "view", tag, "--json", "assets,isDraft")
    if done.returncode != 0:
        if done.stderr.strip() == "release not found":
            return None
        raise _failure(done)
    values = json.loads(done.stdout)
    assets = {asset["name"]: asset["state"] == "uploaded" for asset in values["assets"]}
    return _Published(values["isDraft"], assets)


def _check_assets(tag: str, found: _Published, assets: dict[str, Path]) -> None:
    uploaded = found.uploaded
    if foreign := sorted(found.assets.keys() - assets.keys()):
        raise _conflict(tag, found, f"it has {', '.join(foreign)}, which this release lacks")
    absent = sorted(assets.keys() - set(uploaded))
    if absent and not found.draft:
        raise _conflict(tag, found, f"it lacks {', '.join(absent)}")
    if not uploaded:
        return
    with tempfile.TemporaryDirectory(prefix="release-") as directory:
        patterns = [f"--pattern={name}" for name in uploaded]
        _gh("release", "download", tag, "--dir", directory, *patterns)
        for name in uploaded:
            if sha256_of(Path(directory, name)) != sha256_of(assets[name]):
                raise _conflict(tag, found, f"its {name} is different")


def _conflict(tag: str, found: _Published, problem: str) -> ToolError:
    kind, advice = (
        ("draft of a release", "check who created it; to create it again, delete the draft")
        if found.draft
        else ("release", "published files cannot be changed: release a .postN")
    )
    return ToolError(f"there is a {kind} {tag} on GitHub, and {problem}; {advice}")


def _gh(*arguments: str) -> None:
    done = _run(*arguments)
    if done.returncode != 0:
        raise _failure(done)


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(["gh", *arguments], capture_output=True, text=True, check=False)
    except OSError as error:
        raise ToolError(f"cannot run gh, GitHub's command-line tool: {error.strerror}") from None


def _failure(done: subprocess.CompletedProcess[str]) -> ToolError:
    command = " ".join(done.args[:4])
    return ToolError(f"{command} … failed (exit status {done.returncode}): {done.stderr.strip()}")
