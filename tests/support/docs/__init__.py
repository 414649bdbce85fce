"""Reading pages of docs/ in tests."""
