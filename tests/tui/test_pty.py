"""What a real terminal is sent, whatever the server says: Textual's own sequences and printable text."""

from __future__ import annotations

import base64
import re
import signal
import termios
from collections.abc import Sequence
from pathlib import Path

import pytest

from servers import hostile
from servers.scripted import Handler, Peer, ScriptedServer
from tui.hostile_payloads import PAYLOADS, wrapped
from tui.pty_terminal import Pty, kind, kinds, plain, sequences, words

CTRL_P, CTRL_Q, DROP, ENTER, ESCAPE, RIGHT = b"\x10", b"\x11", b"\x1d", b"\r", b"\x1b", b"\x1b[C"
LEFT, PAGE_DOWN = b"\x1b[D", b"\x1b[6~"

MODES = {"25": "h", "7": "h", **dict.fromkeys(("1000", "1003", "1004", "1006", "1015", "1049", "2004"), "l")}
"""How a terminal is found and must be left: cursor shown, lines wrapped, no mouse, no focus reports, normal screen."""

CORPUS = [case for case in hostile.load().values() if case.group == "terminal"]


def faults_of(data: bytes, allowed: set[str]) -> list[str]:
    """What a terminal was sent beside text and the sequences it is always sent, in words."""
    faults = [f"{kind(each)}: {each!r}" for each in sequences(data) if kind(each) not in allowed]
    text = plain(data).decode("utf-8", "backslashreplace")
    faults += [
        f"control character {char!r}" for char in sorted(set(text)) if not char.isprintable() and char not in "\r\n"
    ]
    for each in sequences(data):
        if kind(each).startswith("OSC '52"):
            copied = base64.b64decode(each.split(b";", 2)[2].rstrip(b"\x07\x1b\\")).decode()
            faults += [f"{char!r} in the clipboard" for char in set(copied) if not char.isprintable() and char != "\n"]
    return faults


def left_as_found(data: bytes, terminal: Pty) -> list[str]:
    """What is not as it was before, in words."""
    state: dict[str, str] = {}
    pushed = 0
    for each in sequences(data):
        if match := re.fullmatch(rb"\x1b\[\?(\d+)([hl])", each):
            state[match[1].decode()] = match[2].decode()
        pushed += each.startswith(b"\x1b[>") and each.endswith(b"u")
        pushed -= each == b"\x1b[<u"
    wrong = [f"mode {mode} is {state[mode]}" for mode in state if state[mode] != MODES.get(mode)]
    assert "1049" in state, "the alternate screen was never entered"
    if pushed:
        wrong.append("the keyboard protocol is not the one before")
    flags = termios.tcgetattr(terminal._master)[3]
    wrong += [name for name in ("ECHO", "ICANON", "ISIG") if not flags & getattr(termios, name)]
    return wrong


def on_normal_screen(data: bytes) -> str:
    """What was written after the alternate screen was left."""
    return words(data[data.rindex(b"\x1b[?1049l") :])


def smtpscope(server: ScriptedServer, *more: str) -> list[str]:
    return ["-m", "smtpscope", f"127.0.0.1:{server.port}", "-h", "me.test", *more]


def saying(lines: Sequence[bytes], banner: bytes = b"mail.test") -> Handler:
    """A server whose every word is one of these, and that says them all unasked after EHLO."""

    async def handler(peer: Peer) -> None:
        await peer.send(b"220 %b\r\n" % banner)
        await peer.line()
        await peer.send(b"".join(b"250-%b\r\n" % line for line in lines) + b"250 HELP\r\n")
        for line in lines:
            await peer.send(b"550 5.1.1 %b\r\n%b\r\n250 %b\r\n" % (line, line, line))
        while not (await peer.line()).startswith(b"QUIT"):
            await peer.send(b"250 all said\r\n")
        await peer.send(b"221 %b\r\n" % banner)

    return handler


