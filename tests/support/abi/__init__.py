"""The C interface as tests use it."""
