"""What the tests share, by subject. Nothing outside tests/ imports it."""