async def look_around(lines: Sequence[bytes], home: Path) -> bytes:
    """A run that goes through every pane and every screen; what the terminal got."""
    async with (
        ScriptedServer(saying(lines), timeout=300) as server,
        Pty(smtpscope(server), home, size=(130, 40)) as terminal,
    ):
        press = terminal.press
        await terminal.sees("nothing was asked")
        await press(b"o", "legal now")
        await press(ENTER, "all said")
        await press(b"g", "connect to")
        for _ in range(8):
            await terminal.press(PAGE_DOWN)
        await terminal.press(b"k")
        await press(b"G", "all said")
        await press(b"3", "inspector *")
        await press(RIGHT, "[bytes]")
        await press(LEFT, "[reply]")
        await press(b"2", "wire *")
        await press(b"Y", "copied")
        await press(b"y", "copied 1 line")
        await press(b"?", "Keys in the")
        await press(ESCAPE, "goodbye")  # which was covered
        await press(CTRL_P, "session: connect")
        await press(ESCAPE, "goodbye")
        await press(b"q", "legal now")
        await press(ENTER, "closed")
        await terminal.press(CTRL_Q)
        assert await terminal.exits() == 0
        return bytes(terminal.received)


async def test_everything_at_once_and_a_harmless_server_give_the_same_kinds_of_sequences(tmp_path: Path) -> None:
    calm = await look_around([b"250 as usual"] * len(PAYLOADS), tmp_path)
    allowed = kinds(calm)
    assert faults_of(calm, allowed) == []
    assert {name for name in allowed if name[:3] in ("OSC", "DCS", "APC")} <= {"OSC '52;c'", "OSC '22;d'", "OSC '22;p'"}
    evil = [wrapped(payload) for payload in PAYLOADS.values()]
    got = await look_around(evil, tmp_path)
    assert faults_of(got, allowed) == []
    assert set(sequences(b"".join(evil))) & set(sequences(got)) <= set(sequences(calm))
    assert "PWNED" in words(got)
    left = on_normal_screen(got)
    assert left.replace("\r\n", "").isprintable()
    for name, payload in PAYLOADS.items():
        assert b"Qz" + payload not in got or payload.decode().isprintable(), name


async def test_no_case_of_the_corpus_makes_the_terminal_do_anything(tmp_path: Path) -> None:
    """One run, another case at each connection."""

    async def handler(peer: Peer) -> None:
        await hostile._Play(peer, hostile.FAST).run(CORPUS[server.connections - 1].script)

    async def calm(peer: Peer) -> None:
        await peer.send(b"220 hostile.test\r\n")
        while True:
            await peer.line()
            await peer.send(b"250-hostile.test\r\n250 HELP\r\n")

    async def connect(terminal: Pty) -> None:
        await terminal.press(b"c", "space EHLO")
        await terminal.press(b"e", "legal now")
        await terminal.press(ENTER, "space MAIL")

    async with ScriptedServer(calm) as server, Pty(smtpscope(server, "--auto", "none"), tmp_path) as terminal:
        await terminal.sees("connect to")
        await connect(terminal)
        await terminal.press(DROP, "space connect to")
        await terminal.press(CTRL_Q)
        await terminal.exits()
        allowed, ordinary = kinds(bytes(terminal.received)), set(sequences(bytes(terminal.received)))
    async with (
        ScriptedServer(handler, timeout=300) as server,
        Pty(smtpscope(server, "--auto", "none"), tmp_path, size=(120, 30)) as terminal,
    ):
        await terminal.sees("connect to")
        starts: list[int] = []
        for number in range(1, len(CORPUS) + 1):
            since = len(terminal.received)
            await connect(terminal)
            await terminal.press(DROP, "space connect to")
            starts.append(since)
            assert server.connections == number
        await terminal.press(CTRL_Q)
        assert await terminal.exits() == 0
        got = bytes(terminal.received)
    for case, start, stop in zip(CORPUS, starts, [*starts[1:], len(got)], strict=True):
        part = got[got.rindex(b"\x1b", 0, start) : got.rindex(b"\x1b", 0, stop)]
        assert faults_of(part, allowed) == [], case.id
        said = [hostile.unescape(step["send"]) for step in case.script if "send" in step]
        assert set(sequences(b"".join(said))) & set(sequences(part)) <= ordinary, case.id
    assert faults_of(got, allowed) == []
    left = on_normal_screen(got)
    assert left.count("Trying") == len(CORPUS)
    assert left.replace("\r\n", "").isprintable()


