"""Keys before they mean anything, and that each means one thing wherever it is pressed."""

from __future__ import annotations

import asyncio
from collections import defaultdict

import pytest
from textual.events import Key
from textual.screen import Screen
from textual.widgets import Input

from smtpscope.actions import ACTIONS
from smtpscope.tui.app import SmtpScope
from smtpscope.tui.inspector import Inspector
from smtpscope.tui.keys import KeyGate
from smtpscope.tui.line_bar import LineBar
from smtpscope.tui.main_screen import MainScreen
from smtpscope.tui.screens import Help, Pasted
from smtpscope_widgets.chip_row import ChipRow
from smtpscope_widgets.hex_view import HexView
from smtpscope_widgets.state_diagram import StateDiagram
from smtpscope_widgets.wire_line import WireLine
from smtpscope_widgets.wire_log import WireLog
from tui.driving import Clock, answering, driven, on_server

# -- the gate alone


class Gate:
    """A gate and what came out of it."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.out: list[str] = []
        self.gate = KeyGate(self.clock, lambda key: self.out.append(key.key), lambda text: self.out.append(f"={text}"))

    def keys(self, *keys: tuple[str, str | None], gap: float) -> None:
        for name, character in keys:
            self.gate.key(Key(name, character))
            self.clock.now += gap


def letters(text: str) -> tuple[tuple[str, str | None], ...]:
    return tuple((char, char) for char in text)


def test_keys_apart_go_one_by_one() -> None:
    gate = Gate()
    gate.keys(*letters("abc"), gap=0.0101)
    assert gate.out == ["a", "b"]
    assert gate.gate.ripe()
    gate.gate.let_go()
    assert gate.out == ["a", "b", "c"]


def test_three_keys_within_ten_milliseconds_are_text_with_their_line_ends() -> None:
    gate = Gate()
    gate.keys(*letters("ab"), ("enter", "\r"), ("tab", "\t"), ("ctrl+j", "\n"), ("space", " "), gap=0.0099)
    assert not gate.gate.ripe()
    assert gate.out == []
    gate.clock.now += 0.01
    gate.gate.let_go()
    assert gate.out == ["=ab\n\t\n "]


def test_two_keys_at_once_are_two_keys() -> None:
    gate = Gate()
    gate.keys(*letters("ab"), gap=0.0)
    gate.gate.let_go()
    assert gate.out == ["a", "b"]


def test_held_arrows_are_no_text() -> None:
    """Keys that stand for no text stay keys, however fast the keyboard repeats them."""
    gate = Gate()
    gate.keys(*[("down", None)] * 5, gap=0.0)
    gate.gate.let_go()
    assert gate.out == ["down"] * 5


def test_nothing_of_a_burst_is_lost_if_an_arrow_is_in_it() -> None:
    gate = Gate()
    gate.keys(*letters("abc"), ("down", None), ("d", "d"), gap=0.001)
    gate.gate.let_go()
    assert "".join(gate.out).replace("=", "").replace("down", "") == "abcd"


def test_a_key_before_a_burst_is_still_a_key() -> None:
    gate = Gate()
    gate.keys(("ctrl+u", "\x15"), *letters("abc"), gap=0.001)
    gate.gate.let_go()
    assert gate.out == ["ctrl+u", "=abc"]


async def test_a_line_that_is_cleared_takes_the_paste_that_follows_at_once() -> None:
    async with on_server() as (hands, _):
        await hands.press("i")
        await hands.write("NOOP old")
        hands.keys.now += 1.0
        for key in ("ctrl+u", *"RSET"):
            hands.key(key)
            await hands.taken()
            hands.keys.now += 0.001
        await hands.settle()
        assert hands.line.startswith("> RSET")


def test_a_space_counts_only_on_a_label_that_could_be_read_and_not_as_a_repetition() -> None:
    gate = Gate()
    gate.gate.label("EHLO me")
    gate.clock.now += 0.29
    assert not gate.gate.may_step()
    gate.clock.now += 0.11
    assert gate.gate.may_step()
    gate.clock.now += 0.09
    assert not gate.gate.may_step()
    gate.clock.now += 0.09
    assert not gate.gate.may_step(), "a key that is held down repeats for as long as it is held"
    gate.clock.now += 0.11
    assert gate.gate.may_step()


def test_the_same_label_again_is_not_a_new_one() -> None:
    gate = Gate()
    gate.gate.label("EHLO me")
    gate.clock.now += 0.29
    gate.gate.label("EHLO me")
    gate.clock.now += 0.02
    assert gate.gate.may_step()


# -- space in the app


async def test_space_is_ignored_while_a_reply_is_owed() -> None:
    ehlo = asyncio.Event()
    async with on_server(answering(EHLO=ehlo)) as (hands, server):
        await hands.begin("space")
        await hands.until(lambda: bool(hands.app.view.machine.pending))
        assert "waiting for EHLO" in hands.footer
        await hands.begin("space", "space")
        ehlo.set()
        await hands.settle()
        assert server.received == b"EHLO client.test\r\n"
        await hands.press("space")
        assert server.received == b"EHLO client.test\r\nMAIL FROM:<alice@example.org>\r\n"


async def test_space_is_ignored_right_after_a_space_and_under_a_young_label() -> None:
    async with on_server() as (hands, server):
        await hands.press("space")
        label = hands.footer
        await hands.press("space", gap=0.09)
        assert server.received == b"EHLO client.test\r\n"
        await hands.press("space", gap=0.15)
        assert server.received == b"EHLO client.test\r\n", "the label is 240 ms old"
        assert hands.footer == label
        await hands.press("space", gap=0.31)
        assert server.received.endswith(b"MAIL FROM:<alice@example.org>\r\n")


async def test_a_burst_sends_nothing_and_triggers_no_shortcut() -> None:
    async with on_server() as (hands, server):
        await hands.burst("quit mail xoq")
        assert hands.app.main.line.value == "quit mail xoq"
        assert hands.focus == "line"
        assert server.received == b""


async def test_line_ends_in_a_burst_open_the_list_and_nothing_is_lost() -> None:
    async with on_server() as (hands, server):
        await hands.burst("NOOP a\nNOOP b\nNO")
        assert hands.over is Pasted
        for line in ("NOOP a", "NOOP b", "NO"):
            assert line in hands.text
        assert server.received == b""
        await hands.press("1")
        assert server.received == b"NOOP a\r\nNOOP b\r\nNO\r\n"


async def test_a_burst_under_help_is_not_lost() -> None:
    async with on_server() as (hands, server):
        await hands.press("question_mark")
        await hands.burst("NOOP later")
        await hands.press("escape")
        assert hands.app.main.line.value == "NOOP later"
        assert server.received == b""


async def test_a_burst_into_the_palette_filters_it() -> None:
    async with driven() as hands:
        await hands.press("ctrl+p")
        await hands.burst("vrfy")
        assert hands.app.screen.query_one(Input).value == "vrfy"


# -- one key, one meaning


def bound(cls: type) -> dict[str, str]:
    """Key -> action of a class's own bindings."""
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        for binding in vars(base).get("BINDINGS", ()):
            keys, action = (binding[0], binding[1]) if isinstance(binding, tuple) else (binding.key, binding.action)
            found.update(dict.fromkeys((key.strip() for key in keys.split(",")), action))
    return found


