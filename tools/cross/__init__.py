"""``make cross``: the wheels of all platforms, made and tried on one machine."""
