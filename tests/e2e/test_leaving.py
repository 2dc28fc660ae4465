"""Leaving in every way, and terminals of every kind."""

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from e2e.terminal import PROGRAM, Terminal, line_of

COLOUR = re.compile(r"\x1b\[(?:\d+;)*(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])[;m]")
"""SGR that sets a colour."""


async def greeted(terminal: Terminal) -> None:
    await terminal.sees("not connected")
    await terminal.press("c")
    await terminal.sees("220 localhost ESMTP", "idle")


@pytest.mark.parametrize("way", ["ctrl+q", ":q", ":quit", "palette"])
async def test_each_way_out_leaves_the_transcript(way: str, tmp_path: Path) -> None:
    async with Terminal("demo", home=tmp_path) as terminal:
        await greeted(terminal)
        if way == "ctrl+q":
            await terminal.press("C-q")
        elif way == "palette":
            await terminal.press("C-p")
            await terminal.sees("Search for commands")
            for key in "leave":
                await terminal.press(key)
            await terminal.sees("app: leave")
            await terminal.press("Enter")
        else:
            await terminal.press(":")
            await terminal.type(way[1:])
            await terminal.press("Enter")
        code, text = await terminal.ended()
    assert code == 0
    assert "=== Connected to localhost.\n<-  220 localhost ESMTP smtpscope practice server\n" in text


async def test_ctrl_c_does_not_leave_but_says_what_does(tmp_path: Path) -> None:
    async with Terminal("demo", home=tmp_path) as terminal:
        await terminal.sees("not connected")
        await terminal.press("C-c")
        await terminal.sees("^q leaves smtpscope")
        await terminal.press("i", "C-c")
        await terminal.sees("^q leaves smtpscope")
        await terminal.leave()


async def test_half_a_message_is_asked_about(tmp_path: Path) -> None:
    async with Terminal("demo", "-t", "bob@example.org", home=tmp_path) as terminal:
        await terminal.sees("not connected")
        await terminal.press("F5")
        await terminal.space("DATA")
        await terminal.space("send the message text", "█SEND_STREAM✓")
        await terminal.press("C-q")
        await terminal.sees("a message is half sent", "1 stay   2 leave")
        await terminal.press("1")
        await terminal.sees("answered: stay")
        await terminal.press("C-q")
        await terminal.sees("a number answers the question")
        await terminal.press("2")
        code, text = await terminal.ended()
    assert code == 0
    assert " ~> This is a test message from smtpscope." in text


@pytest.mark.parametrize(("name", "code"), [("TERM", 143), ("HUP", 129), ("INT", 130)])
async def test_a_signal_leaves_the_terminal_as_it_was(name: str, code: int, tmp_path: Path) -> None:
    async with Terminal("demo", home=tmp_path) as terminal:
        await greeted(terminal)
        await terminal.signal(name)
        ended, text = await terminal.ended()
    assert ended == code
    assert "<-  220 localhost ESMTP smtpscope practice server" in text
    assert "Traceback" not in text


async def test_nothing_is_left_behind_where_the_terminal_goes_away(tmp_path: Path) -> None:
    async with Terminal("demo", home=tmp_path) as terminal:
        await greeted(terminal)
        process = Path(f"/proc/{await terminal.pid()}")
        await terminal.close_window()
        async with asyncio.timeout(10):
            while process.exists():
                await asyncio.sleep(0.05)


async def test_no_transcript_where_none_is_wanted(tmp_path: Path) -> None:
    async with Terminal("demo", "--no-transcript", home=tmp_path) as terminal:
        await greeted(terminal)
        text = await terminal.leave()
    assert text.strip() == ""


# -- terminals


