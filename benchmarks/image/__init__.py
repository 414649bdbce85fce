"""Container images with a linked bridge: with the wheel, and without."""
