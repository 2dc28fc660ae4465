"""Rows in the user's hands: marks and notes, wrapping, what is selected and what is copied."""

from __future__ import annotations

from pathlib import Path

import pytest

from smtpscope.smtp.events import Marked
from smtpscope.tui import marking
from smtpscope.tui.clipboard import LONGEST
from tui.driving import Driven, answering, driven, on_server
from tui.recordings import PROFILE, Recording, finished, logged_in


@pytest.fixture(autouse=True)
def state_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("TMUX", raising=False)
    return tmp_path / "state" / "smtpscope"


def copied(folder: Path) -> bytes:
    return (folder / "last-copy.txt").read_bytes()


def drawn(hands: Driven) -> list[str]:
    return hands.of(hands.app.main.log_view).split("\n")


def marks(hands: Driven) -> list[Marked]:
    return [event for event in hands.app.recorder if isinstance(event, Marked)]


# -- marks


async def test_a_mark_is_an_event_and_stands_in_front_with_its_note_behind() -> None:
    async with on_server() as (hands, server):
        await hands.press("*")
        assert hands.focus == "line"
        assert hands.line.startswith("note>")
        await hands.write("look at this banner")
        await hands.press("enter")
        assert hands.focus == "log"
        row = next(row for row in drawn(hands) if "220 mail.test" in row)
        assert row.startswith(">*")
        assert row.endswith("look at this banner")
        assert marks(hands)[-1].note == "look at this banner"
        await hands.press("*")
        assert not any("look at this banner" in row or row[1:2] == "*" for row in drawn(hands))
        assert marks(hands)[-1].on is False
        assert server.received == b""


@pytest.mark.parametrize("key", ["escape", "enter"])
async def test_a_mark_needs_no_note(key: str) -> None:
    async with driven(PROFILE, finished()) as hands:
        await hands.press("k", "*", key)
        assert hands.focus == "log"
        assert [mark.note for mark in marks(hands)] == [""]
        assert any(row.startswith(">*") for row in drawn(hands))


async def test_a_note_holds_no_secret_and_no_control_character() -> None:
    async with driven(PROFILE, finished()) as hands:
        await hands.press("*")
        hands.app.main.line.insert("is wonderland\x1b]0;x\x07 it")
        await hands.press("enter")
        assert marks(hands)[-1].note.startswith("is [hidden]")
        assert marks(hands)[-1].note.isprintable()


async def test_there_is_nothing_to_mark_before_there_is_a_row() -> None:
    async with driven(PROFILE, []) as hands:
        await hands.press("*")
        assert "no row to mark" in hands.said
        assert marks(hands) == []


# -- wrapping


async def test_long_rows_wrap_and_are_cut_again() -> None:
    long = b"250 " + b"x" * 300 + b"end\r\n"
    async with driven(PROFILE, Recording().connect().says(long, 0.1).recorder, size=(100, 30)) as hands:
        assert not any("end" in row for row in drawn(hands))
        await hands.press("W")
        assert any(row.endswith("xend") for row in drawn(hands))
        assert "wrap" in hands.said
        await hands.press("W")
        assert not any("xend" in row for row in drawn(hands))


# -- copying


async def test_selected_rows_are_copied_as_they_are_shown(state_folder: Path) -> None:
    async with driven(PROFILE, finished()) as hands:
        await hands.press("end", "k", "k", "shift+up", "shift+up", "shift+up")
        await hands.press("y")
        lines = copied(state_folder).decode().splitlines()
        assert len(lines) == 4
        assert lines[0].endswith("~>  message, 61 bytes, 4 lines")
        assert lines[1].split()[1:] == ["~>", "."]
        assert lines[2].endswith("<~   250 2.0.0 Ok: queued as 4Wb7Xz2Kq9")
        assert hands.app.clipboard == copied(state_folder).decode()
        assert "copied 4 lines" in hands.said


async def mark_by_mouse(hands: Driven, word: str) -> None:
    """Draw over a word of the log."""
    view = hands.app.main.log_view
    x, y = next((row.index(word), y) for y, row in enumerate(drawn(hands)) if word in row)
    await hands.pilot.mouse_down(view, offset=(x, y))
    await hands.pilot.hover(view, offset=(x + len(word) - 1, y))
    await hands.pilot.mouse_up(view, offset=(x + len(word) - 1, y))


async def test_text_marked_by_mouse_is_copied_until_it_is_let_go(state_folder: Path) -> None:
    async with driven(PROFILE, finished()) as hands:
        await mark_by_mouse(hands, "queued")
        await hands.press("y")
        assert copied(state_folder) == b"queued"
        await hands.press("escape", "k", "y")
        assert copied(state_folder) == b"221 2.0.0 Bye"