async def everywhere(terminal: Terminal) -> list[str]:
    """The screens that can be seen: picture, log, inspector, help, palette, line, a finished transaction."""
    screens = [await terminal.sees("not connected")]
    await terminal.press("F5")
    screens.append(await terminal.sees("550 5.1.1", "RCPT 0/1"))
    for key, seen in (("Enter", "IXP_E_SMTP_550"), ("?", "Keys in the inspector"), ("Escape", "IXP_E_SMTP_550")):
        await terminal.press(key)
        screens.append(await terminal.sees(seen))
    await terminal.press("Right")
    screens.append(await terminal.sees("35 35 30"))
    await terminal.press("Escape", "C-p")
    screens.append(await terminal.sees("Search for commands", "session: drop"))
    await terminal.press("Escape")
    await terminal.until(lambda screen: "Search for commands" not in screen, "the main screen again")
    await terminal.press("r")
    screens.append(await terminal.sees("> RCPT TO:<bob@example.org>"))
    await terminal.press("Enter")
    screens.append(await terminal.sees("250 2.1.5 Ok", "RCPT 1/1"))
    return screens


async def test_without_colour(tmp_path: Path) -> None:
    async with Terminal("demo", home=tmp_path, env={"NO_COLOR": "1"}) as terminal:
        await everywhere(terminal)
        assert not COLOUR.search(await terminal.colours())
        await terminal.leave()


@pytest.mark.parametrize("size", [(80, 23), (120, 40)], ids=["80x23", "120x40"])
async def test_ascii_is_nothing_but_ascii(size: tuple[int, int], tmp_path: Path) -> None:
    async with Terminal("demo", "--ascii", home=tmp_path, size=size) as terminal:
        for screen in await everywhere(terminal):
            assert screen.isascii(), screen
        assert (await terminal.leave()).isascii()


@pytest.mark.parametrize("encoding", ["POSIX", "C"])
async def test_a_terminal_without_utf_8_gets_ascii(encoding: str, tmp_path: Path) -> None:
    env = {"LC_ALL": encoding, "PYTHONUTF8": "0"}
    async with Terminal("demo", "-f", "alice@example.org", home=tmp_path, env=env) as terminal:
        screen = await terminal.sees("practice server", "NONE")
        assert screen.isascii()
        await terminal.press("F5")
        assert (await terminal.sees("550 5.1.1")).isascii()
        await terminal.leave()


@pytest.mark.parametrize("term", ["xterm-16color", "linux", "vt100", "screen"])
async def test_terminals_with_few_colours_or_none(term: str, tmp_path: Path) -> None:
    async with Terminal("demo", home=tmp_path, env={"TERM": term, "COLORTERM": None}) as terminal:
        await terminal.sees("practice server")
        await terminal.press("c")
        await terminal.sees("█BANNER✓220█", "220 localhost ESMTP")
        assert not re.search(r"[34]8;[25];", await terminal.colours())
        await terminal.leave()


async def test_smaller_and_larger_while_it_runs(tmp_path: Path) -> None:
    async with Terminal("demo", home=tmp_path, size=(120, 40)) as terminal:
        await terminal.sees("inspector", "no session")
        await terminal.resize(80, 23)
        await terminal.sees("█NONE█▶(BANNER    )")
        await terminal.resize(40, 12)
        await terminal.sees("█NONE█ ▸ BANNER")
        await terminal.press("c")
        await terminal.resize(120, 40)
        await terminal.sees("220 localhost ESMTP", "inspector", "✓220")
        await terminal.leave()


def run_without_terminal(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, **environment}
    return subprocess.run(
        [*PROGRAM, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, env=env, timeout=20
    )


def test_without_a_terminal_it_says_so() -> None:
    done = run_without_terminal("demo")
    assert done.returncode == 10
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "This needs a terminal" in done.stderr


async def test_a_dumb_terminal_is_none(tmp_path: Path) -> None:
    async with Terminal("demo", home=tmp_path, env={"TERM": "dumb"}) as terminal:
        code, text = await terminal.ended()
    assert code == 10
    assert "This needs a terminal" in " ".join(text.split())


async def test_standard_output_may_go_elsewhere(tmp_path: Path) -> None:
    """As in ``smtpscope demo > transcript``: the screen is on standard error."""
    shell = ("sh", "-c", f"exec {sys.executable} -m smtpscope demo > transcript.txt")
    async with Terminal(home=tmp_path, program=shell) as terminal:
        await greeted(terminal)
        assert line_of(await terminal.screen()) == " >"
        text = await terminal.leave()
    assert text.strip() == ""
    assert "<-  220 localhost ESMTP" in (tmp_path / "transcript.txt").read_text()
