"""What goes wrong in a benchmark."""


class BenchmarkError(Exception):
    """A benchmark cannot be run. The message says why, and what to do."""