async def test_raw_octets_are_exact_but_for_secrets(state_folder: Path) -> None:
    recording = logged_in().says(b"250 caf\xc3\xa9 \xff\x00\r\n", 0.1)
    async with driven(PROFILE, recording.recorder) as hands:
        hands.app.main.log_view.cursor = 0
        await hands.press("shift+end", "colon")
        await hands.write("raw")
        await hands.press("enter")
        data = copied(state_folder)
        assert data.startswith(
            b"220 mx1.example.org ESMTP Postfix\r\nEHLO client.example.net\r\n250-mx1.example.org\r\n"
        )
        assert b"250 SMTPUTF8\r\n" in data, "what is folded away is a part of it"
        assert data.endswith(b"235 2.7.0 Authentication successful\r\n250 caf\xc3\xa9 \xff\x00\r\n")
        assert b"AUTH PLAIN [hidden]\r\n" in data
        assert b"AGFsaWNl" not in data
        assert hands.app.clipboard != data.decode("utf-8", "replace")
        assert "no plain text" in hands.said


async def test_raw_octets_that_are_text_go_to_the_clipboard_too(state_folder: Path) -> None:
    async with driven(PROFILE, finished()) as hands:
        await hands.press("k")
        hands.app.do_raw()
        assert copied(state_folder) == b"221 2.0.0 Bye\r\n"
        assert hands.app.clipboard == "221 2.0.0 Bye\r\n"
        message = next(place for place, row in enumerate(hands.log) if "message" in row)
        hands.app.main.log_view.cursor = message
        hands.app.do_raw()
        assert copied(state_folder) == b"Subject: test\r\nFrom: <alice@example.org>\r\n\r\nThis is a test.\r\n"


async def test_rows_without_octets_are_said_to_have_none() -> None:
    async with driven(PROFILE, finished()) as hands:
        await hands.press("g")
        hands.app.do_raw()
        await hands.settle()
        assert "no octets" in hands.said


@pytest.mark.parametrize("raw", [False, True])
async def test_many_rows_go_to_the_file_bit_by_bit(
    state_folder: Path, monkeypatch: pytest.MonkeyPatch, raw: bool
) -> None:
    monkeypatch.setattr(marking, "AT_ONCE", 5)
    monkeypatch.setattr(marking, "PORTION", 0.0)
    async with driven(PROFILE, finished()) as hands:
        clipboard = hands.app.clipboard
        await hands.press("g", "shift+end")
        count = len(hands.log)
        if raw:
            hands.app.do_raw()
        else:
            await hands.press("y")
        await hands.app.workers.wait_for_complete()
        await hands.settle()
        assert f"copied {count} rows to" in hands.said
        assert hands.app.clipboard == clipboard
        lines = copied(state_folder).splitlines()
        assert any(line.endswith(b"221 2.0.0 Bye") for line in lines)
        assert raw or len(lines) == count
        assert b"wonderland" not in copied(state_folder)
        assert [path.name for path in state_folder.iterdir()] == ["last-copy.txt"]
        assert (state_folder / "last-copy.txt").stat().st_mode & 0o777 == 0o600


async def test_what_is_too_long_for_a_clipboard_goes_to_the_file(state_folder: Path) -> None:
    recording = Recording().connect()
    for _ in range(60):
        recording.says(b"220-" + b"y" * 1900 + b"\r\n", 0.001)
    async with driven(PROFILE, recording.recorder) as hands:
        await hands.press("g", "shift+end", "y")
        assert len(copied(state_folder)) > LONGEST
        assert hands.app.clipboard == ""
        assert "too long for a clipboard" in hands.said


async def test_no_place_for_the_file_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr(marking, "AT_ONCE", 5)
    async with driven(PROFILE, finished()) as hands:
        await hands.press("g", "shift+end", "y")
        await hands.app.workers.wait_for_complete()
        await hands.settle()
        assert "nothing was copied" in hands.said


async def test_escape_lets_the_selection_go() -> None:
    async with on_server(answering()) as (hands, _):
        await hands.press("shift+up", "shift+up")
        assert hands.app.main.log_view.selecting
        await hands.press("escape")
        assert not hands.app.main.log_view.selecting


async def test_ctrl_c_copies_marked_text_to_the_file_too(state_folder: Path) -> None:
    async with driven(PROFILE, finished()) as hands:
        await mark_by_mouse(hands, "queued")
        await hands.press("ctrl+c")
        assert copied(state_folder) == b"queued"
        assert "copied 1 line" in hands.said
