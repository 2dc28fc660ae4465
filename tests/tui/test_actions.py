"""The registry is the one place where actions are: keys, footer, palette, help and the ``:`` line agree with it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from textual.binding import Binding

from smtpscope.actions import ACTIONS, BY_ID, BY_MEMBER
from smtpscope.demo.recipients import PRACTICE_RECIPIENTS
from smtpscope.secret import Secret
from smtpscope.smtp.command import SMTPCommand
from smtpscope.tui.app import SmtpScope
from smtpscope.tui.footer import footer_actions
from smtpscope.tui.main_screen import MainScreen
from smtpscope.tui.screens import Help
from tui.driving import PROFILE, answering, driven, on_server

C = SMTPCommand
HELP_CELLS = 78
"""A help sentence stands beside its key on 100 columns."""


def test_ids_and_keys_are_each_of_one_action() -> None:
    assert len(BY_ID) == len(ACTIONS)
    keys = [key for action in ACTIONS for key in action.keys]
    assert len(keys) == len(set(keys))


def test_every_action_can_be_done() -> None:
    for action in ACTIONS:
        does = hasattr(SmtpScope, f"do_{action.id}")
        assert does != bool(action.verb), f"{action.id}: a verb fills the line, everything else has a do_ method"


def test_every_do_method_has_its_action() -> None:
    assert {name.removeprefix("do_") for name in dir(SmtpScope) if name.startswith("do_")} <= set(BY_ID)


def test_help_sentences_fit_and_are_sentences_of_one_kind() -> None:
    for action in ACTIONS:
        assert 0 < len(action.help) <= HELP_CELLS, action.id
        assert action.help[0].islower() or action.help.split()[0].isupper(), action.id
        assert not action.help.endswith("."), action.id
        assert action.title.partition(": ")[2], action.id


def test_every_member_has_one_action() -> None:
    assert set(BY_MEMBER) == set(C)
    for member in (C.NONE, C.BANNER, C.CONNECTED, C.SEND_STREAM, C.SEND_MESSAGE):
        assert BY_MEMBER[member].command, f"{member.name} has no wire command"
    for member in (C.EHLO, C.HELO, C.AUTH, C.MAIL, C.RCPT, C.RSET, C.QUIT, C.DATA, C.DOT):
        assert BY_MEMBER[member].verb


def test_bindings_are_the_registrys_keys() -> None:
    bound: dict[str, str] = {}
    for binding in SmtpScope.BINDINGS:
        assert isinstance(binding, Binding)
        for key in binding.key.split(","):
            bound[key] = binding.action
    bound |= {SmtpScope.COMMAND_PALETTE_BINDING: "do('palette')"}
    for action in ACTIONS:
        for key in action.keys:
            if action.id.startswith("pane_"):
                assert bound[key] == f"digit({key})"
            else:
                assert bound[key] == f"do('{action.id}')"
    extra = {key for key in bound if not any(key in action.keys for action in ACTIONS)}
    assert extra == {"5", "6", "7", "8", "9", "escape", "end"}


def test_only_drop_and_leave_and_the_palette_go_before_what_has_the_focus() -> None:
    first = {b.action for b in SmtpScope.BINDINGS if isinstance(b, Binding) and b.priority}
    assert first == {"do('drop')", "do('quit')"}


def test_the_footer_shows_actions_with_their_keys() -> None:
    for id in footer_actions():
        assert BY_ID[id].keys, id


async def test_help_has_every_action_with_a_key_and_the_names_of_the_others() -> None:
    async with driven(size=(110, 200)) as hands:
        await hands.press("question_mark")
        assert hands.over is Help
        rows = [" ".join(row.split()) for row in hands.rows]
        for action in ACTIONS:
            if action.keys:
                assert any(f"{action.shown_keys} {action.help}" in row for row in rows), action.id
        text = " ".join(" ".join(rows).replace("│", " ").split())
        for action in ACTIONS:
            if not action.keys:
                assert action.id in text
        for recipient in PRACTICE_RECIPIENTS:
            assert f"{recipient.local_part}@ {recipient.meaning}" in text
        assert "set timeout 60" in text


@pytest.mark.parametrize("key", ["question_mark", "f1"])
async def test_help_explains_the_row_and_the_pane_that_has_the_focus(key: str) -> None:
    async with on_server(size=(100, 40)) as (hands, server):
        await hands.press(key)
        assert "The row under the cursor" in hands.text
        assert "The server greets: it is ready" in hands.text
        assert "Keys in the log" in hands.text
        await hands.press(key)
        assert hands.over is None
        await hands.press("1", key)
        assert "Keys in the picture" in hands.text
        await hands.press("escape", "3", key)
        assert "Keys in the inspector" in hands.text
        await hands.press("escape", "escape", "i", "f1")
        assert "Keys in the line" in hands.text
        assert server.received == b""


async def test_help_can_be_read_to_its_end_on_a_small_screen() -> None:
    async with driven(size=(80, 23)) as hands:
        hands.app.animation_level = "none"
        await hands.press("question_mark")
        assert "close@" not in hands.text
        await hands.press("end")
        await hands.pilot.pause()
        assert "close@" in hands.text
        assert "421" in hands.text


# -- the app's own command line


async def test_q_leaves() -> None:
    async with driven() as hands:
        await hands.press("colon")
        await hands.write("q")
        assert hands.line.startswith(": q")
        await hands.press("enter")
        assert not hands.app.is_running
        assert hands.app.return_value == 0


@pytest.mark.parametrize(
    ("text", "says", "seconds"),
    [
        ("set timeout 60", "60 s", 60.0),
        ("set timeout 2m", "120 s", 120.0),
        ("set timeout 0", "as long as they like", 0.0),
        ("set timeout soon", "soon is not a time", None),
        ("set timeout", "set timeout 60", None),
        ("set colour 3", "set timeout 60", None),
    ],
)
async def test_set_timeout(text: str, says: str, seconds: float | None) -> None:
    async with on_server() as (hands, server):
        await hands.press("colon")
        await hands.write(text)
        await hands.press("enter")
        assert says in hands.said
        assert hands.app.session is not None
        assert hands.app.session.session is not None
        assert hands.app.session.session.transport.timeout == seconds
        assert server.received == b""
        assert hands.focus == "log"


@pytest.mark.parametrize(("typed", "near"), [("trasncript", "transcript"), ("conect", "connect"), ("zzzzz", "")])
async def test_an_unknown_command_names_the_nearest(typed: str, near: str) -> None:
    async with driven() as hands:
        await hands.press("colon")
        await hands.write(typed)
        await hands.press("enter")
        assert f"no command {typed}" in hands.said
        assert (f"did you mean {near}?" in hands.said) == bool(near)


async def test_ids_on_the_command_line_do_what_their_keys_do() -> None:
    async with on_server() as (hands, server):
        await hands.press("colon")
        await hands.write("ehlo")
        await hands.press("enter")
        assert hands.app.main.line.ghost == "EHLO client.test"
        assert server.received == b"", "a verb is filled in, here too"
        await hands.press("escape", "escape", "colon")
        await hands.write("drop")
        await hands.press("enter")
        assert hands.here == "NONE"
        await hands.press("colon")
        await hands.write("connect")
        await hands.press("enter")
        assert hands.here == "BANNER"
        await hands.press("colon")
        await hands.write("time")
        await hands.press("enter")
        assert "since the row before" in hands.said


async def test_what_was_typed_for_the_wire_is_there_after_the_command_line() -> None:
    async with on_server() as (hands, _):
        await hands.press("i")
        await hands.write("NOOP kept")
        await hands.press("escape", "colon")
        assert hands.app.main.line.value == ""
        await hands.press("escape", "i")
        assert hands.app.main.line.value == "NOOP kept"


async def test_the_command_line_completes() -> None:
    async with driven() as hands:
        await hands.press("colon")
        await hands.write("transc")
        await hands.press("tab")
        assert hands.app.main.line.value == "transcript"


async def test_login_and_send_run_on_their_own() -> None:
    profile = replace(PROFILE, login_wanted=True, user="alice", password=Secret("wonderland"), auth=("PLAIN",))
    async with on_server(answering({"AUTH": b"235 2.7.0 ok\r\n"}), profile, connect=False) as (hands, server):
        await hands.press("colon")
        await hands.write("login")
        await hands.press("enter")
        assert hands.here == "CONNECTED"
        await hands.press("colon")
        await hands.write("send")
        await hands.press("enter")
        assert hands.here == "SEND_MESSAGE"
        assert server.received.endswith(b"\r\nhi\r\n..dot\r\n.\r\n")


def test_main_screen_keeps_tab_for_the_line() -> None:
    assert [b.key for b in MainScreen.BINDINGS if isinstance(b, Binding)] == ["tab"]
