"""How long each reply may take (RFC 5321 4.5.3.2), in seconds."""

from __future__ import annotations

STAGES = {"BANNER": 300.0, "DATA": 120.0, "DOT": 600.0, "BDAT LAST": 600.0, "QUIT": 10.0}
"""Kind of command -> seconds for its reply; every other has OTHER."""
OTHER = 300.0
BLOCK = 180.0
"""For one block of message text to be taken."""


def stage_of(kind: str, timeout: float | None) -> float:
    """Seconds for the reply to a command of this kind; ``timeout`` replaces them all, 0 is no limit."""
    return STAGES.get(kind, OTHER) if timeout is None else timeout
