"""Message text on its way to the wire: line ends, dot-stuffing, and a test message of our own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from email.utils import format_datetime, make_msgid
from typing import BinaryIO

BLOCK = 256 * 1024
"""Octets read at once."""

_CONTROLS = re.compile(r"[\x00-\x1f\x7f]+")
_DOMAIN = re.compile(r"[A-Za-z0-9.-]+|\[[A-Za-z0-9.:-]+\]")
_LONE = re.compile(rb"\r(?!\n)|(?<!\r)\n")


class Stuffer:
    """Message text, block by block, as it stands on the wire: every line end CRLF, every leading dot doubled.

    RFC 5321 2.3.8 and 4.5.2. However the text is cut into blocks, the octets that come out are the same.
    """

    def __init__(self, line_start: bool = True) -> None:
        """``line_start`` is false where the text goes on in the middle of a line."""
        self._line_start = line_start
        self._cr = False  # the last block ended in CR: whether LF follows is still open

    def feed(self, block: bytes) -> bytes:
        """The next block of text, ready for the wire."""
        if not block:
            return b""
        if self._cr:
            block = b"\r" + block
        self._cr = block.endswith(b"\r")
        if self._cr:
            block = block[:-1]
        if block.count(b"\n") != (ends := block.count(b"\r\n")) or block.count(b"\r") != ends:
            block = _LONE.sub(b"\r\n", block)
        if self._line_start and block.startswith(b"."):
            block = b"." + block
        if b"\n." in block:
            block = block.replace(b"\n.", b"\n..")
        if block:
            self._line_start = block.endswith(b"\n")
        return block

    def finish(self) -> bytes:
        """What is missing at the end so that a dot may follow: nothing, or a CRLF."""
        missing = b"" if self._line_start and not self._cr else b"\r\n"
        self._line_start, self._cr = True, False
        return missing


def blocks(stream: bytes | BinaryIO) -> Iterator[bytes]:
    """The text in blocks of at most 256 KiB."""
    if isinstance(stream, bytes):
        for start in range(0, len(stream), BLOCK):
            yield stream[start : start + BLOCK]
    else:
        while block := stream.read(BLOCK):
            yield block


def sample_message(mail_from: str, rcpt_to: Sequence[str], now: datetime) -> bytes:
    """A short test message with Date, From, To, Subject and Message-ID; lines end in CRLF (RFC 5322)."""
    sender, *recipients = (_CONTROLS.sub("", path) for path in (mail_from, *rcpt_to))
    domain = sender.rpartition("@")[2]
    lines = (
        f"Date: {format_datetime(now)}",
        f"From: <{sender or 'postmaster@localhost'}>",
        f"To: {', '.join(f'<{path}>' for path in recipients) or 'undisclosed-recipients:;'}",
        f"Subject: test {now:%Y-%m-%d %H:%M:%S}",
        f"Message-ID: {make_msgid('smtpscope', domain if _DOMAIN.fullmatch(domain) else 'localhost')}",
        "",
        "This is a test message from smtpscope.",
        "",
    )
    return "\r\n".join(lines).encode()
