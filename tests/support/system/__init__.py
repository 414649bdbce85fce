"""The system that tests run on: its users, processes, and file systems."""
