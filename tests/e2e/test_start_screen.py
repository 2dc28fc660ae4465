"""``smtpscope`` alone on a real terminal: what is chosen there starts, what was used is there the next time."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from e2e.terminal import Terminal
from servers.scripted import ScriptedServer
from smtpscope.session.ring import Ring
from tui.driving import answering
from tui.recordings import in_transaction


@asynccontextmanager
async def start_screen(home: Path, *words: str, size: tuple[int, int] = (80, 23)) -> AsyncIterator[Terminal]:
    async with Terminal(*words, home=home, size=size) as terminal:
        await terminal.sees("an interactive SMTP debugger", "a practice server", "^q leave")
        yield terminal


@pytest.mark.parametrize("size", [(80, 23), (120, 40)], ids=["80x23", "120x40"])
async def test_the_practice_server_is_one_enter_away(size: tuple[int, int], tmp_path: Path) -> None:
    async with start_screen(tmp_path, size=size) as terminal:
        await terminal.press("Enter")
        await terminal.sees("practice server", "not connected", "space connect to the practice server")
        await terminal.press("c")
        await terminal.sees("220 localhost ESMTP")
        transcript = await terminal.leave()
    assert transcript.lstrip().startswith("=== Trying localhost")
    assert "interactive SMTP debugger" not in transcript


async def test_a_server_that_was_typed_is_there_the_next_time_with_its_address_but_no_password(tmp_path: Path) -> None:
    async with ScriptedServer(answering()) as server:
        target = f"127.0.0.1:{server.port}"
        async with start_screen(tmp_path) as terminal:
            await terminal.press(*f"{target} -autoo none", "Enter")
            await terminal.sees("-autoo is not an option: did you mean --auto?", f"> {target} -autoo none")
            await terminal.press("C-u", *f"{target} --auto none -au alice -f me@x.test -t you@x.test", "Enter")
            await terminal.sees("Password of ")
            await terminal.press(*"wonderland", "Enter")
            await terminal.sees("not connected")
            await terminal.press("c")
            await terminal.sees("220 mail.test ESMTP")
            for key, line in (("m", "MAIL FROM:<me@x.test>"), ("r", "RCPT TO:<you@x.test>")):
                await terminal.send(key, line, "250 2.0.0 Ok")
            assert "wonderland" not in await terminal.leave()
        async with start_screen(tmp_path) as terminal:
            await terminal.sees(f"▸ {target}", "-au alice -f me@x.test -t you@x.test")
            await terminal.press("Enter")
            await terminal.sees("Password of ")
            await terminal.press("C-c")
            code, text = await terminal.ended()
            assert (code, "No credentials were given." in text) == (1, True)
    files = [file for file in tmp_path.rglob("*") if file.is_file() and "wonderland" in file.read_text()]
    assert files == []
    envelopes = (tmp_path / "smtpscope" / "envelopes").read_text()
    assert envelopes == '{"from": "me@x.test", "to": ["you@x.test"]}\n'


async def test_a_kept_session_is_opened_from_the_list_and_from_the_command_line(tmp_path: Path) -> None:
    keeper = Ring(tmp_path / "smtpscope" / "sessions").keeper(in_transaction().recorder, "mx1.example.org", 587)
    keeper.close()
    async with start_screen(tmp_path) as terminal:
        await terminal.sees("kept sessions", "mx1.example.org:587", "550 5.1.1")
        await terminal.press("G", "Enter")
        await terminal.sees("550 5.1.1 <carol@example.org>", " wire")
        await terminal.press("C-q")
        code, text = await terminal.ended()
        assert (code, text.strip()) == (0, "")
    cut = tmp_path / "cut.jsonl"
    cut.write_bytes(keeper.path.read_bytes()[:3000])
    async with Terminal("open", str(cut), home=tmp_path) as terminal:
        await terminal.sees("550 5.1.1 <carol@example.org>", "cut.jsonl, line ", "it is cut off")
        await terminal.press("C-q")
        code, text = await terminal.ended()
        assert code == 1
        assert "it is cut off" in " ".join(text.split())


async def test_leaving_or_a_signal_leaves_the_terminal_as_it_was(tmp_path: Path) -> None:
    async with start_screen(tmp_path) as terminal:
        assert (await terminal.leave()).strip() == ""
    async with start_screen(tmp_path, "--ascii") as terminal:
        assert (await terminal.screen()).isascii()
        await terminal.signal("TERM")
        code, text = await terminal.ended()
        assert (code, text.strip()) == (128 + 15, "")


async def test_a_kept_session_goes_through_a_pipe(tmp_path: Path) -> None:
    keeper = Ring(tmp_path).keeper(in_transaction().recorder, "mx1.example.org", 587)
    keeper.close()
    program = f"{sys.executable} -m smtpscope export"
    command = f"cat {keeper.path} | {program} - --as jsonl | {program} - | head -1"
    done = await asyncio.to_thread(subprocess.run, ["sh", "-c", command], capture_output=True, timeout=60, text=True)
    assert (done.stdout, done.stderr) == ("=== Trying mx1.example.org:587...\n", "")
