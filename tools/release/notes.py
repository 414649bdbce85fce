"""The notes of a GitHub release."""

from __future__ import annotations

from tools.release.exact_set import Distributions
from tools.release.names import PROJECT


def release_notes(entry: str, distributions: Distributions, version: str) -> str:
    """Write them.

    Args:
        entry: the changelog's, for the version.
        distributions: what is released.
        version: of the release.

    Returns:
        Markdown.
    """
    rows = [
        f"| {wheel.target.platform} | {wheel.target.floor_name} {wheel.manifest.floor_version} "
        f"| `{wheel.file.name}` |"
        for wheel in distributions.wheels
    ]
    lines = [
        entry,
        "",
        "## Platforms",
        "",
        "| platform | oldest system | wheel |",
        "|---|---|---|",
        *rows,
    ]
    if distributions.missing:
        lines += [
            "",
            f"This release has no wheel for {', '.join(distributions.missing)}: its build failed. "
            "There pip takes the source distribution, which compiles.",
        ]
    lines += [
        "",
        "## Install",
        "",
        f"    pip install {PROJECT}=={version}",
        "",
        "The tarballs hold what the wheels hold, for use without pip: unpack one, check it with "
        "`sha256sum -c`, and let `TEMPORAL_LIBS_DIR` name its directory.",
    ]
    return "\n".join(lines) + "\n"
