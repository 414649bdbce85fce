"""The C interface: facts of a header, and how two sets of facts differ."""
