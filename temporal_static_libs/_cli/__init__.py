"""`temporal-libs-config`."""
