"""License texts and SBOM of everything compiled into the archives.

The functions raise `ToolError` if a license is unclear, and CalledProcessError if a program fails,
after it prints messages to stderr.
"""
