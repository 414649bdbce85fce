"""Time from starting a process to its first answer."""
