"""A shared library, linked from one of the archives on the user's machine.

It has the name that bindings to Temporal's own C bridge look for, and exports the same functions
as the archive.
"""
