"""Look for advisories about the crates of the archives and about the Python tools.

    python -m tools.audit --cargo-deny PROGRAM [--issue] [--osv-url URL]

Runs in an environment with pyproject.toml's dependency group ``audit``. cargo-deny uses
RustSec's database, and pip-audit uses OSV, so it needs a network. See docs/releasing.md.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import re
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import tomli
from packaging.utils import canonicalize_name

from tools import ROOT, ToolError, issue
from tools.requirements import read_pins

TITLE: Final = "Advisories about what is built from"
OSV: Final = "https://api.osv.dev/v1/query"


@dataclass(frozen=True, order=True)
class Finding:
    """An advisory about a package.

    Attributes:
        subject: name and version of the crate or Python package.
        advisory: its identifier, or the problem if it has none.
        title: the title, in one line.
    """

    subject: str
    advisory: str
    title: str

    def __str__(self) -> str:
        return f"{self.subject}: {self.advisory}: {self.title}"


def audit_crates(cargo_deny: Path, config: Path, rust: Path) -> list[Finding]:
    """Return the advisories about the crates of Cargo.lock, including those that are copied.

    Args:
        cargo_deny: the program.
        config: its configuration.
        rust: the Cargo workspace.

    Raises:
        ToolError: cargo-deny failed.
    """
    findings = _ask_cargo_deny(cargo_deny, config, rust, "--locked")
    return sorted({*findings, *_audit_copies(cargo_deny, config, rust)})


def _audit_copies(cargo_deny: Path, config: Path, rust: Path) -> list[Finding]:
    """Return the advisories about the published crates that the workspace has copies of.

    cargo-deny ignores crates that come from a directory, so this checks a package that depends on
    the published ones.
    """
    manifest = tomli.loads((rust / "Cargo.toml").read_text(encoding="utf-8"))
    copies = {}
    for name, patch in manifest["patch"]["crates-io"].items():
        text = (rust / patch["path"] / "Cargo.toml").read_text(encoding="utf-8")
        copies[name] = tomli.loads(text)["package"]["version"]
    with tempfile.TemporaryDirectory() as scratch:
        package = Path(scratch)
        (package / "lib.rs").touch()
        lines = ["[package]", 'name = "copies"', "[lib]", 'path = "lib.rs"', "[dependencies]"]
        lines += [f'{name} = "={version}"' for name, version in copies.items()]
        (package / "Cargo.toml").write_text("\n".join(lines), encoding="utf-8")
        findings = _ask_cargo_deny(cargo_deny, config, package)
    # The others are not those of Cargo.lock.
    subjects = {f"{name} {version}" for name, version in copies.items()}
    return [finding for finding in findings if finding.subject in subjects]


def _ask_cargo_deny(cargo_deny: Path, config: Path, package: Path, *options: str) -> list[Finding]:
    command = [str(cargo_deny), "--format", "json", *options, "--config", str(config)]
    command += ["check", "--hide-inclusion-graph", "advisories"]
    done = _run(command, package)
    lines = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    findings, others = [], []
    for line in lines:
        fields = line["fields"]
        if line["type"] == "diagnostic" and fields["severity"] == "error":
            labels = [label["span"].split()[:2] for label in fields["labels"]]
            if "code" in fields and labels:
                advisory = (fields.get("advisory") or {}).get("id") or fields["code"]
                findings.append(Finding(" ".join(labels[0]), advisory, fields["message"]))
            else:
                others.append(fields["message"])
        elif line["type"] == "log" and fields["level"] == "ERROR":
            others.append(fields["message"])
    looked = any(line["type"] == "summary" for line in lines)
    if others or not looked or bool(done.returncode) != bool(findings):
        raise ToolError("\n".join(["cargo-deny failed:", *others, done.stderr[-2000:]]))
    return findings


def audit_tools(directory: Path, osv_url: str) -> list[Finding]:
    """Return the advisories about the packages in the requirements files, for all platforms.

    Args:
        directory: the directory with the files.
        osv_url: the URL of OSV's database.

    Raises:
        ToolError: pip-audit failed.
    """
    versions: dict[str, set[str]] = {}
    for file in directory.glob("*.txt"):
        for pin in read_pins(file.read_text(encoding="utf-8")):
            versions.setdefault(canonicalize_name(pin.name), set()).add(str(pin.specifier))
    findings: set[Finding] = set()
    # pip-audit accepts only one version of a package at a time.
    for several in itertools.zip_longest(*map(sorted, versions.values())):
        pins = zip(versions, several, strict=True)
        findings |= _ask_osv([f"{name}{version}" for name, version in pins if version], osv_url)
    return sorted(findings)


def _ask_osv(pins: Sequence[str], osv_url: str) -> set[Finding]:
    command = [str(Path(sysconfig.get_path("scripts"), "pip-audit")), "--format", "json"]
    command += ["--no-deps", "--disable-pip", "--progress-spinner", "off"]
    command += ["--vulnerability-service", "osv", "--osv-url", osv_url, "--requirement"]
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch, "requirements.txt")
        file.write_text("".join(f"{pin}\n" for pin in pins), encoding="utf-8")
        done = _run([*command, str(file)], file.parent)
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except ValueError:
        raise ToolError(f"pip-audit failed:\n{done.stderr[-2000:]}") from None
    if len(packages) != len(pins) or any("skip_reason" in package for package in packages):
        raise ToolError(f"pip-audit did not check all packages:\n{done.stderr[-2000:]}")
    return {
        Finding(
            f"{package['name']} {package['version']}",
            advisory["id"],
            advisory["description"].strip().partition("\n")[0],
        )
        for package in packages
        for advisory in package["vulns"]
    }


def render(crates: Sequence[Finding], tools: Sequence[Finding]) -> str:
    """Return the findings as Markdown."""
    parts = (("Crates in Cargo.lock", crates), ("Python tools in requirements/", tools))
    lines = []
    for heading, findings in parts:
        lines += [f"### {heading}", "", *(f"- {finding}" for finding in findings or ("none",)), ""]
    return "\n".join(lines)


def _run(command: Sequence[str], directory: Path) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    except OSError as error:
        raise ToolError(f"{command[0]} does not run: {error.strerror}") from None


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: the arguments; None for this process's.

    Returns:
        0; 1 if there are advisories; 2 if the check failed.
    """
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cargo-deny", type=Path, required=True, help="the program")
    parser.add_argument(
        "--config", type=Path, default=ROOT / "rust" / "deny.toml", help="cargo-deny's"
    )
    parser.add_argument("--osv-url", default=OSV, help="URL of OSV (default: %(default)s)")
    parser.add_argument("--issue", action="store_true", help="open or update an issue with gh")
    arguments = parser.parse_args(argv)
    try:
        crates = audit_crates(arguments.cargo_deny, arguments.config.resolve(), ROOT / "rust")
        tools = audit_tools(ROOT / "requirements", arguments.osv_url)
        text = render(crates, tools)
        if arguments.issue and (crates or tools):
            done = issue.update(
                TITLE, text, search=TITLE, titles=re.compile(re.escape(TITLE)), more="make audit"
            )
            text += f"\nIn GitHub: {done}.\n"
    except ToolError as error:
        print(f"audit: {error}", file=sys.stderr)
        return 2
    print(text)
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        # Append to a step's summary, never replace it.
        with open(summary, "a", encoding="utf-8") as file:
            file.write(f"{text}\n")
    return 1 if crates or tools else 0


if __name__ == "__main__":
    sys.exit(main())
