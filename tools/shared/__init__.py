"""The shared library for each platform in a release: linked from the wheel, and checked."""
