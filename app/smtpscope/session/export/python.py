"""The session as a Python script with aiosmtplib."""

from __future__ import annotations

import re

from smtpscope.session.exchanges import Exchange
from smtpscope.session.export.hiding import Hide
from smtpscope.session.export.outline import (
    INLINE,
    MESSAGE_FILE,
    NOTHING,
    Outline,
    outline,
    pieces,
    remarks,
    unoffered,
    unstuffed,
)
from smtpscope.session.export.shell import comments
from smtpscope.smtp.events import Event

_METHODS = {b"PLAIN": "auth_plain", b"LOGIN": "auth_login", b"CRAM-MD5": "auth_crammd5"}
_LONE = re.compile(rb"\r(?!\n)|(?<!\r)\n")

_HEAD = """\
import asyncio
import os

from aiosmtplib import SMTP, SMTPResponseException


async def step(what, reply):
    # A refusal is shown as any reply, and the session goes on.
    try:
        code, text, *_ = await reply
    except SMTPResponseException as refusal:
        code, text = refusal.code, refusal.message
    print(f"{what}: {code} {text!a}")


async def main():
"""


def write(events: list[Event], hide: Hide) -> str:
    """A script that runs as it is; all of it but comments is ASCII."""
    it = outline(events, hide)
    if it is None:
        return comments([NOTHING])
    notes = [f"of {it.number[1]} connections this is number {it.number[0]}"] if it.number[1] > 1 else []
    notes += _cannot(it)
    calls = [line for each in it.connection.exchanges for line in _calls(it, each, hide, notes)]
    if calls[-1:] != ['await step("QUIT", client.quit())']:
        calls.append("client.close()")
    lines = [*_client(it), 'await step("connect", client.connect())', *calls]
    body = "".join(f"    {line}\n" for line in lines)
    return comments(remarks(it, notes)) + _HEAD + body + "\n\nasyncio.run(main())\n"


def _client(it: Outline) -> list[str]:
    return [
        "client = SMTP(",
        f"    hostname={_str(it.server)},",
        f"    port={it.port},",
        f"    use_tls={it.implicit_tls},",
        "    start_tls=False,",
        f"    validate_certs={it.verified or not it.tls},",
        ")",
    ]


def _calls(it: Outline, exchange: Exchange, hide: Hide, notes: list[str]) -> list[str]:
    """The lines of Python for one exchange; none for what happens by itself."""
    if not exchange.line or exchange.became_text or exchange.kind in ("DOT", "CONNECT", "BANNER"):
        return []
    line = hide(exchange.line)
    name = line.partition(b" ")[2].strip()
    match exchange.kind:
        case "EHLO" | "HELO" if exchange.verb != "LHLO" and name.isascii() and name:
            call = f"client.{exchange.kind.lower()}(hostname={_str(name)})"
        case "STARTTLS":
            call = "client.starttls()"
        case "AUTH":
            method = _METHODS.get(exchange.line.upper().split()[-1])
            if method is None:
                notes.append("the AUTH of this session is left out: aiosmtplib has no method for it")
                return []
            user = hide(exchange.user.encode("utf-8", "surrogateescape"))
            who = _str(user) if user else 'os.environ["SMTP_USER"]'
            call = f'client.{method}({who}, os.environ["SMTP_PASSWORD"])'
        case "DATA" if exchange.code != 354 or _ended(it, exchange):
            return _message(exchange, hide, notes)
        case "QUIT":
            call = "client.quit()"
        case "BDAT" | "BDAT LAST":
            notes.append("a chunk of BDAT is left out: aiosmtplib sends messages with DATA")
            return []
        case _:
            call = f"client.execute_command({line!r})"
    return [f'await step("{_label(exchange, hide)}", {call})']


def _ended(it: Outline, data: Exchange) -> bool:
    """Whether a dot came behind this DATA; else the message must not be sent."""
    behind = it.connection.exchanges[it.connection.exchanges.index(data) + 1 :]
    return any(each.kind == "DOT" for each in behind)


def _message(exchange: Exchange, hide: Hide, notes: list[str]) -> list[str]:
    """DATA, the text and the dot are one call."""
    if not (exchange.whole and exchange.size <= INLINE):
        notes.append(f"the message text ({exchange.size:,} octets) is not here: put it into {MESSAGE_FILE}")
        return [f'with open("{MESSAGE_FILE}", "rb") as file:', '    await step("DATA", client.data(file.read()))']
    data = unstuffed(hide(exchange.text)).split(b"\n")
    pieces = [piece + b"\n" for piece in data[:-1]] + ([data[-1]] if data[-1] else [])
    return [
        "message = (",
        *(f"    {piece!r}" for piece in pieces or [b""]),
        ")",
        'await step("DATA", client.data(message))',
    ]


def _label(exchange: Exchange, hide: Hide) -> str:
    return "".join(char for char in hide.shown(exchange.verb, 40) if char.isascii() and char.isalnum()) or "command"


def _str(data: bytes) -> str:
    """A Python string in ASCII."""
    return ascii(data.decode("utf-8", "surrogateescape"))


def _cannot(it: Outline) -> list[str]:
    notes = [note for note in unoffered(it, "aiosmtplib") if "STARTTLS" in note]  # it says AUTH all the same
    if it.hello == "LHLO":
        notes.append("aiosmtplib reads one reply to the dot, where LMTP gives one for each recipient")
    notes += pieces(it)
    if any(_LONE.search(each.text) for each in it.connection.of("DATA")):
        notes.append("lone CRs and LFs in the message text become CRLF: aiosmtplib sends no others")
    sent = [each for each in it.connection.exchanges if each.line]
    if any(each.ending != b"\r\n" for each in sent):
        notes.append("line ends that were not CRLF are CRLF here")
    if any(each.code == 354 and not _ended(it, each) for each in it.connection.of("DATA")):
        notes.append("the message text was not ended: it is not sent here")
    if it.dropped:
        notes.append("the session was dropped without QUIT")
    return notes
