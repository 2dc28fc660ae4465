"""What the user chose for TLS; apart from the engine, so that choosing loads none of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TLSOptions:
    """Whom to trust, and what a bad verdict means."""

    ca_path: str | None = None
    """PEM file, or a directory of them, trusted beside the system's."""
    insecure: bool = False
    """Whether the session goes on after a bad verdict; the verdict is the same."""
