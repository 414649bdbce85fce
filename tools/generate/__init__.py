"""Generate the reference pages in docs/ from the code: `python -m tools.generate`."""
