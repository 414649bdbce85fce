"""One hash for all that is compiled."""

from __future__ import annotations

import hashlib

from .._checksums import sha256_of
from .source_tree import Sources


def rust_sources_sha256(sources: Sources) -> str:
    """Hash the names and contents of the Rust sources, of Cargo's files and of Cargo.lock.

    It is the same for a checkout and for the package made of it.

    Args:
        sources: what to hash. The C header, which has a hash of its own, is not part of it.

    Returns:
        64 lower-case hexadecimal digits.

    Raises:
        OSError: a file cannot be read.
    """
    digest = hashlib.sha256()
    for file in sources.rust_files():
        name = file.relative_to(sources.workspace).as_posix()
        digest.update(f"{sha256_of(file)}  {name}\n".encode())
    return digest.hexdigest()
