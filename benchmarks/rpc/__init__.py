"""RPC throughput and CPU time a call."""
