"""No export gives a secret away: not in clear, base64, hexadecimal or percent-encoded, whatever a server says back."""

from __future__ import annotations

import asyncio
import base64
import re
from urllib.parse import quote, quote_plus

import pytest

from servers.scripted import Peer
from session.driving import driving
from smtpscope.secret import Secret
from smtpscope.session.compare import compare, comparison_text
from smtpscope.session.export import COMMANDS, KINDS, export
from smtpscope.session.redact import Redactor
from smtpscope.session.transcript import transcript
from smtpscope.smtp.events import Event, Sent
from smtpscope.tui.screenshot import screen_svg

PASSWORD = "w0nder/länd ?+"
OCTETS = PASSWORD.encode()
b64 = base64.b64encode


async def echoing(peer: Peer) -> None:
    """A server that says everything back, and the password in every form that it can think of."""
    await peer.send(b"220 mail.test ESMTP\r\n")
    forms = b" ".join([OCTETS, b64(OCTETS), OCTETS.hex().encode(), quote(PASSWORD).encode(), b64(b"x" + OCTETS)])
    while True:
        line = await peer.line()
        verb = line[:4].upper()
        if verb == b"EHLO":
            await peer.send(b"250-mail.test\r\n250 AUTH PLAIN LOGIN CRAM-MD5\r\n")
        elif line == b"AUTH LOGIN":
            await peer.send(b"334 VXNlcm5hbWU6\r\n")
            await peer.line()
            await peer.send(b"334 UGFzc3dvcmQ6\r\n")
            line = await peer.line()
            await peer.send(b"235-" + line + b"\r\n235 " + forms + b"\r\n")
        elif line == b"AUTH CRAM-MD5":
            await peer.send(b"334 PDEyMzQ1QG1haWwudGVzdD4=\r\n")
            line = await peer.line()
            await peer.send(b"235-" + line + b"\r\n235-" + base64.b64decode(line) + b"\r\n235 " + forms + b"\r\n")
        elif verb == b"AUTH":
            await peer.send(b"235-" + line + b"\r\n235 " + forms + b"\r\n")
        elif verb == b"DATA":
            await peer.send(b"354 " + forms + b"\r\n")
            await peer.read_until(b"\r\n.\r\n")
            await peer.send(b"250 " + forms + b"\r\n")
        elif verb == b"QUIT":
            await peer.send(b"221 " + forms + b"\r\n")
            return
        else:
            await peer.send((b"550 " if b"secret" in line else b"250 ") + line + b" " + forms + b"\r\n")


async def recorded(mechanism: str) -> list[Event]:
    """A session in which the password is in everything that a user may put it into."""
    login = {"login_wanted": True, "user": "alice", "password": Secret(PASSWORD), "auth": (mechanism,)}
    text = b"Subject: " + OCTETS + b"\r\n\r\n" + b64(OCTETS) + b"\r\n"
    rcpt = (f"{OCTETS.hex()}@mail.test", "bob@mail.test")
    async with driving(echoing, data=text, rcpt_to=rcpt, **login) as driven:
        await driven.do("run_to_connected")
        await driven.do("send", b"NOOP secret " + OCTETS + b"\r\n")
        await driven.do("send_message")
        await driven.do("send", b"QUIT\r\n")
        events = driven.recorder[:]
    assert leaks(transcript(events, redact=None), events)
    return events


def leaks(shown: str, events: list[Event]) -> list[str]:
    """The forms of the secret that stand in a text."""
    small = shown.lower().replace("\\", "")
    tokens = [event.data[start:end] for event in events if isinstance(event, Sent) for start, end in event.secrets]
    digests = [base64.b64decode(token).rpartition(b" ")[2] for token in tokens if b" " in base64.b64decode(token)]
    forms = {
        *(token.decode() for token in [*tokens, *digests]),
        *(PASSWORD, OCTETS.hex(), quote(PASSWORD), quote(PASSWORD, safe=""), quote_plus(PASSWORD), "w0nder"),
        *(
            b64(bytes(shift) + OCTETS)[-(-shift * 4 // 3) : (shift + len(OCTETS)) * 8 // 6].decode()
            for shift in range(3)
        ),
    }
    return [form for form in forms if form.lower() in small]


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5"])
def test_no_export_has_the_secret(mechanism: str) -> None:
    events = asyncio.run(recorded(mechanism))
    redactor = Redactor()
    if mechanism == "CRAM-MD5":  # it never goes out, and only who has it knows what to hide
        redactor.know(Secret(PASSWORD))
    for kind in KINDS:
        assert leaks(export(events, kind, redactor=redactor), events) == [], kind
    assert leaks(comparison_text(compare(events, events, redactor=redactor), width=300), events) == []
    if mechanism != "CRAM-MD5":
        assert leaks(screen_svg(events, (200, 100)), events) == []


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5"])
def test_a_command_takes_it_from_the_environment(mechanism: str) -> None:
    events = asyncio.run(recorded(mechanism))
    for kind in COMMANDS:
        assert "SMTP_PASSWORD" in export(events, kind)
    for kind in ("swaks", "curl"):
        assert re.search(r'[ :]"\$SMTP_PASSWORD"', export(events, kind))


def test_what_was_learned_by_exporting_stays_there() -> None:
    events = asyncio.run(recorded("PLAIN"))
    redactor = Redactor()
    for kind in KINDS:
        export(events, kind, redactor=redactor)
    assert redactor.forms == 0
