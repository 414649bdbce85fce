"""Shared libraries that tests link and read."""
