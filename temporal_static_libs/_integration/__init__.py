"""The files with which build systems find the archives."""