PLACES: tuple[type, ...] = (SmtpScope, MainScreen, WireLog, ChipRow, StateDiagram, Inspector, HexView, Help, Pasted)
FOCUSED = {"enter", "tab", "shift+tab", "up", "down", "left", "right", "home", "end", "pageup", "pagedown"}
"""Keys that belong to what has the focus."""
SCROLLING = {"ctrl+pageup", "ctrl+pagedown"}
"""Textual's own for whatever scrolls sideways."""
DIGITS = set("123456789")
"""They answer a question or choose a pane."""
TOGGLES = {"question_mark", "f1", "escape"}
"""They open help, or close it; Esc leads out of anything."""
TEXTUAL = {"ctrl+c", "super+c"}
"""Copies the text that is marked."""


def test_each_key_means_one_thing_in_all_places() -> None:
    meanings: dict[str, set[str]] = defaultdict(set)
    for place in PLACES:
        for key, action in bound(place).items():
            meanings[key].add(action.removeprefix("app."))
    several = {key for key, actions in meanings.items() if len(actions) > 1}
    assert several <= FOCUSED | SCROLLING | DIGITS | TOGGLES | TEXTUAL


def test_screens_bind_no_letter_that_means_something_else_on_the_main_screen() -> None:
    letters = {key for action in ACTIONS for key in action.keys if len(key) == 1 and key.isalpha()}
    for place in (MainScreen, StateDiagram, Inspector, HexView, Help, Pasted):
        assert not letters & set(bound(place)), place
    assert {"j", "k", "g", "G"} <= set(bound(WireLog))
    assert not letters & {"j", "k", "g", "G"}


