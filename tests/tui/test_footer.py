"""The footer names what space does and the keys that matter now; each can be clicked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import pairwise

import pytest

from smtp.playbook import Playbook, at_data, at_mail, at_message, at_rcpt, at_stream, connected, greeted
from smtpscope.actions import BY_ID
from smtpscope.session.plan import NextStep, next_step
from smtpscope.smtp.machine import Verdict
from smtpscope.tui.footer import Footer, footer
from smtpscope_widgets.spans import cells
from tui.driving import PROFILE, answering, driven, on_server

WIDTHS = [20, 40, 60, 78, 80, 100, 120, 200]
STATES: dict[str, Callable[[], Playbook]] = {
    "none": Playbook,
    "banner": greeted,
    "connected": connected,
    "mail": at_mail,
    "rcpt": at_rcpt,
    "data": at_data,
    "stream": at_stream,
    "message": at_message,
}


def of(play: Playbook, width: int = 120, prompt: str = "") -> Footer:
    step = next_step(play.machine, PROFILE, "client.test")
    return footer(play.machine, step, width, prompt)


def text(shown: Footer) -> str:
    return "".join(text for text, _ in shown.spans)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("state", STATES)
def test_it_fits_names_the_next_step_and_always_shows_help(state: str, width: int) -> None:
    shown = of(STATES[state](), width)
    assert cells(shown.spans) <= width
    if width >= 40:
        assert text(shown).startswith(" space ")
        assert "? help" in text(shown)


@pytest.mark.parametrize("state", STATES)
def test_places_are_where_the_words_are_and_do_not_overlap(state: str) -> None:
    shown = of(STATES[state]())
    words = text(shown)
    for start, end, action in shown.places:
        piece = words[start:end]
        assert piece == piece.strip()
        assert piece.startswith(BY_ID[action].shown_keys.split()[0]), piece
    for before, after in pairwise(shown.places):
        assert before[1] < after[0]


@pytest.mark.parametrize("state", STATES)
def test_verbs_are_shown_only_where_they_are_legal(state: str) -> None:
    play = STATES[state]()
    shown = {action for _, _, action in of(play, 200).places}
    for action in shown & {id for id, action in BY_ID.items() if action.verb}:
        assert BY_ID[action].verdict(play.machine) is Verdict.LEGAL
    if state == "data":
        assert {"stream", "dot"} <= shown
        assert not shown & {"quit_verb", "rset", "ehlo"}


def test_where_there_is_no_next_step_it_says_what_can_be_chosen() -> None:
    play = at_mail() >> "RSET" << "250 ok" >> "MAIL FROM:<x>" << "550 5.7.1 no"
    shown = of(play)
    assert "MAIL was refused" in text(shown)
    assert not any(action == "step" for _, _, action in shown.places)


def test_a_long_label_is_cut_and_the_rest_stays() -> None:
    step = NextStep(None, "x" * 300)
    shown = footer(greeted().machine, step, 80)
    assert cells(shown.spans) <= 80
    assert "..." in text(shown)
    assert "? help" in text(shown)


@pytest.mark.parametrize("prompt", [">", "data>", "334>", ":", "password>"])
@pytest.mark.parametrize("width", WIDTHS)
def test_in_the_line_it_says_what_the_line_takes(prompt: str, width: int) -> None:
    shown = of(greeted(), width, prompt)
    assert cells(shown.spans) <= width
    assert text(shown).startswith(" Enter ")
    assert "Esc back" in text(shown) or width == 20
    assert "space" not in text(shown)
    if width >= 80:
        assert ("Tab complete" in text(shown)) == ("history" in text(shown)) == (prompt in (">", ":"))
        assert ("F3 ending" in text(shown)) == (prompt in (">", "data>", "334>"))


async def test_a_click_does_what_the_key_does() -> None:
    async with on_server() as (hands, server):
        await hands.click(hands.app.main.bottom, "h HELO")
        assert hands.app.main.line.ghost == "HELO client.test"
        assert server.received == b""
        await hands.press("escape", "escape")
        hands.keys.now += 1.0
        await hands.click(hands.app.main.bottom, "space EHLO")
        assert server.received == b"EHLO client.test\r\n"
        await hands.click(hands.app.main.bottom, "? help")
        assert hands.over is not None


async def test_the_footer_follows_the_focus() -> None:
    async with driven() as hands:
        assert hands.footer.startswith("space")
        await hands.press("i")
        assert hands.footer.startswith("Enter")
        await hands.press("escape")
        assert hands.footer.startswith("space")


async def test_waiting_is_told_with_what_for() -> None:
    gate = asyncio.Event()
    async with on_server(answering(EHLO=gate)) as (hands, _):
        await hands.begin("space")
        await hands.until(lambda: bool(hands.app.view.machine.pending))
        assert hands.footer.startswith("waiting for EHLO")
        gate.set()
        await hands.settle()
        assert hands.footer.startswith("space MAIL")
