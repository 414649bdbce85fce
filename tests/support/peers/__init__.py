"""Servers and proxies on the loopback interface that misbehave on request."""
