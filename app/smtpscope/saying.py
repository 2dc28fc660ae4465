"""What the command line says where there is no screen: one sentence on standard error."""

from __future__ import annotations

import sys

from smtpscope.visible import visible_text


def complain(sentence: str, code: int) -> int:
    """Say what is wrong; gives ``code``, for an exit with it."""
    print(f"smtpscope: {visible_text(sentence, limit=400)}", file=sys.stderr)  # noqa: T201
    return code
