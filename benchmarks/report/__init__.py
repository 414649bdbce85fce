"""The page of results: its tables, its charts, and where it is published."""
