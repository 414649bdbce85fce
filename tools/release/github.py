"""The GitHub release, made with GitHub's own command, ``gh``.

It is a draft until it has every asset, and published then. So a run that stopped half-way can be
run again, and nobody sees half a release.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from temporal_static_libs._checksums import sha256_of
from tools.release import ReleaseError
from tools.release.bundle import Bundle, Facts


@dataclass(frozen=True)
class _Published:
    """What GitHub has of the release.

    Attributes:
        draft: whether only those who may write to the repository see it.
        assets: names of the assets whose upload was completed.
        broken: names of those whose upload was not.
    """

    draft: bool
    assets: frozenset[str]
    broken: frozenset[str]


def publish_on_github(bundle: Bundle) -> bool:
    """Make the release, or what is missing of it. ``gh`` reads GH_REPO and GH_TOKEN.

    Args:
        bundle: that has been checked.

    Returns:
        Whether there was anything to do.

    Raises:
        ReleaseError: the tag is of another commit, there is a release with something else in it,
            or ``gh`` failed.
    """
    facts = bundle.facts()
    assets = {file.name: file for file in sorted(bundle.assets.iterdir())}
    _check_tag(facts)
    found = _release(facts.tag)
    if found is None:
        command = ["release", "create", facts.tag, "--draft", "--target", facts.commit]
        _gh(*command, "--title", facts.title, "--notes-file", str(bundle.notes))
        found = _Published(draft=True, assets=frozenset(), broken=frozenset())
    _check_assets(facts, found, assets)
    if not found.draft:
        return False
    if missing := [str(file) for name, file in assets.items() if name not in found.assets]:
        # --clobber is for those whose upload was not completed: all others have been compared.
        _gh("release", "upload", facts.tag, "--clobber", *missing)
    _gh(
        *("release", "edit", facts.tag, "--draft=false", "--target", facts.commit),
        *("--title", facts.title, "--notes-file", str(bundle.notes)),
    )
    return True


def _check_tag(facts: Facts) -> None:
    done = _run("api", f"repos/{{owner}}/{{repo}}/commits/tags/{facts.tag}", "--jq", ".sha")
    if done.returncode == 0:
        if (commit := done.stdout.strip()) != facts.commit:
            raise ReleaseError(
                f"the tag {facts.tag} is of commit {commit}, the release of {facts.commit}: "
                "run the workflow for the tag"
            )
    # GitHub's two ways to say that there is no such commit: a manual run makes the tag.
    elif "(HTTP 404)" not in done.stderr and "(HTTP 422)" not in done.stderr:
        raise _failure(done)


def _release(tag: str) -> _Published | None:
    done = _run("release", "view", tag, "--json", "assets,isDraft")
    if done.returncode != 0:
        if done.stderr.strip() == "release not found":
            return None
        raise _failure(done)
    values: dict[str, Any] = json.loads(done.stdout)
    states = {asset["name"]: asset["state"] for asset in values["assets"]}
    whole = frozenset(name for name, state in states.items() if state == "uploaded")
    return _Published(values["isDraft"], whole, frozenset(states) - whole)


def _check_assets(facts: Facts, found: _Published, assets: dict[str, Path]) -> None:
    if foreign := sorted((found.assets | found.broken) - assets.keys()):
        raise _conflict(facts, found, f"it has {', '.join(foreign)}, which this release has not")
    absent = sorted(assets.keys() - found.assets)
    if absent and not found.draft:
        raise _conflict(facts, found, f"it lacks {', '.join(absent)}")
    if not found.assets:
        return
    with tempfile.TemporaryDirectory(prefix="release-") as directory:
        patterns = [f"--pattern={name}" for name in sorted(found.assets)]
        _gh("release", "download", facts.tag, "--dir", directory, *patterns)
        for name in sorted(found.assets):
            if sha256_of(Path(directory, name)) != sha256_of(assets[name]):
                raise _conflict(facts, found, f"its {name} is another one")


def _conflict(facts: Facts, found: _Published, problem: str) -> ReleaseError:
    advice = (
        "look who made it; to make it anew, delete the draft"
        if found.draft
        else "what was published is not changed: release a .postN"
    )
    kind = "draft of a release" if found.draft else "release"
    return ReleaseError(f"there is a {kind} {facts.tag} on GitHub, and {problem}; {advice}")


def _gh(*arguments: str) -> None:
    done = _run(*arguments)
    if done.returncode != 0:
        raise _failure(done)


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(["gh", *arguments], capture_output=True, text=True, check=False)
    except OSError as error:
        raise ReleaseError(f"gh, GitHub's command, does not run: {error.strerror}") from None


def _failure(done: subprocess.CompletedProcess[str]) -> ReleaseError:
    command = " ".join(done.args[:4])
    return ReleaseError(
        f"{command} … failed (exit status {done.returncode}): {done.stderr.strip()}"
    )
