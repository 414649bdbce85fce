"""License texts and SBOM of what is compiled into the archives.

The functions raise `ToolError` where a license is not clear, and CalledProcessError where a program
fails, whose messages are on stderr.
"""
