"""Steps of the workflow temporal-static-libraries; see docs/releasing.md.

Results of a step for later ones are appended to the file in GITHUB_OUTPUT.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from pathlib import Path

from pypi_simple import PYPI_SIMPLE_ENDPOINT

from temporal_static_libs._build.source_tree import source_commit, sources_of_tree
from temporal_static_libs._targets import TARGETS
from tools import ROOT, ToolError, report_errors
from tools.release.assemble import assemble
from tools.release.bundle import Bundle
from tools.release.github import publish_on_github
from tools.release.index import files_to_upload, wait_until_published
from tools.release.install_check import check_install
from tools.release.matrix import make_matrix, make_swift_matrix, rows_to_build
from tools.release.plan import Event, make_plan
from tools.release.settings import check_settings
from tools.release.swift_check import check_with_swift


def _plan(arguments: argparse.Namespace) -> None:
    # The fields of a manual run are empty in other runs.
    dry_run = arguments.dry_run != "false"
    event = Event(arguments.event, arguments.ref, arguments.version, dry_run)
    rows = make_matrix(event.name, os.environ)
    _emit_outputs(
        **make_plan(ROOT, event)._asdict(),
        platforms=json.dumps(rows),
        builds=json.dumps(rows_to_build(rows)),
        swift=json.dumps(make_swift_matrix()),
    )


def _assemble(arguments: argparse.Namespace) -> None:
    commit = source_commit(sources_of_tree(ROOT))
    if commit is None:
        raise ToolError(f"{ROOT} is not an unmodified checkout of a commit")
    release = arguments.release == "true"
    made = (arguments.dist, arguments.line_tables, arguments.shared, arguments.extra)
    bundle, digest = assemble(ROOT, *made, arguments.bundle, commit, release)
    for directory in (bundle.dist, bundle.assets):
        for file in sorted(directory.iterdir()):
            size = file.stat().st_size / 1e6
            print(f"{file.relative_to(bundle.root)}: {size:.2f} MB", flush=True)
    if missing := bundle.facts().missing:
        print(f"no wheel for {', '.join(missing)}", flush=True)
    _emit_outputs(digest=digest)


def _pending(arguments: argparse.Namespace) -> None:
    bundle = _checked(arguments)
    files = files_to_upload(arguments.index_url, bundle.facts().version, bundle.dist)
    arguments.output.mkdir(parents=True)
    for file in files:
        shutil.copyfile(file, arguments.output / file.name)
        print(f"to upload: {file.name}", flush=True)
    _emit_outputs(pending=bool(files))


def _github(arguments: argparse.Namespace) -> None:
    bundle = _checked(arguments)
    done = publish_on_github(bundle)
    print(f"{bundle.facts().tag}: {'published' if done else 'already published, unchanged'}")


def _settings(_arguments: argparse.Namespace) -> None:
    check_settings()
    print("the repository's settings are as a release requires")


def _try(arguments: argparse.Namespace) -> None:
    bundle, index = _checked(arguments), None
    if arguments.published:
        index = arguments.index_url
        wait_until_published(index, bundle.facts().version, bundle.dist, arguments.wait)
    if not check_install(arguments.platform, bundle, index):
        print(f"this release has no wheel for {arguments.platform}")


def _swift(arguments: argparse.Namespace) -> None:
    bundle = _checked(arguments)
    check_with_swift(bundle)
    print(f"built and ran a Swift program with the artifact bundle of {bundle.facts().tag}")


def _checked(arguments: argparse.Namespace) -> Bundle:
    bundle = Bundle(arguments.bundle)
    bundle.check(arguments.digest)
    return bundle


def _emit_outputs(**outputs: str | bool) -> None:
    lines = [
        f"{name}={str(value).lower() if isinstance(value, bool) else value}\n"
        for name, value in outputs.items()
    ]
    print(*lines, sep="", end="", flush=True)
    if path := os.environ.get("GITHUB_OUTPUT"):
        with open(path, "a", encoding="utf-8") as file:
            file.writelines(lines)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.release", allow_abbrev=False)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    plan = commands.add_parser(
        "plan", help="check that the tree has one version; decide what to do"
    )
    plan.add_argument("--event", required=True, help="GitHub's name of the event")
    plan.add_argument("--ref", required=True, help="such as refs/tags/temporal-libs-v1.2.3")
    plan.add_argument("--version", default="", help="version to release, in a manual run")
    plan.add_argument("--dry-run", default="", help="false to publish, in a manual run")
    plan.set_defaults(run=_plan)

    settings = commands.add_parser("settings", help="check the repository's settings on GitHub")
    settings.set_defaults(run=_settings)

    made = commands.add_parser("assemble", help="check the exact set and make the assets")
    made.add_argument("--dist", type=Path, required=True, help="wheels and source distribution")
    made.add_argument("--line-tables", type=Path, required=True, help="archives with line tables")
    made.add_argument("--shared", type=Path, required=True, help="shared libraries")
    made.add_argument(
        "--extra", type=Path, required=True, help="directory of more assets, may be missing"
    )
    made.add_argument("--release", default="true", help="false: without a changelog entry")
    made.add_argument("--bundle", type=Path, required=True, help="the directory to make")
    made.set_defaults(run=_assemble)

    bundle = argparse.ArgumentParser(add_help=False)
    bundle.add_argument("--bundle", type=Path, required=True, help="directory that assemble made")
    bundle.add_argument("--digest", required=True, help="digest that assemble printed")
    index = argparse.ArgumentParser(add_help=False)
    # For a rehearsal with another index and the workflow's commands.
    url = os.environ.get("RELEASE_INDEX_URL", PYPI_SIMPLE_ENDPOINT)
    index.add_argument("--index-url", default=url, help="default: RELEASE_INDEX_URL, or PyPI's")

    pending = commands.add_parser(
        "pending", parents=[bundle, index], help="compare with the index; find files to upload"
    )
    pending.add_argument("--output", type=Path, required=True, help="the directory to make")
    pending.set_defaults(run=_pending)

    github = commands.add_parser("github", parents=[bundle], help="make the GitHub release")
    github.set_defaults(run=_github)

    check = commands.add_parser(
        "try", parents=[bundle, index], help="install the wheel by its hash; link and run programs"
    )
    check.add_argument("platform", choices=[target.platform for target in TARGETS])
    check.add_argument("--published", action="store_true", help="install from the index")
    check.add_argument("--wait", type=float, default=900, help="seconds for the index to list all")
    check.set_defaults(run=_try)

    swift = commands.add_parser(
        "swift", parents=[bundle], help="build and run a Swift program with the artifact bundle"
    )
    swift.set_defaults(run=_swift)
    return parser


def main() -> int:
    """Run from the command line; return 1 if the release must not continue."""
    arguments = _parser().parse_args()
    return report_errors("release", lambda: arguments.run(arguments))


if __name__ == "__main__":
    sys.exit(main())
