"""Memory of a process with a runtime, a connection and a worker."""
