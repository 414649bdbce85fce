"""``make profile``: measure which crates' code takes a bridge's CPU time, and judge opt-levels.

Runs in a venv that holds the wheel and what the tests need.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import tomli

from benchmarks.harness.errors import BenchmarkError
from benchmarks.harness.libraries import Libraries
from tests.profile.crates import Binary
from tests.profile.loads import Setting, large_answer, record_history
from tests.profile.report import Split, as_json, conclusions, split, tables
from tests.profile.rule import FEWEST_SAMPLES, Levels, changes, decide, shares
from tests.profile.sampling import Perf
from tests.profile.server import answering_server
from tests.profile.workloads import WORKLOADS, Site
from tests.support.abi.capi import (
    CApi,
    declarations,
    function_names,
    header_path,
    link_shared_library,
)
from tools import ROOT, ToolError, report_errors
from tools.dev_server import NO_RATE_LIMITS, running_dev_server

ARCHIVE = "libtemporal_sdk_core.a"
MOST_RUNS = 6
"""How often a workload runs to get to `FEWEST_SAMPLES`."""


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="profile", description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--line-tables",
        type=Path,
        default=ROOT / "dist/release/line-tables",
        metavar="DIR",
        help="the archives with line tables (default: those that make wheel leaves)",
    )
    parser.add_argument(
        "--workloads",
        nargs="+",
        choices=WORKLOADS,
        default=list(WORKLOADS),
        metavar="NAME",
        help=f"what to run (default: all): {', '.join(WORKLOADS)}",
    )
    parser.add_argument(
        "--seconds", type=float, default=8.0, help="how long each runs (default: 8)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the result as JSON")
    return parser.parse_args(argv)


def measure(
    workloads: Sequence[str], line_tables: Path, seconds: float
) -> tuple[dict[str, object], dict[str, Split]]:
    """Run workloads.

    Args:
        workloads: their names.
        line_tables: the directory of the archives with line tables.
        seconds: how long each runs.

    Returns:
        Facts about the measurement, and the samples of each workload.

    Raises:
        ToolError: something is missing, or failed.
    """
    manifest = line_tables / "manifest.json"
    if not (line_tables / ARCHIVE).is_file() or not manifest.is_file():
        raise ToolError(f"{line_tables} has no archives with line tables\n  fix: make wheel")
    # For temporal-libs-config, so that everything is linked with these archives.
    os.environ["TEMPORAL_LIBS_DIR"] = str(line_tables.resolve())
    packages = cargo_packages((ROOT / "rust/Cargo.lock").read_text(encoding="utf-8"))
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="temporal-profile-")))
        perf = Perf(scratch)
        declared = declarations(header_path(), scratch)
        library = link_shared_library(function_names(declared), "sdk-core", scratch)
        binaries = {library: Binary(library, packages)}
        if not binaries[library].units:
            raise ToolError(f"{line_tables / ARCHIVE} has no line tables\n  fix: make wheel")
        server = stack.enter_context(
            running_dev_server(dynamic_config=NO_RATE_LIMITS, progress=_say)
        )
        answer = large_answer()
        other = stack.enter_context(
            answering_server(lambda method: answer if method.endswith("/QueryWorkflow") else b"")
        )
        texts, history = scratch / "declarations", scratch / "history"
        texts.write_text(declared, encoding="utf-8")
        history.write_bytes(record_history(CApi(declared, library), server.url))
        setting = Setting(
            declarations=str(texts),
            library=str(library),
            server=server.url,
            answering_server=other.url,
            gzip_server=other.gzip_url,
            tls_server=other.tls_url,
            authority=other.certificates.authority.decode(),
            certificate=other.certificates.certificate.decode(),
            key=other.certificates.key.decode(),
            history=str(history),
            seconds=seconds,
        )
        libraries = Libraries("line tables", line_tables, (), {})
        site = Site(perf, libraries, server, setting, scratch)
        splits = {}
        for name in workloads:
            _say(f"running {name}")
            parts: list[Split] = []
            while sum(part.total for part in parts) < FEWEST_SAMPLES and len(parts) < MOST_RUNS:
                measured = WORKLOADS[name](site)
                binary = measured.binary
                if binary not in binaries:
                    binaries[binary] = Binary(binary, packages)
                parts.append(split(measured.samples, str(binary), binaries[binary]))
            splits[name] = Split.of(parts)
            _say(f"  {splits[name].total} samples in the library, in {len(parts)} runs")
        described = json.loads(manifest.read_text(encoding="utf-8"))
        facts = {
            "event": perf.event,
            "seconds": seconds,
            **{key: described[key] for key in ("version", "platform", "rustc", "source_commit")},
        }
        return facts, splits


def cargo_packages(cargo_lock: str) -> dict[str, str]:
    """Map the names that packages have as crates to their own.

    Args:
        cargo_lock: the text of Cargo.lock.
    """
    names = (package["name"] for package in tomli.loads(cargo_lock)["package"])
    return {name.replace("-", "_"): name for name in names}


def workspace_members(rust: Path) -> frozenset[str]:
    """Name the packages of the workspace."""
    members = tomli.loads((rust / "Cargo.toml").read_text(encoding="utf-8"))["workspace"]["members"]
    return frozenset(
        tomli.loads((rust / member / "Cargo.toml").read_text(encoding="utf-8"))["package"]["name"]
        for member in members
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, and print what follows.

    Returns:
        The exit status.
    """
    arguments = _arguments(argv)

    def work() -> None:
        rust = ROOT / "rust"
        levels = Levels.read(
            (rust / "Cargo.toml").read_text(encoding="utf-8"), workspace_members(rust)
        )
        try:
            facts, splits = measure(arguments.workloads, arguments.line_tables, arguments.seconds)
        except BenchmarkError as error:
            raise ToolError(str(error)) from None
        of_origins = shares({name: it.library for name, it in splits.items()})
        decisions = decide(of_origins, levels)
        changed = changes(decisions, levels)
        print(tables(splits, of_origins, decisions))
        print()
        print(conclusions(splits, changed))
        if arguments.json is not None:
            result = as_json(facts, splits, of_origins, decisions, changed)
            arguments.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")

    return report_errors("profile", work)


if __name__ == "__main__":
    sys.exit(main())
