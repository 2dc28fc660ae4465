"""What the user chose for TLS; apart from the engine, so that choosing loads none of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Verify = Literal["both", "ca", "host"]

PROTOCOLS = ("tlsv1", "tlsv1_1", "tlsv1_2", "tlsv1_3")
"""swaks' words for the versions of TLS, oldest first."""
NAMES = {"tlsv1": "1.0", "tlsv1_1": "1.1", "tlsv1_2": "1.2", "tlsv1_3": "1.3"}
USUAL = ("tlsv1_2", "tlsv1_3")
"""What is offered where nothing was chosen."""
_GONE = ("sslv2", "sslv3")  # swaks knows them, and no OpenSSL that is kept up speaks them


@dataclass(frozen=True)
class TLSOptions:
    """What to offer, whom to trust, what a bad verdict means. Paths are of PEM files."""

    ca_path: str | None = None
    """PEM file, or a directory of them, trusted beside the system's."""
    insecure: bool = False
    """Whether the session goes on after a bad verdict; the verdict is the same."""
    protocols: tuple[str, ...] = USUAL
    """Of PROTOCOLS, in their order."""
    cipher: str | None = None
    """A cipher string of OpenSSL; names that begin with ``TLS_`` are the suites of TLS 1.3."""
    sni: str | None = None
    """The name to send as SNI, empty for none; None for the server's."""
    verify: Verify = "both"
    """Which of the two verdicts stops the session."""
    target: str | None = None
    """The name that the certificate has to be for, None for the server's."""
    cert: str | None = None
    """Our own certificate; ``key`` belongs to it."""
    key: str | None = None
    chain: str | None = None
    """The certificates between ours and its root."""
    keylog: str | None = None
    """The file that the session's keys are appended to, in the NSS key log format."""

    @property
    def special(self) -> bool:
        """Whether something was chosen that can turn out to be impossible before there is a connection."""
        return any((self.protocols != USUAL, self.cipher, self.cert, self.key, self.chain, self.keylog))

    @property
    def versions(self) -> str:
        """The versions offered, in words: ``1.2 and 1.3``."""
        *others, last = (NAMES[each] for each in self.protocols)
        return f"{', '.join(others)} and {last}" if others else last


def parse_protocols(text: str) -> tuple[str, ...]:
    """swaks' list: either the versions to offer or, each with ``no_``, those not to; of PROTOCOLS in their order.

    Raises ValueError with one sentence.
    """
    words = [word.strip().lower() for word in text.split(",") if word.strip()]
    without = [word[3:] for word in words if word.startswith("no_")]
    known = (*_GONE, *PROTOCOLS)
    if unknown := next((word for word in words if word.removeprefix("no_") not in known), None):
        raise ValueError(f"{unknown} is no TLS version: choose from {', '.join(PROTOCOLS)}, or write no_ before each.")
    if without and len(without) < len(words):
        raise ValueError("A list of TLS versions has no_ before each of them, or before none.")
    if gone := next((word for word in words if word in _GONE), None):
        raise ValueError(f"{gone} is not spoken any more: choose from {', '.join(PROTOCOLS)}.")
    chosen = tuple(each for each in PROTOCOLS if (each not in without if without else each in words))
    if not chosen:
        raise ValueError(f"This leaves no TLS version: choose from {', '.join(PROTOCOLS)}.")
    return chosen


def check_pair(cert: str | None, key: str | None, chain: str | None) -> None:
    """Refuse a half of a client certificate, as swaks does; ValueError with one sentence."""
    if (cert is None) != (key is None):
        has, lacks = ("--tls-cert", "--tls-key") if key is None else ("--tls-key", "--tls-cert")
        raise ValueError(f"{has} needs {lacks} beside it; both may name the same file.")
    if chain is not None and cert is None:
        raise ValueError("--tls-chain needs --tls-cert and --tls-key: it is the chain of our own certificate.")
