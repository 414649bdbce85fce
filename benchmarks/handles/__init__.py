"""What a call on a handle costs before it does anything."""
