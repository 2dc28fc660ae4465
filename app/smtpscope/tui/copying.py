"""Copies of the row under the cursor, octet by octet, and of the server's certificates, which a file can have, too."""

from __future__ import annotations

from pathlib import Path

from smtpscope.session.redact import HIDDEN
from smtpscope.tui import clipboard
from smtpscope.tui.acting import Acting
from smtpscope.tui.inspector_pages import bytes_of
from smtpscope.tui.new_file import path_of, written
from smtpscope.visible import escape

SECRET = "··"
"""What stands for a hidden octet among hexadecimal digits."""


class Copying(Acting):
    """The app's actions that copy."""

    def do_transcript(self) -> None:
        """Copy the session."""
        from smtpscope.session.transcript import transcript  # not before it is needed: a start is quicker without

        text = transcript(self.recorder, redact=self.view.redactor)
        self.say(clipboard.copy(text, self.copy_to_clipboard))

    def do_hex(self) -> None:
        """Copy as pairs of hexadecimal digits, sixteen a line."""
        data, hidden = self._octets()
        pairs = [f"{octet:02x}" for octet in data]
        for start, end in hidden:
            pairs[start:end] = [SECRET] * (min(end, len(pairs)) - start)
        self._copy("\n".join(" ".join(pairs[at : at + 16]) for at in range(0, len(pairs), 16)))

    def do_escapes(self) -> None:
        """Copy as a line that can be typed: a line end is ``\\r\\n``."""
        data, hidden = self._octets()
        pieces, last = [], 0
        for start, end in hidden:
            pieces += [escape(data[last:start]), HIDDEN]
            last = end
        self._copy("".join([*pieces, escape(data[last:])]))

    def do_certificates(self) -> None:
        """Copy the certificates of the moment that is shown."""
        self._certificates(None)

    def execute(self, text: str) -> None:
        """One line of the app's own: ``pem FILE`` here."""
        verb, _, name = text.strip().partition(" ")
        if verb == "pem":
            self._certificates(path_of(name.strip()) if name.strip() else None)
        else:
            super().execute(text)

    def _certificates(self, path: Path | None) -> None:
        """The whole chain as PEM, to a new file or the clipboard."""
        secured = self.shown.moment.secured
        if secured is None or not secured.chain:
            self.say("there is no TLS here, and so no certificate")
            return
        from smtpscope.session.certificates import pem  # what it stands on is not for before the first frame

        count, text = len(secured.chain), pem(secured.chain)
        what = f"{count} certificate{'' if count == 1 else 's'} as PEM"
        self.say(written(text, path, what) if path else f"{clipboard.copy(text, self.copy_to_clipboard)}: {what}")

    def _octets(self) -> tuple[bytes, list[tuple[int, int]]]:
        data, _, hidden = bytes_of(self.look_at(self.shown))
        return data, hidden

    def _copy(self, text: str) -> None:
        self.say(clipboard.copy(text, self.copy_to_clipboard) if text else "this row is no octets of the wire")
