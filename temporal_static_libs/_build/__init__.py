"""From the Rust sources to archives and a manifest. Standard library only, like the rest.

The wheel's build hook imports this from the source tree, where nothing else is installed.
"""
