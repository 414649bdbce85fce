"""Installations to ask questions of: small copies of the package, and many calls in one process."""
