"""Installing the wheel: cold and cached, over fast and slow lines, and how often pip asks."""
