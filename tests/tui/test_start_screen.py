"""The start screen as a person works with it: what it lists, what it ends with, what it says."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual import events
from textual.pilot import Pilot

from smtpscope.tui.history import Envelope, History
from smtpscope.tui.kept_list import KeptSession
from smtpscope.tui.start_screen import SERVERS, StartScreen

STARTS = (
    "mail.example.org",
    "mx1.example.net --auto none",
    "mail.example.org:587 -tls -au alice",
    "jam.example.org",
    "mail.example.org:587 -tls -au alice -f alice@example.org",
)
SESSIONS = (
    KeptSession(Path("/state/2.jsonl"), "2026-11-22 14:03", "mx2.example.org:25", "550 5.1.1 No such user"),
    KeptSession(Path("/state/1.jsonl"), "2026-11-21 09:00", "mail.example.org:25", "250 Ok"),
)


class Hands:
    def __init__(self, app: StartScreen, pilot: Pilot[list[str] | int]) -> None:
        self.app = app
        self.pilot = pilot

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)

    async def write(self, text: str) -> None:
        names = {" ": "space", "-": "minus", ":": "colon", ".": "full_stop", "/": "slash", "'": "apostrophe"}
        await self.pilot.press(*(names.get(char, char) for char in text))

    @property
    def rows(self) -> list[str]:
        return [strip.text.rstrip() for strip in self.app.screen._compositor.render_strips()]

    @property
    def text(self) -> str:
        return "\n".join(self.rows)

    @property
    def listed(self) -> list[str]:
        """The first word of each row that can be chosen, the one under the cursor in brackets."""
        rows = [row for row in self.rows[5:-1] if row.startswith((" ▸ ", " > ", "   "))]
        return [f"[{row.split()[1]}]" if row[1] in "▸>" else row.split()[0] for row in rows]

    @property
    def field(self) -> str:
        return self.app.field.value

    @property
    def sentence(self) -> str:
        return self.app.says.text


@asynccontextmanager
async def started(
    starts: Sequence[str] = STARTS,
    sessions: Sequence[KeptSession] = SESSIONS,
    *,
    size: tuple[int, int] = (80, 23),
    ascii_only: bool = False,
) -> AsyncIterator[Hands]:
    history = History(None)
    for line in starts:
        history.started(line)
    history.sent([Envelope("alice@x.test", ("old@x.test", "bob@x.test")), Envelope("", ("new@x.test",))])
    app = StartScreen(history, sessions, ascii_only=ascii_only)
    async with app.run_test(size=size) as pilot:
        yield Hands(app, pilot)


async def test_servers_come_once_newest_first_then_the_demo_and_the_sessions() -> None:
    async with started() as hands:
        assert hands.listed == [
            "[mail.example.org:587]", "jam.example.org", "mx1.example.net", "mail.example.org", "demo",
            "mx2.example.org:25", "mail.example.org:25",
        ]  # fmt: skip
        assert "-tls -au alice -f alice@example.org" in hands.text
        assert "2026-11-22 14:03  550 5.1.1 No such user" in hands.text
        await hands.press("enter")
    assert hands.app.return_value == ["mail.example.org:587", "-tls", "-au", "alice", "-f", "alice@example.org"]


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        (["j", "j", "k", "enter"], ["jam.example.org"]),
        (["down", "down", "up", "enter"], ["jam.example.org"]),
        (["G", "enter"], ["open", "/state/1.jsonl"]),
        (["G", "g", "enter"], ["mail.example.org:587", "-tls", "-au", "alice", "-f", "alice@example.org"]),
        (["k", "k", "j", "j", "j", "j", "enter"], ["demo"]),
        (["pagedown", "k", "enter"], ["open", "/state/2.jsonl"]),
    ],
)
async def test_keys_choose(keys: list[str], words: list[str]) -> None:
    async with started() as hands:
        await hands.press(*keys)
    assert hands.app.return_value == words


async def test_a_click_chooses() -> None:
    async with started() as hands:
        place = next(y for y, row in enumerate(hands.rows) if "demo" in row)
        await hands.pilot.click(offset=(5, place))
    assert hands.app.return_value == ["demo"]


async def test_the_first_time_there_is_the_demo() -> None:
    async with started((), ()) as hands:
        assert hands.listed == ["[demo]"]
        assert "kept sessions" not in hands.text
        await hands.press("enter")
    assert hands.app.return_value == ["demo"]


async def test_what_is_typed_narrows_the_list_and_is_started_by_enter() -> None:
    async with started() as hands:
        await hands.write("mx")
        assert hands.listed == ["mx1.example.net", "mx2.example.org:25"]
        await hands.write(" 550")
        assert hands.listed == ["mx2.example.org:25"]
        await hands.press("ctrl+u")
        assert len(hands.listed) == 7
        await hands.write("smtpscope new.example.org:587 -tls -f '<>'")
        assert "nothing used before" in hands.text
        await hands.press("enter")
    assert hands.app.return_value == ["new.example.org:587", "-tls", "-f", "<>"]


async def test_the_arrows_choose_from_what_is_left_and_typing_on_lets_go() -> None:
    async with started() as hands:
        await hands.write("mail")
        await hands.press("down", "down")
        assert hands.listed == ["mail.example.org:587", "[mail.example.org]", "mail.example.org:25"]
        await hands.write(".ex")
        assert "[" not in "".join(hands.listed)
        await hands.press("down", "up", "down", "enter")
    assert hands.app.return_value is not None
    assert hands.app.return_value[0] == "mail.example.org:587"  # type: ignore[index]


async def test_letters_that_move_are_text_once_something_is_typed() -> None:
    async with started() as hands:
        await hands.press("slash")
        await hands.write("jk/g")
        assert hands.field == "jk/g"
        await hands.press("escape")
        assert (hands.field, hands.listed[0]) == ("", "[mail.example.org:587]")
        await hands.press("j")
        assert (hands.field, hands.listed[1]) == ("", "[jam.example.org]")


async def test_a_paste_is_typed_and_starts_nothing() -> None:
    async with started() as hands:
        hands.app.field.post_message(events.Paste("jam.example.org\n -tls\n"))
        await hands.pilot.pause()
        assert hands.field == "jam.example.org -tls"
        await hands.press("enter")
    assert hands.app.return_value == ["jam.example.org", "-tls"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("mail.test -tlsx", "-tlsx is not an option: did you mean -tls?"),
        ("mail.test:70000", "70000 is not a port: a number from 1 to 65535 or a service's name."),
        ("mail.test 'x", "A quotation mark or a backslash has nothing behind it."),
        ("--help", "That is for a shell: here a server starts, or demo, or open FILE."),
        ("--version", "That is for a shell: here a server starts, or demo, or open FILE."),
        ("export a.jsonl", "That is for a shell: here a server starts, or demo, or open FILE."),
        ("demo --serve-only", "That is for a shell: here a server starts, or demo, or open FILE."),
        ("--ascii", "That is for a shell: here a server starts, or demo, or open FILE."),
        ("open", "Which file? smtpscope open FILE; a server called open is open:25 or -s open."),
    ],
)
async def test_what_cannot_be_started_is_said_in_one_sentence_and_stays(text: str, sentence: str) -> None:
    async with started() as hands:
        hands.app.field.post_message(events.Paste(text))
        await hands.press("enter")
        assert hands.app.is_running
        assert hands.field == text
        assert hands.sentence.replace("\n", " ") == sentence
        await hands.press("x")
        assert hands.sentence.startswith("Enter starts")


async def test_tab_completes_command_lines_used_before_and_options() -> None:
    async with started() as hands:
        await hands.write("mx")
        await hands.press("tab")
        assert hands.field == "mx1.example.net --auto none"
        await hands.write(" --no-k")
        await hands.press("tab")
        assert hands.field == "mx1.example.net --auto none --no-keep"
        await hands.write(" -t n")
        await hands.press("tab")
        assert hands.field.endswith("--no-keep -t new@x.test")
        await hands.write(" -f ")
        await hands.press("tab")
        assert hands.field.endswith("-t new@x.test -f alice@x.test")


async def test_more_servers_than_fit_beside_the_sessions_are_found_by_typing() -> None:
    async with started([f"mail{number}.example.org" for number in range(30)], SESSIONS) as hands:
        assert hands.listed[SERVERS:] == ["demo", "mx2.example.org:25", "mail.example.org:25"]
        await hands.write("mail3.")
        assert hands.listed == ["mail3.example.org"]


async def test_leaving_chooses_nothing() -> None:
    async with started() as hands:
        await hands.press("ctrl+c")
        assert "^q leaves" in hands.sentence
        await hands.press("ctrl+q")
        assert not hands.app.is_running
    assert hands.app.return_value is None


HOSTILE = "x\x1b]0;PWNED\x07[/][@click=app.quit]\u202e"


@pytest.mark.parametrize("size", [(80, 23), (40, 12), (10, 3), (200, 60)])
async def test_foreign_text_stays_text_at_every_size(size: tuple[int, int]) -> None:
    session = KeptSession(Path("/a"), "2026-11-22 14:03", "[/b]:25", "550 [/] no")
    starts = [f"{HOSTILE} -au '{HOSTILE}'", "it's not closed", "", "-tls", "  ", "mail.test"]
    async with started(starts, [session], size=size, ascii_only=True) as hands:
        hands.app.field.post_message(events.Paste(HOSTILE))
        await hands.press("enter")
        assert hands.app.is_running
        assert all(char in "\n" or " " <= char <= "~" for char in hands.text)
        await hands.press("escape", *["down"] * 8, *["up"] * 3)
        assert all(char in "\n" or " " <= char <= "~" for char in hands.text)


async def test_keys_that_come_at_once_mean_what_they_mean_one_by_one() -> None:
    """As from a fast hand, or a network that held them up: nothing of the app runs between them."""
    async with started() as hands:
        for key, character in (("m", "m"), ("x", "x"), ("down", None), ("up", None), ("down", None), ("enter", "\r")):
            hands.app.field.on_key(events.Key(key, character))
    assert hands.app.return_value == ["mx1.example.net", "--auto", "none"]
    async with started() as hands:
        for key in ("j", "m", "x", "enter"):
            hands.app.field.on_key(events.Key(key, key[:1]))
    assert hands.app.return_value == ["mx"]
