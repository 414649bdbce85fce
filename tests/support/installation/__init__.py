"""Installations for tests: small copies of the package, and many calls in one process."""
