"""SASL as a debugger needs it: each step of each mechanism on its own, and which octets of it are secret.

In the frame of RFC 4954. The mechanisms have rooms of their own, by family: ``sasl_simple``, ``sasl_digest``,
``sasl_scram``, ``sasl_bearer``; what they share is in ``sasl_steps``, what a step says in ``sasl_fields``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from smtpscope.smtp.sasl_bearer import jwt_claims, oauthbearer, xoauth2
from smtpscope.smtp.sasl_digest import digest_md5
from smtpscope.smtp.sasl_scram import scram
from smtpscope.smtp.sasl_simple import anonymous, cram_md5, external, log_in, plain
from smtpscope.smtp.sasl_steps import Broken, Login, Response, Steps, decode_base64

__all__ = [
    "ANY_TEXT",
    "BEST",
    "CLEAR_TEXT",
    "MECHANISMS",
    "Broken",
    "Login",
    "Response",
    "Steps",
    "choose",
    "conclude",
    "decode_challenge",
    "jwt_claims",
    "steps",
]

_STEPS: dict[str, Callable[[Login], Steps]] = {
    "SCRAM-SHA-512-PLUS": partial(scram, algorithm="sha512", plus=True),
    "SCRAM-SHA-256-PLUS": partial(scram, algorithm="sha256", plus=True),
    "SCRAM-SHA-1-PLUS": partial(scram, algorithm="sha1", plus=True),
    "SCRAM-SHA-512": partial(scram, algorithm="sha512", plus=False),
    "SCRAM-SHA-256": partial(scram, algorithm="sha256", plus=False),
    "SCRAM-SHA-1": partial(scram, algorithm="sha1", plus=False),
    "DIGEST-MD5": digest_md5,
    "CRAM-MD5": cram_md5,
    "PLAIN": plain,
    "LOGIN": log_in,
    "OAUTHBEARER": oauthbearer,
    "XOAUTH2": xoauth2,
    "EXTERNAL": external,
    "ANONYMOUS": anonymous,
}

MECHANISMS = tuple(_STEPS)
"""What we can do, the best first."""
BEST = MECHANISMS[: MECHANISMS.index("LOGIN") + 1]
"""Those that are chosen by themselves: they take a user and a password."""
CLEAR_TEXT = frozenset({"PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER"})
"""Mechanisms that give the password, or the token, to whoever reads along."""
ANY_TEXT = frozenset({"PLAIN", "LOGIN"})
"""Mechanisms whose challenges are only for people, so that one which is not base64 need not end them."""


def steps(mechanism: str, login: Login) -> Steps:
    """The client's side of one exchange. ValueError for a mechanism that we cannot do."""
    begin = _STEPS.get(mechanism.upper())
    if begin is None:
        what = f"choose one of {', '.join(MECHANISMS)}, or type it by hand"
        raise ValueError(f"AUTH {mechanism} cannot be run here: {what}")
    return begin(login)


def conclude(exchange: Steps, data: bytes) -> None:
    """The server has accepted, with ``data`` if any. Broken if it was to prove itself and did not."""
    try:
        exchange.send(data)
    except StopIteration:
        pass
    except Broken:
        if data:
            raise
        raise Broken("the server accepted and has not shown that it knows the password") from None


def decode_challenge(text: str) -> bytes | None:
    """The octets of a 334's text (RFC 4954 4), None if it is not base64."""
    return decode_base64(text.encode("ascii")) if text.isascii() else None


def choose(offered: str, wanted: tuple[str, ...] = (), tls: bool = False) -> str | None:
    """The best mechanism that is offered (the AUTH keyword's parameters), wanted and known; None if there is none.

    -PLUS is only for links with ``tls``. Mechanisms that take no password are only chosen where they are wanted.
    """
    available = offered.upper().split()
    candidates = [name.upper() for name in wanted] or list(BEST)
    return next((name for name in candidates if name in available and name in _STEPS and _fits(name, tls)), None)


def _fits(mechanism: str, tls: bool) -> bool:
    return tls or not mechanism.endswith("-PLUS")
