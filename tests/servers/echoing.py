"""A server that says the password back, in every form it can be said in; and how it is found in what a user sees."""

from __future__ import annotations

import asyncio
import html
import json
import quopri
import unicodedata
from base64 import b64decode, b64encode, urlsafe_b64encode
from urllib.parse import quote

from servers.sasl import exchange
from servers.scripted import END_OF_DATA, Handler, Peer

b64 = b64encode
PIECE = 5
"""Octets of one write of the server's: no form of a password fits into one."""


def aligned(password: bytes) -> list[bytes]:
    """The base64 of a password at each of the three alignments, in what stands around it in a longer text."""
    return [b64(b"x" * before + password + b"yyy") for before in (3, 4, 5)]


def cores(password: bytes) -> list[bytes]:
    """Of these, the characters that depend on the password alone."""
    found = []
    for offset in range(3):
        encoded = b64(bytes(offset) + password + bytes(-(offset + len(password)) % 3))
        found.append(encoded[(offset * 8 + 5) // 6 : (offset + len(password)) * 8 // 6])
    return found


def spelled(password: str) -> list[bytes]:
    """Its letters in other octets, and as programs escape them in text."""
    other = unicodedata.normalize("NFD", password)
    page = html.escape(password).encode("ascii", "xmlcharrefreplace")
    words = [other.encode(), json.dumps(password)[1:-1].encode(), page, quopri.encodestring(password.encode())]
    return [*words, quote(other, safe="").encode(), other.encode().hex().encode(), password.encode("latin-1")]


def forms(password: str) -> list[str]:
    """What must not be seen: in clear, base64, hexadecimal, encoded; in small letters and without blanks."""
    octets = password.encode()
    every = [octets, octets.hex().encode(), quote(octets, safe="").encode(), *cores(octets), *spelled(password)]
    shown = [form.decode(errors="backslashreplace") for form in every]  # as the screen shows what is no UTF-8
    return sorted({"".join(form.lower().split()) for form in shown})


def leaks(text: str, password: str) -> list[str]:
    """The forms of a password that a text gives away, wherever its lines are broken."""
    text = "".join(text.lower().split())
    return [form for form in forms(password) if form in text]


def echo(code: int, password: str) -> bytes:
    """A reply that says the password in every form."""
    octets = password.encode()
    said = [octets, octets.upper(), octets.hex().encode(), octets.hex().upper().encode(), b64(octets)]
    said += [b64(b"\0alice\0" + octets), quote(octets, safe="").encode(), *aligned(octets)]
    said += [*spelled(password), urlsafe_b64encode(octets)]
    lines = [b"%d-5.7.8 of alice: (%b), no" % (code, each) for each in said]
    return b"\r\n".join([*lines, b"%d 2.0.0 queued as %b" % (code, said[0])]) + b"\r\n"


def echoing(
    password: str, offered: str = "PLAIN LOGIN CRAM-MD5", *, tls: bool = False, said: str | None = None
) -> Handler:
    """It repeats the password, or says something else, whenever it opens its mouth; the first login is refused, the
    second not."""
    key, password = password.encode(), password if said is None else said
    octets = password.encode()

    async def handler(peer: Peer) -> None:
        async def say(data: bytes) -> None:
            for start in range(0, len(data), PIECE):
                await peer.send(data[start : start + PIECE])
                await asyncio.sleep(0)

        async def log_in(mechanism: bytes, initial: list[bytes], refuse: bool) -> None:
            first = b64decode(initial[0].replace(b"=", b"") and initial[0]) if initial else None
            steps = exchange(mechanism.decode().upper(), first, key, refuse)
            try:
                challenge = next(steps)
                while True:
                    await say(b"334 " + b64(challenge) + b"\r\n")
                    challenge = steps.send(b64decode(await peer.line()))
            except StopIteration:
                pass

        logins = 0
        if tls:
            await peer.starttls()
        await say(b"220 mail.test " + octets + b"\r\n")
        while line := await peer.line():
            verb, *rest = line.split()
            match verb.upper():
                case b"EHLO":
                    auth = b"250-AUTH %b %b %b\r\n250-%b\r\n" % (offered.encode(), b64(octets), octets, octets)
                    await say(b"250-mail.test\r\n" + auth + echo(250, password))
                case b"AUTH":
                    logins += 1
                    await log_in(rest[0], rest[1:], refuse=logins == 1)
                    await say(echo(535 if logins == 1 else 235, password))
                case b"DATA":
                    await say(b"354 " + octets + b"\r\n")
                    await peer.read_until(END_OF_DATA)
                    await say(b"250 2.0.0 Ok: queued as " + octets + b"\r\n")
                case b"VRFY":
                    await say(octets + b" " + b64(octets) + b"\r\n252 perhaps\r\n")  # the first is no reply at all
                case _:
                    await say(echo(250, password))

    return handler
