"""Using the C interface in tests."""
