"""What can go wrong."""


class BumpError(Exception):
    """The core cannot be moved, or not be asked for. The message says why, and what to do."""
