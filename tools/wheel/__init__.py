"""Tag and check the wheel that the build makes, and repeat builds of it."""
