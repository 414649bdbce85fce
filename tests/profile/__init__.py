"""Which crates a bridge spends its CPU time in, and which of them get opt-level 3."""
