"""The package's exceptions, by what the caller can do about them."""


class TemporalStaticLibsError(Exception):
    """Base class of all errors that this package raises on purpose.

    ``str(error)`` is the full report: the problem, the file, its source, and the command that fixes
    it. It may span several lines.
    """


class MissingLibraryError(TemporalStaticLibsError):
    """An archive, or the manifest or checksums that describe it, is absent or unreadable."""


class ChecksumMismatchError(TemporalStaticLibsError):
    """An archive is not the one that was recorded: it was truncated, altered or replaced."""


class UnsupportedPlatformError(TemporalStaticLibsError):
    """A target triple that this package neither has archives for nor can build."""


class CompileError(TemporalStaticLibsError):
    """The archives could not be compiled from the Rust sources."""


class LinkError(TemporalStaticLibsError):
    """The shared library could not be linked or written."""


class SettingError(TemporalStaticLibsError):
    """An environment variable has an invalid value."""