# -- the terminal afterwards


async def answering(peer: Peer) -> None:
    await peer.send(b"220 mail.test\r\n")
    while True:
        await peer.line()
        await peer.send(b"250 mail.test\r\n")


async def hanging_up(peer: Peer) -> None:
    await peer.send(b"220 mail.test\r\n")
    await peer.line()
    peer.reset()


@pytest.mark.parametrize(
    ("handler", "marker", "end", "code"),
    [
        (answering, "250 mail.test", CTRL_Q, 0),
        (hanging_up, "closed", CTRL_Q, 0),
        (answering, "250 mail.test", signal.SIGTERM, 143),
        (hanging_up, "closed", signal.SIGTERM, 143),
        (answering, "250 mail.test", signal.SIGINT, 130),
    ],
)
async def test_the_terminal_is_left_as_it_was_found(
    handler: Handler, marker: str, end: bytes | signal.Signals, code: int, tmp_path: Path
) -> None:
    async with ScriptedServer(handler) as server, Pty(smtpscope(server), tmp_path) as terminal:
        await terminal.sees(marker)
        if isinstance(end, bytes):
            await terminal.press(end)
        else:
            terminal.signal(end)
        assert await terminal.exits() == code
        got = bytes(terminal.received)
        assert left_as_found(got, terminal) == []
        left = on_normal_screen(got)
        assert left.startswith(f"=== Trying 127.0.0.1:{server.port}...\r\n")
        assert "<-  220 mail.test\r\n" in left
        assert left.replace("\r\n", "").isprintable()


async def test_without_a_transcript_nothing_is_left(tmp_path: Path) -> None:
    async with ScriptedServer(answering) as server, Pty(smtpscope(server, "--no-transcript"), tmp_path) as terminal:
        await terminal.sees("250 mail.test")
        await terminal.press(CTRL_Q)
        assert await terminal.exits() == 0
        assert on_normal_screen(bytes(terminal.received)) == ""


FAULTY = r"""
import sys
from smtpscope.tui.app import SmtpScope
def do_zoom(self):
    password = self.session.session.profile.password.reveal()
    raise ValueError("\x1b]0;PWNED\x07 [/x] " + password + "\x9b31m")
SmtpScope.do_zoom = do_zoom
from smtpscope.cli import main
sys.exit(main())
"""


async def test_a_fault_of_ours_is_a_sentence_that_gives_nothing_away(tmp_path: Path) -> None:
    async with ScriptedServer(answering) as server:
        login = ["-au", "alice", "-ap", "wonderland", "--auto", "ehlo"]
        program = ["-c", FAULTY, *smtpscope(server, *login)[2:]]
        async with Pty(program, tmp_path) as terminal:
            await terminal.sees("250 mail.test")
            calm = kinds(bytes(terminal.received))
            await terminal.press(b"z")
            assert await terminal.exits() == 1
            got = bytes(terminal.received)
            assert left_as_found(got, terminal) == []
            left = on_normal_screen(got)
            assert "This is a fault of smtpscope" in left
            assert "[hidden]" in left
            assert "<-  220 mail.test" in left
            assert "Traceback" not in left
            assert "wonderland" not in words(got)
            assert left.replace("\r\n", "").replace("\a", "").isprintable()
            assert kinds(got[got.rindex(b"\x1b[?1049l") :]) - calm <= {
                f"CSI ?{mode} {state}" for mode, state in MODES.items()
            }


async def test_an_encoding_that_lacks_characters_is_no_fault(tmp_path: Path) -> None:
    handler = saying(["é 日本 ✓".encode()], "Grüße".encode())
    env = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"}
    async with ScriptedServer(handler) as server, Pty(smtpscope(server), tmp_path, env=env) as terminal:
        await terminal.sees("nothing was asked")
        await terminal.press(CTRL_Q)
        assert await terminal.exits() == 0
        got = bytes(terminal.received)
        assert plain(got).isascii()
        assert "<-  220 Gr\\xfc\\xdfe" in on_normal_screen(got)
        assert "Traceback" not in words(got)
