"""The reference pages of docs/ that are made of the code: `python -m tools.generate`."""
