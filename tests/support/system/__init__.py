"""The system that tests run on: users, processes, and file systems."""
