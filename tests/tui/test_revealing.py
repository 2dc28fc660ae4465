"""Secrets are on the screen from the action to the next key, and at no other time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from xml.etree import ElementTree

import pytest
from textual import events

from servers.echoing import b64, leaks
from smtpscope.session.recorder import Recorder
from smtpscope.session.redact import HIDDEN
from smtpscope.smtp.events import Event, Link, LinkStatus, Opened, Received, Sent
from smtpscope.tui.app import SmtpScope
from tui.driving import PROFILE, Clock, Driven

WORD = "wonderland"
PLAIN = b64(f"\0alice\0{WORD}".encode())
EVENTS: list[Event] = [
    Opened(0.0, "mail.test", 25),
    Link(0.1, LinkStatus.CONNECTED, "connected"),
    Received(0.2, b"220 mail.test\r\n"),
    Sent(0.3, b"AUTH PLAIN " + PLAIN + b"\r\n", secrets=((11, 11 + len(PLAIN)),)),
    Received(0.4, b"535 5.7.8 wonderland is wrong\r\n"),
]


@asynccontextmanager
async def showing(row: bytes) -> AsyncIterator[Driven]:
    """The cursor on the row that begins so."""
    recorder = Recorder()
    for event in EVENTS:
        recorder.append(event)
    keys, wall = Clock(), Clock()
    app = SmtpScope(PROFILE, recorder, clock=keys, wall_clock=wall)
    async with app.run_test(size=(120, 40)) as pilot:
        hands = Driven(app, pilot, keys, wall)
        await hands.settle()
        log = app.view.log
        app.main.log_view.cursor = next(each for each in log.shown if log.octets(each).startswith(row))
        await hands.take()
        yield hands
    recorder.close()


async def reveal(hands: Driven) -> None:
    hands.app.do_reveal()
    await hands.settle()


@pytest.mark.parametrize("key", ["j", "space", "enter", "escape", "tab", "ctrl+p", "q", "2", "f8", "colon"])
async def test_any_key_hides_what_was_revealed_and_does_nothing_else(key: str) -> None:
    async with showing(b"AUTH") as hands:
        assert not leaks(hands.text, WORD)
        before = hands.text
        await reveal(hands)
        assert f"AUTH PLAIN {PLAIN.decode()}" in hands.text
        assert f"= \\0alice\\0{WORD}" in hands.text
        await hands.press(key)
        assert hands.over is None
        assert not leaks(hands.text, WORD)
        assert hands.text == before


async def test_asked_for_by_its_command_it_leaves_the_footer_of_the_log() -> None:
    async with showing(b"AUTH") as hands:
        before = hands.footer
        await hands.press("colon")
        assert "Enter run" in hands.footer
        await hands.write("reveal")
        await hands.press("enter")
        assert leaks(hands.text, WORD)
        assert hands.footer == before


async def test_what_a_server_says_back_is_revealed() -> None:
    async with showing(b"535") as hands:
        await reveal(hands)
        assert "535 5.7.8 wonderland is wrong" in hands.text
        assert HIDDEN in hands.of(hands.app.main.log_view)


async def test_where_nothing_is_hidden_that_is_said() -> None:
    async with showing(b"220") as hands:
        await reveal(hands)
        assert hands.over is None
        assert "nothing is hidden in this row" in hands.said


async def test_many_keys_at_once_and_a_paste_are_keys_too() -> None:
    async with showing(b"AUTH") as hands:
        for come in (hands.burst, hands.paste):
            await reveal(hands)
            assert leaks(hands.text, WORD)
            await come("jjjjjj")
            assert hands.over is None
            assert not leaks(hands.text, WORD)


async def test_nothing_but_a_key_hides_it_and_nothing_takes_it_elsewhere() -> None:
    async with showing(b"AUTH") as hands:
        app = hands.app
        await reveal(hands)
        await hands.resize(100, 30)
        app.recorder.append(Received(0.5, b"250 later\r\n"))
        app.post_message(events.AppBlur())
        app.post_message(events.AppFocus())
        await hands.pilot.mouse_down(offset=(20, 14))
        await hands.pilot.hover(offset=(70, 16))
        await hands.pilot.mouse_up(offset=(70, 16))
        await hands.settle()
        assert leaks(hands.text, WORD)
        await hands.press("ctrl+c")
        assert not leaks(hands.text + app.clipboard + app.news, WORD)
        await hands.press("ctrl+c", "y")
        assert not leaks(hands.text + app.clipboard + app.news, WORD)


async def test_a_picture_of_the_screen_has_nothing_revealed() -> None:
    async with showing(b"AUTH") as hands:
        await reveal(hands)
        image = ElementTree.fromstring(hands.app.export_screenshot())
        shown = "".join(image.itertext())
        assert "AUTH\N{NO-BREAK SPACE}PLAIN" in shown or "AUTH PLAIN" in shown
        assert not leaks(shown, WORD)
        await hands.settle()
        assert not leaks(hands.text, WORD)
