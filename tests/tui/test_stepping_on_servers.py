"""Steps of AUTH changed by hand, with Postfix (Cyrus SASL) and Dovecot on the other side."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from servers import dovecot as dovecot_server
from servers.dovecot import Dovecot
from servers.postfix import Postfix
from servers.scripted import Peer, ScriptedServer
from smtpscope.secret import Secret
from tui.driving import LIMIT, PROFILE, Driven, driven

KNOWN = replace(PROFILE, user="alice", password=Secret("wonderland"))


@asynccontextmanager
async def by_hand(words: str, port: int) -> AsyncIterator[Driven]:
    """The app on the server, after EHLO and ``:auth`` with these words."""
    async with driven(replace(KNOWN, port=port)) as hands:
        await hands.press("c", "space", "colon")
        await hands.write(f"auth {words}")
        await hands.press("enter")
        assert hands.line.startswith("auth>")
        yield hands


def replied(hands: Driven, *codes: str) -> None:
    """The last replies are these, and nothing secret is on the screen."""
    said = hands.received.decode().split("\r\n")[:-1][-len(codes) :]
    assert [line[: len(code)] for line, code in zip(said, codes, strict=True)] == list(codes)
    shown = hands.text + hands.app.export_screenshot()
    assert "wonderland" not in shown
    assert b64encode(b"wonderland").decode() not in shown


@pytest.mark.postfix
async def test_plain_without_initial_response_and_an_authzid_of_its_own(postfix: Postfix) -> None:
    async with by_hand("plain initial=no steps", postfix.port) as hands:
        await hands.press("right", "home")
        await hands.write("alice")
        await hands.press("enter")
        replied(hands, "334", "235 2.7.0")
        assert b64encode(b"alice\0alice\0wonderland") in hands.sent


@pytest.mark.postfix
async def test_an_authzid_that_may_not_be_is_refused(postfix: Postfix) -> None:
    async with by_hand("plain steps", postfix.port) as hands:
        await hands.press("right", "home")
        await hands.write("somebody")
        await hands.press("enter")
        replied(hands, "535 5.7.8")


async def both_forms_of_login(port: int) -> None:
    for initial in ("yes", "no"):
        async with by_hand(f"login initial={initial} steps", port) as hands:
            await hands.press("enter", "enter")
            replied(hands, "334", "235")
            assert hands.here == "CONNECTED"


async def scram_with_another_user(port: int) -> None:
    async with by_hand("scram-sha-256 steps", port) as hands:
        await hands.press("right", "home", *["right"] * 5, *["delete"] * 5)
        await hands.write("bob")
        assert hands.app.main.line.value.startswith("n,,n=bob,r=")
        await hands.press("enter")
        if hands.line.startswith("auth>"):
            await hands.press("enter")
        replied(hands, "535 5.7.8")
        assert hands.line.startswith(">")


async def scram_step_by_step(port: int) -> None:
    async with by_hand("scram-sha-1 steps", port) as hands:
        await hands.press("enter")
        assert hands.app.main.line.ghost.endswith(",p={secret}")
        await hands.press("enter")
        assert hands.line.startswith("auth>")
        assert hands.app.main.line.ghost == "", "the last one is empty"
        await hands.press("enter")
        replied(hands, "334", "235")
        assert hands.here == "CONNECTED"


async def cram_md5_cancelled(port: int) -> None:
    async with by_hand("cram-md5 steps", port) as hands:
        await hands.write("*")
        await hands.press("enter")
        replied(hands, "334", "501 5")
        assert any("501 5" in row for row in hands.log)


async def bad_base64(port: int) -> None:
    async with by_hand("plain initial=no steps", port) as hands:
        await hands.press("f2", "right")
        await hands.write("!!")
        await hands.press("enter")
        replied(hands, "334", "535 5.7.8")
        assert b64encode(b"\0alice\0wonderland") + b"!!\r\n" in hands.sent


DONE = [both_forms_of_login, scram_with_another_user, scram_step_by_step, cram_md5_cancelled, bad_base64]


@pytest.mark.postfix
@pytest.mark.parametrize("what", DONE)
async def test_steps_at_postfix(postfix: Postfix, what: Callable[[int], Awaitable[None]]) -> None:
    await what(postfix.port)


@pytest.mark.dovecot
async def test_steps_at_dovecot() -> None:
    if not dovecot_server.available():
        raise RuntimeError(f"Dovecot cannot run here: {dovecot_server.HOW_TO_GET_IT}.")

    async def relay(peer: Peer) -> None:
        """Where Dovecot takes those who have logged in."""
        await peer.send(b"220 relay.test ESMTP\r\n")
        while await peer.line() != b"QUIT":
            await peer.send(b"250 relay.test\r\n")
        await peer.send(b"221 bye\r\n")

    async with ScriptedServer(relay, timeout=LIMIT) as behind:
        with Dovecot(behind.port) as dovecot:
            for what in DONE:
                await what(dovecot.port)
        await behind.finished()
