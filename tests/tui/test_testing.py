"""Next tests and repetitions by key: listed first, sent by a digit, stopped by Esc; the bell rings when accepted."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from smtpscope.secret import Secret
from smtpscope.smtp.events import Told
from tui.driving import OFFER, PROFILE, Driven, answering, driven, on_server
from tui.recordings import in_transaction

Replies = dict[str, bytes | Sequence[bytes]]

ONE = replace(PROFILE, rcpt_to=("bob@example.org",))
GREYLISTED = b"450 4.2.0 <bob@example.org>: Recipient address rejected: Greylisted\r\n"
UNKNOWN = b"550 5.1.1 <bob@example.org>: Recipient address rejected: User unknown\r\n"
RELAY = b"554 5.7.1 <bob@example.org>: Relay access denied\r\n"


def told(hands: Driven) -> list[str]:
    return [event.text for event in hands.app.recorder if isinstance(event, Told)]


async def to_refusal(hands: Driven) -> None:
    """EHLO, MAIL, RCPT."""
    await hands.press("space", "space", "space")


def number_of(hands: Driven, words: str) -> str:
    """The digit before ``words`` in the list of tests."""
    assert hands.app.question is not None
    return str(1 + next(n for n, each in enumerate(hands.app.question.answers) if words in each))


@pytest.mark.parametrize("size", [(120, 40), (80, 23)])
async def test_tests_are_listed_and_nothing_is_sent_before_a_digit(size: tuple[int, int]) -> None:
    async with on_server(answering({"RCPT": UNKNOWN}), ONE, size=size) as (hands, server):
        await to_refusal(hands)
        before, rows = server.received, len(hands.log)
        await hands.press("exclamation_mark")
        assert "next tests: a digit sends this" in hands.said
        assert "1 VRFY bob@example.org" in hands.said
        assert server.received == before
        assert len(hands.log) == rows, "the list is no row of the log"
        await hands.press("escape")
        assert hands.app.question is None
        assert server.received == before
        await hands.press("exclamation_mark", "1")
        assert server.received == before + b"VRFY bob@example.org\r\n"
        assert hands.app.question is None
        assert "=== the test is done: VRFY bob@example.org got 250; RCPT TO:<bob@example.org> had got 550" in hands.log


async def test_another_digit_sends_nothing() -> None:
    async with on_server(answering({"RCPT": UNKNOWN}), ONE) as (hands, server):
        await to_refusal(hands)
        before = server.received
        await hands.press("exclamation_mark")
        assert hands.app.question is not None
        most = len(hands.app.question.answers)
        if most < 9:
            await hands.press(str(most + 1))
            assert f"there is no test {most + 1}" in hands.said
        await hands.press("space", "enter")
        assert server.received == before
        assert hands.app.question is not None, "space and Enter never answer"


async def test_a_row_without_a_refusal_has_no_tests() -> None:
    async with on_server() as (hands, server):
        await hands.press("exclamation_mark")
        assert "there is no test for this row" in hands.said
        await hands.press("1")
        assert hands.focus == "picture", "digits are the panes' again"
        assert server.received == b""


async def test_a_recording_sends_nothing() -> None:
    async with driven(events=in_transaction().recorder, recording=True) as hands:
        await hands.press("exclamation_mark")
        assert "this is a recording" in hands.said


async def test_from_the_past_it_comes_back_to_now_and_then_sends() -> None:
    replies: Replies = {"RCPT": [UNKNOWN, b"250 2.1.5 Ok\r\n"]}
    async with on_server(answering(replies), replace(ONE, rcpt_to=("bob@example.org", "carol@example.org"))) as (
        hands,
        server,
    ):
        await hands.press("space", "space", "space", "space")
        assert hands.here == "RCPT"
        row = next(n for n, line in enumerate(hands.log) if "550 5.1.1" in line)
        hands.app.main.log_view.cursor = row
        await hands.settle()
        assert hands.app.past
        before = server.received
        await hands.press("exclamation_mark")
        assert "from now on" in hands.said
        await hands.press(number_of(hands, "VRFY bob"))
        assert not hands.app.past
        assert server.received == before + b"VRFY bob@example.org\r\n"


# -- credentials


async def test_a_login_asks_for_what_is_missing_and_then_goes_on() -> None:
    profile = replace(ONE, user=None, password=None)
    offer = b"250-mail.test\r\n250 AUTH PLAIN\r\n"
    replies: Replies = {"EHLO": offer, "RCPT": [RELAY, b"250 Ok\r\n"], "AUTH": b"235 ok\r\n"}
    async with on_server(answering(replies), profile) as (hands, server):
        await to_refusal(hands)
        await hands.press("exclamation_mark")
        before = server.received
        await hands.press(number_of(hands, "AUTH PLAIN, MAIL"))
        assert server.received == before
        await hands.write("alice")
        await hands.press("enter")
        await hands.write("wonderland")
        assert server.received == before
        await hands.press("enter")
        assert server.received[len(before) :].split(b"\r\n")[:-1] == [
            b"RSET", b"AUTH PLAIN AGFsaWNlAHdvbmRlcmxhbmQ=", b"MAIL FROM:<alice@example.org>",
            b"RCPT TO:<bob@example.org>",
        ]  # fmt: skip
        assert hands.here == "RCPT"
        assert "wonderland" not in hands.text
        assert hands.focus == "log"


async def test_without_credentials_nothing_runs_and_a_later_login_is_only_that() -> None:
    profile = replace(ONE, user="alice", password=None)
    replies = {"EHLO": b"250-mail.test\r\n250 AUTH PLAIN\r\n", "RCPT": RELAY, "AUTH": b"235 ok\r\n"}
    async with on_server(answering(replies), profile) as (hands, server):
        await to_refusal(hands)
        await hands.press("exclamation_mark")
        await hands.press(number_of(hands, "AUTH PLAIN, MAIL"))
        await hands.press("escape")
        assert hands.focus == "log"
        await hands.press("x", "enter", "a", "enter")
        await hands.press("enter")
        await hands.write("wonderland")
        await hands.press("enter")
        assert server.received.endswith(b"RSET\r\nAUTH PLAIN AGFsaWNlAHdvbmRlcmxhbmQ=\r\n")
        assert told(hands) == []


async def test_after_a_refused_login_another_password_is_typed_and_the_same_mechanism_runs_again() -> None:
    profile = replace(ONE, user="alice", password=Secret("wonderlamp"))
    refused = b"535 5.7.8 Authentication credentials invalid\r\n"
    replies: Replies = {"EHLO": b"250-mail.test\r\n250 AUTH PLAIN LOGIN\r\n", "AUTH": [refused, b"235 ok\r\n"]}
    async with on_server(answering(replies), profile) as (hands, server):
        await hands.press("space", "a", "enter")
        before = server.received
        await hands.press("exclamation_mark")
        assert "1 AUTH PLAIN with another password" in " ".join(hands.said.split())
        await hands.press("1")
        assert hands.line.startswith("password>")
        assert "password of alice for AUTH PLAIN" in hands.line
        assert server.received == before
        await hands.write("wonderland")
        await hands.press("enter")
        assert server.received == before + b"AUTH PLAIN AGFsaWNlAHdvbmRlcmxhbmQ=\r\n"
        assert hands.here == "CONNECTED"
        assert "wonderland" not in hands.text


async def test_without_a_full_name_the_line_is_filled() -> None:
    replies = {"EHLO": b"504 5.5.2 <client>: Helo command rejected: need fully-qualified hostname\r\n"}
    async with on_server(answering(replies), replace(ONE, helo="client")) as (hands, server):
        await hands.press("space")
        assert hands.app.session is not None
        assert hands.app.session.session is not None
        hands.app.session.session.own_name = None
        await hands.press("exclamation_mark")
        before = server.received
        await hands.press(number_of(hands, "EHLO with a full"))
        assert hands.app.main.line.value == "EHLO "
        assert hands.focus == "line"
        assert server.received == before


# -- waiting


async def test_a_countdown_stands_in_the_header_and_esc_stops_it() -> None:
    async with on_server(answering({"RCPT": GREYLISTED}), ONE) as (hands, server):
        await to_refusal(hands)
        before = server.received
        await hands.press("exclamation_mark")
        await hands.press(number_of(hands, "in 5 min, until accepted"))
        assert told(hands)[-1] == "trying again in 5 min, try 1 of at most 12"
        opened = hands.app.view.now.opened
        assert opened is not None
        hands.wall.now = opened.wall + 29.0
        hands.app._tick()
        left = re.search(r"(\d):(\d\d) to the next try, Esc stops it", hands.header)
        assert left is not None
        assert 260 < 60 * int(left[1]) + int(left[2]) <= 273
        await hands.press("3", "escape")
        assert "next try" in hands.header, "Escape first leaves the pane"
        await hands.press("escape")
        assert "next try" not in hands.header
        assert told(hands)[-1] == "not tried again: stopped"
        assert server.received == before
        assert server.connections == 1


async def test_a_drop_stops_it_too() -> None:
    async with on_server(answering({"RCPT": GREYLISTED}), ONE) as (hands, _):
        await to_refusal(hands)
        await hands.press("exclamation_mark")
        await hands.press(number_of(hands, "in 5 min"), "f8")
        assert "next try" not in hands.header
        assert hands.here == "NONE"


async def test_accepted_rings_the_bell_once(monkeypatch: pytest.MonkeyPatch) -> None:
    rung: list[str] = []
    replies = {"RCPT": [GREYLISTED, GREYLISTED, b"250 2.1.5 Ok\r\n"]}
    async with on_server(answering(replies), ONE) as (hands, server):
        monkeypatch.setattr(hands.app, "bell", lambda: rung.append("bell"))
        await to_refusal(hands)
        case, tests = hands.app.tests_at(hands.app.main.cursor_row)
        test = next(test for test in tests if test.id == "wait_5")
        hands.app.call("run_test", test, case, 0.001)
        await hands.until(lambda: "accepted" in "".join(told(hands)))
        await hands.settle()
        assert rung == ["bell"]
        assert server.connections == 3
        assert hands.here == "RCPT"
        assert any("accepted: RCPT TO:<bob@example.org> got 250 " in line for line in hands.log)
        assert any("at the 2nd retry" in line for line in hands.log)
        await hands.press("space")
        assert rung == ["bell"]


# -- repeat


@pytest.mark.parametrize(("text", "times"), [("repeat", 10), ("repeat 3", 3), ("repeat 2 data", 2)])
async def test_repeat_asks_first_and_then_runs(text: str, times: int) -> None:
    async with on_server(answering(), ONE) as (hands, server):
        await hands.press("space", "space", "space", "space", "space", "space")
        assert hands.here == "SEND_MESSAGE"
        before = server.received
        await hands.command(text)
        assert f"repeat makes {times} connections to " in hands.said
        assert server.received == before
        await hands.press("2")
        assert server.connections == 1 + times
        sent = server.received[len(before) :]
        assert sent.count(b"RCPT TO:<bob@example.org>\r\n") == times
        assert sent.count(b"DATA\r\n") == (times if "data" in text else 0)
        assert told(hands)[-1] == f"{times} runs done; the time tab has the figures"


async def test_while_it_repeats_the_header_says_how_far_it_is() -> None:
    gate = asyncio.Event()
    async with on_server(answering(EHLO=gate)) as (hands, _):
        await hands.begin("space")
        await hands.until(lambda: b"EHLO" in hands.sent)
        gate.set()
        await hands.settle()
        gate.clear()
        await hands.command("repeat 3")
        await hands.begin("2")
        await hands.until(lambda: hands.sent.count(b"EHLO") == 2)
        await hands.taken()
        assert "repeat 1 of 3, ^] stops it" in hands.header
        gate.set()
        await hands.settle()
        assert "stops it" not in hands.header


async def test_repeat_says_how_many_logins_it_makes() -> None:
    secret: dict[str, Any] = {"login_wanted": True, "user": "alice", "password": Secret("wonderland")}
    profile = replace(ONE, auth=("PLAIN",), **secret)
    async with on_server(answering({"EHLO": OFFER, "AUTH": b"235 ok\r\n"}), profile) as (hands, server):
        await hands.press("space", "space")
        await hands.command("repeat 4")
        assert "that is 4 logins as alice" in hands.said
        await hands.press("1")
        assert server.connections == 1


@pytest.mark.parametrize("text", ["repeat twice", "repeat 3 4", "repeat data 3 x", "repeat -1"])
async def test_other_words_are_not_understood(text: str) -> None:
    async with on_server(answering(), ONE) as (hands, server):
        await hands.command(text)
        assert "repeat knows repeat 20" in hands.said
        assert server.received == b""


async def test_too_many_are_refused_in_a_sentence() -> None:
    async with on_server(answering(), ONE) as (hands, _):
        await hands.command("repeat 999999999999")
        assert any("repeat makes 1 to 1,000 connections" in line for line in hands.log)
