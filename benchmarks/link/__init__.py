"""Linking: how long it takes, and how large the result is."""
