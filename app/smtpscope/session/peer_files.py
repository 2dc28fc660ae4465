"""``--tls-get-peer-cert`` and ``--tls-get-peer-chain``: what the server shows is written as PEM, as swaks does it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from smtpscope.session.certificates import pem
from smtpscope.smtp.events import Event, Secured
from smtpscope.visible import safe


class PeerFiles:
    """A listener: with each handshake the files are written over."""

    def __init__(self, cert: str | None, chain: str | None, tell: Callable[[str], object]) -> None:
        """``tell`` is given one sentence, safe to show, where a file cannot be written."""
        self._tell = tell
        self._wanted = [(path, whole) for path, whole in ((cert, False), (chain, True)) if path]

    def __call__(self, event: Event) -> None:
        """Take one event."""
        if isinstance(event, Secured):
            for path, whole in self._wanted:
                self._write(path, pem(event.chain if whole else event.chain[:1]))

    def _write(self, path: str, text: str) -> None:
        try:
            with open(path, "w", encoding="ascii") as file:
                file.write(text)
        except (OSError, ValueError) as error:
            words = getattr(error, "strerror", None) or error
            self._tell(safe(f"the certificate could not be written to {path} ({words})"))


def printed(cert: str | None, chain: str | None, events: Iterable[Event]) -> str:
    """What is to stand on standard output on leaving: of the last handshake, where no file was named."""
    shown: tuple[bytes, ...] = ()
    for event in events:
        if isinstance(event, Secured):
            shown = event.chain
    return pem(shown[:1] if cert == "" else ()) + pem(shown if chain == "" else ())
