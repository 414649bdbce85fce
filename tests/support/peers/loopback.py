"""Addresses that only this machine can reach."""

from __future__ import annotations

import socket


def unused_address() -> str:
    """Find a loopback address that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{listener.getsockname()[1]}"
