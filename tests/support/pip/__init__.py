"""Packages, source trees, and users who install them."""
