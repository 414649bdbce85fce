"""The Zig bridges that tests build and call."""
