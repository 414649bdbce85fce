"""Container images that are made here, of Debian's packages."""
