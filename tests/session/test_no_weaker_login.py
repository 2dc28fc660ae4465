"""A refused challenge mechanism is never followed by one that shows the password, unless the user says so."""

from __future__ import annotations

from typing import Any

import pytest

from servers.scripted import Handler, Peer
from session.driving import LOGIN, C, driving

OFFER = b"250-mail.test\r\n250 AUTH SCRAM-SHA-256 CRAM-MD5 PLAIN LOGIN\r\n"
REFUSALS = {
    "wrong": (b"334 PDE+\r\n", b"535 5.7.8 no\r\n"),
    "unknown": (b"504 5.5.4 what?\r\n",),
    "weak": (b"534 5.7.9 too weak\r\n",),
    "later": (b"454 4.7.0 later\r\n",),
    "no base64": (b"334 hello!\r\n", b"501 5.7.0 cancelled\r\n"),
    "use PLAIN": (b"535 5.7.8 use AUTH PLAIN\r\n",),
}


def refusing(replies: tuple[bytes, ...]) -> Handler:
    """A server that refuses every challenge mechanism in this way, and would take any password."""

    async def handler(peer: Peer) -> None:
        await peer.send(b"220 mail.test ESMTP\r\n")
        while line := await peer.line():
            verb = line.split(b" ")[0].upper()
            if verb == b"EHLO":
                await peer.send(OFFER)
            elif line.startswith((b"AUTH PLAIN", b"AUTH LOGIN")):
                await peer.send(b"235 2.7.0 thank you\r\n")
            elif verb == b"AUTH":
                await peer.send(replies[0])
                for reply in replies[1:]:
                    await peer.line()
                    await peer.send(reply)
            elif verb == b"QUIT":
                await peer.send(b"221 bye\r\n")
                return
            else:
                await peer.send(b"250 ok\r\n")

    return handler


def logins(sent: list[str]) -> list[str]:
    return [line.split()[1] for line in sent if line.startswith("AUTH")]


@pytest.mark.parametrize("kind", REFUSALS)
@pytest.mark.parametrize("given", [{}, {"auth": ("CRAM-MD5", "PLAIN")}, {"auth": ("CRAM-MD5", "LOGIN", "PLAIN")}])
@pytest.mark.parametrize("way", ["space", "go", "auto"])
async def test_no_way_forward_shows_the_password(kind: str, given: dict[str, Any], way: str) -> None:
    settings = {**LOGIN, **given, "auto": "auth" if way == "auto" else "ehlo"}
    async with driving(refusing(REFUSALS[kind]), **settings) as driven:
        first = "CRAM-MD5" if given else "SCRAM-SHA-256"
        for _ in range(4):  # however often
            await driven.do("go" if way == "go" else "step")
        assert logins(driven.sent) == [first]
        assert b"wonderland" not in driven.wire
        assert b"d29uZGVybGFuZA" not in driven.wire
        assert driven.next.step is None
        assert "m MAIL without login" in driven.next.label


async def test_the_same_once_more_is_the_same_mechanism() -> None:
    async with driving(refusing(REFUSALS["wrong"]), auto="auth", **LOGIN) as driven:
        await driven.do("again")
        await driven.do("drop")
        await driven.do("step")  # connect
        await driven.do("go")
        assert set(logins(driven.sent)) == {"SCRAM-SHA-256"}
        assert driven.here is not C.MAIL


async def test_a_variation_names_what_it_would_try_before_it_does() -> None:
    async with driving(refusing(REFUSALS["wrong"]), auto="auth", **LOGIN) as driven:
        driven.session.vary("auth")
        question = await driven.asked("vary")
        assert "PLAIN" in question.text
        assert logins(driven.sent) == ["SCRAM-SHA-256"]
        await driven.answer(1)
        assert logins(driven.sent) == ["SCRAM-SHA-256"]
