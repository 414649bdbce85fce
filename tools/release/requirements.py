"""The requirement of exactly the wheels of a release, for ``pip install --require-hashes``."""

from __future__ import annotations

from temporal_static_libs._checksums import sha256_of
from tools.release.exact_set import Distributions
from tools.release.names import PROJECT


def requirement_of(distributions: Distributions, version: str) -> str:
    """Write the requirements file.

    Args:
        distributions: what is released; the source distribution is left out.
        version: of the release.
    """
    hashes = [f"--hash=sha256:{sha256_of(wheel.file)}" for wheel in distributions.wheels]
    return " \\\n    ".join([f"{PROJECT}=={version}", *hashes]) + "\n"
