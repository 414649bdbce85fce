"""What can go wrong, by what the caller can do about it."""


class TemporalStaticLibsError(Exception):
    """Base of every error this package raises on purpose.

    ``str(error)`` is the whole report: what is wrong, which file, where it came from, and the
    command that fixes it. It may span lines.
    """


class MissingLibraryError(TemporalStaticLibsError):
    """An archive, or the manifest or checksums that describe it, is absent or unreadable."""


class ChecksumMismatchError(TemporalStaticLibsError):
    """An archive is not the one that was recorded: truncated, altered or replaced."""


class UnsupportedPlatformError(TemporalStaticLibsError):
    """A target triple that this package has no archives for and cannot build."""


class CompileError(TemporalStaticLibsError):
    """The archives could not be compiled from the Rust sources."""


class LinkError(TemporalStaticLibsError):
    """The shared library could not be linked, or not be written."""


class SettingError(TemporalStaticLibsError):
    """An environment variable of this package holds a value it does not know."""
