"""From nothing to a linked Zig bridge: the wheel beside a compile."""
