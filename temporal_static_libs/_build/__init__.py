"""Build archives and a manifest from the Rust sources. Uses only the standard library.

The wheel's build hook imports this from the source tree, where nothing else is installed.
"""
