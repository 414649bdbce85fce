"""Link a shared library from one of the archives, on the user's machine.

The library has the name that bindings to Temporal's own C bridge look for, and exports the same
functions as the archive.
"""