def test_no_capital_letter_and_no_bracket_sends() -> None:
    """A split escape sequence on a bad line arrives as ``[`` and ``A``."""
    sending = {action.id for action in ACTIONS if action.verb or action.member or action.command}
    sending |= {"step", "go", "again", "replay"}
    for action in ACTIONS:
        for key in action.keys:
            harmless = not (len(key) == 1 and key.isupper()) and "bracket" not in key.replace(
                "ctrl+right_square_bracket", ""
            )
            assert harmless or action.id not in sending, key
    keys = {key for place in PLACES for key in bound(place)}
    assert not {"left_square_bracket", "right_square_bracket"} & keys
    assert {key for key in keys if len(key) == 1 and key.isupper()} <= {"Y", "G", "N", "W"}


@pytest.mark.parametrize("key", ["f4"])
def test_keys_of_what_comes_later_are_neither_bound_nor_shown(key: str) -> None:
    assert all(key not in bound(place) for place in PLACES)
    assert key not in WireLine.KEYS
    assert all(key not in action.keys for action in ACTIONS)


async def test_keys_of_what_comes_later_do_nothing() -> None:
    async with on_server() as (hands, server):
        before = hands.rows[1:]
        await hands.press("f4", "[", "]", "A")
        assert hands.rows[1:] == before
        assert server.received == b""


async def test_ctrl_c_says_how_to_leave_and_covers_nothing() -> None:
    async with driven() as hands:
        line, footer = hands.line, hands.footer
        await hands.press("ctrl+c")
        assert "^q" in hands.said
        assert (hands.line, hands.footer) == (line, footer)
        assert not hands.app._notifications


def test_the_line_takes_every_letter_and_knows_its_own_keys() -> None:
    assert {key for key in LineBar.KEYS if len(key) == 1} == set()
    assert {"enter", "escape", "tab", "up", "down"} <= LineBar.KEYS
    assert issubclass(MainScreen, Screen)


@pytest.mark.parametrize("steps", [0, 1, 3, 5, 6], ids=["BANNER", "CONNECTED", "MAIL", "DATA", "SEND_STREAM"])
async def test_escape_never_touches_the_wire(steps: int) -> None:
    async with on_server() as (hands, server):
        await hands.press(*["space"] * steps)
        sent, events = server.received, len(hands.app.recorder)
        for way in ([], ["1"], ["3"], ["i"], ["colon"], ["z"], ["question_mark"], ["ctrl+p"]):
            await hands.press(*way, "escape", "escape", "escape")
            assert hands.focus == "log"
            assert hands.over is None
        assert server.received == sent
        assert len(hands.app.recorder) == events


async def test_escape_while_a_reply_is_owed_only_leaves() -> None:
    gate = asyncio.Event()
    async with on_server(answering(NOOP=gate)) as (hands, _):
        await hands.press("1", "o")
        await hands.begin("enter")
        await hands.until_sent(b"NOOP\r\n")
        await hands.begin("escape", "escape", "i", "escape")
        assert hands.app.view.machine.pending
        gate.set()
        await hands.settle()
        assert not hands.app.view.machine.pending


async def test_news_that_are_longer_than_a_row_go_on_in_the_next() -> None:
    async with driven(size=(80, 23)) as hands:
        await hands.press("colon")
        await hands.write("vary")
        await hands.press("enter")
        first, second = hands.explanation.splitlines()
        assert "…" not in first
        assert "vary runs the session with several values of" in f"{first} {second}"
        assert second.strip()
