"""``--tls-get-peer-cert`` and ``--tls-get-peer-chain``: what the server shows is written as PEM, as swaks does it."""

from __future__ import annotations

from smtpscope.session.certificates import pem
from smtpscope.smtp.events import Event, Secured
from smtpscope.visible import safe


class PeerFiles:
    """A listener: with each handshake the files are written over; an empty name keeps the text for ``on_leaving``."""

    def __init__(self, cert: str | None, chain: str | None) -> None:
        self.problem = ""
        """Why a file could not be written the last time, in one sentence that is safe to show."""
        self.on_leaving = ""
        """PEM for standard output."""
        self._wanted = [(path, whole) for path, whole in ((cert, False), (chain, True)) if path is not None]

    def __call__(self, event: Event) -> None:
        """Take one event."""
        if isinstance(event, Secured) and self._wanted:
            self.problem = self.on_leaving = ""
            for path, whole in self._wanted:
                self._write(path, pem(event.chain if whole else event.chain[:1]))

    def _write(self, path: str, text: str) -> None:
        if not path:
            self.on_leaving += text
            return
        try:
            with open(path, "w", encoding="ascii") as file:
                file.write(text)
        except (OSError, ValueError) as error:
            words = getattr(error, "strerror", None) or error
            self.problem = safe(f"The certificate could not be written to {path}: {words}.")
