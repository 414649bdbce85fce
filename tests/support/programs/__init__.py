"""Programs and processes that tests start or inspect."""
