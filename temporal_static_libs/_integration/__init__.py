"""The files with which build systems find archives."""
