"""The shared library that a release has for each platform: linked from the wheel, and proven."""
