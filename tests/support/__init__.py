"""Code that tests share, by subject. Nothing outside tests/ imports it."""
