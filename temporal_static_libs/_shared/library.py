"""Link a shared library from a verified archive, and move it into place when it is complete."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from .._components import component_named
from .._errors import LinkError
from .._flags import framework_flags, system_library_flags
from .._library_set import LoadedSet
from .._messages import message
from .._ownership import may_write
from .._targets import target_of_triple
from .._whole_files import remove_leftovers, write_whole
from .exports import check_defined, exported_symbols
from .formats import FORMATS, ROOTS_FILE
from .linker import find_linker


def link_shared_library(
    loaded: LoadedSet,
    component: str,
    directory: str | os.PathLike[str],
    environ: Mapping[str, str],
) -> Path:
    """Link a component's archive into a shared library.

    Args:
        loaded: the archives, verified.
        component: the component's name.
        directory: the directory for the shared library; created if necessary.
        environ: the environment with CC and PATH.

    Returns:
        The file, an absolute path. If the link fails, the directory is unchanged.

    Raises:
        LinkError: there is no linker, it failed, the archive lacks something, or the directory
            cannot be written to.
        SettingError: CC is not a valid command.
        MissingLibraryError: there is no archive for the component.
        UnsupportedPlatformError: the target of the archives is not in the table.
    """
    manifest, library = loaded.manifest, loaded.library(component)
    target = target_of_triple(manifest.target)
    form, row = FORMATS[target.os], component_named(component)
    if not os.fspath(directory):
        # For example an unset variable. The system refuses an empty name, but abspath() accepts it.
        raise _unusable("''", os.strerror(errno.ENOENT))
    file = Path(os.path.abspath(directory), form.file_name(row))
    symbols = exported_symbols(row)
    check_defined(loaded, library, symbols, form.symbol_prefix)
    linker = find_linker(target, environ)
    _prepare(file, loaded.directory)
    # A temporary directory, because linkers also write other files next to the library, and because
    # a comma in a path would split the options.
    with tempfile.TemporaryDirectory(prefix="temporal-shared-") as scratch:
        Path(scratch, form.exports_file).write_text(form.exports(symbols), encoding="ascii")
        Path(scratch, ROOTS_FILE).write_text(form.roots(symbols), encoding="ascii")
        arguments = form.arguments(file.name, target, manifest.floor_version)
        arguments += [str(loaded.archive(library)), *system_library_flags(library)]
        arguments += framework_flags(library)
        if target.os == "windows" and not linker.is_zig:
            # Otherwise, the library needs a DLL of GCC, which other machines lack.
            arguments.append("-static-libgcc")
        linker.run(arguments, Path(scratch), environ)
        content = Path(scratch, file.name).read_bytes()
    try:
        write_whole(file, content)
    except OSError as error:
        raise _unusable(file, error.strerror) from None
    remove_leftovers(file.parent, file.name)
    return file


def _prepare(file: Path, archives: Path) -> None:
    """Create the directory of a file, and check it before the link, which takes longer."""
    directory = file.parent
    if os.path.realpath(directory) == os.path.realpath(archives):
        raise LinkError(message("shared-among-archives", file=file))
    try:
        os.makedirs(directory, exist_ok=True)
    except OSError as error:
        raise _unusable(directory, error.strerror) from None
    if not may_write(str(directory)):
        raise _unusable(directory, os.strerror(errno.EACCES))
    if file.is_dir():
        raise _unusable(file, os.strerror(errno.EISDIR))


def _unusable(file: Path | str, reason: str | None) -> LinkError:
    return LinkError(message("shared-directory-unusable", file=file, reason=reason))
