"""The C interface: facts of a header, and differences between two sets of facts."""
