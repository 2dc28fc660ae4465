"""What was written before it was known to be a secret does not stay in the file."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from pathlib import Path

import pytest

from servers.echoing import leaks
from smtpscope.secret import Secret
from smtpscope.session.keep import Keeper, Lines, load
from smtpscope.session.recorder import Recorder
from smtpscope.session.ring import _WithoutText
from smtpscope.smtp.command import C
from smtpscope.smtp.events import Event, Issued, Link, LinkStatus, Opened, Received, Sent

WORD = "wonderland"
TOKEN = b64encode(f"\0alice\0{WORD}".encode())
BEFORE: list[Event] = [
    Opened(0.0, "mail.test", 25),
    Link(0.1, LinkStatus.CONNECTED, "connected"),
    Received(0.2, b"220 mail.test\r\n"),
    Issued(0.3, C.CUSTOM, WORD),
    Sent(0.3, f"{WORD}\r\n".encode()),
    Received(0.4, f"500 {WORD}?\r\n".encode()),
]
LOGIN: list[Event] = [
    Issued(0.5, C.AUTH, "AUTH PLAIN"),
    Sent(0.5, b"AUTH PLAIN " + TOKEN + b"\r\n", secrets=((11, 11 + len(TOKEN)),)),
    Received(0.6, b"235 hello\r\n"),
]


async def until_written(path: Path, words: str) -> str:
    """What stands in the file once ``words`` do."""
    async with asyncio.timeout(20):
        while words not in (text := path.read_text()) or not text.endswith("\n"):
            await asyncio.sleep(0.01)
    return text


@pytest.mark.parametrize("lines", [Lines, _WithoutText])
@pytest.mark.parametrize("typed", [False, True])
async def test_a_password_that_was_said_before_it_was_known_goes_from_the_file(
    lines: type[Lines], typed: bool, tmp_path: Path
) -> None:
    path, recorder = tmp_path / "kept.jsonl", Recorder()
    keeper = Keeper(path, recorder, "mail.test", 25, lines=lines())
    for event in BEFORE:
        recorder.append(event)
    keeper.wake()
    assert WORD in await until_written(path, "500 ")
    if typed:
        keeper.know(Secret(WORD))
    for event in LOGIN:
        recorder.append(event)
    keeper.wake()
    text = await until_written(path, "235 hello")
    assert not leaks(text, WORD)
    recorder.append(Received(0.7, b"250 later\r\n"))
    await asyncio.to_thread(keeper.close)
    assert not keeper.problem
    loaded = load(path)
    assert not loaded.problem
    assert len(loaded.recorder) == len(recorder)
    recorder.close()


async def test_with_secrets_nothing_is_written_again(tmp_path: Path) -> None:
    path, recorder = tmp_path / "kept.jsonl", Recorder()
    keeper = Keeper(path, recorder, "mail.test", 25, lines=Lines(with_secrets=True))
    for event in BEFORE + LOGIN:
        recorder.append(event)
        keeper.wake()
    await asyncio.to_thread(keeper.close)
    text = path.read_text()
    assert f"500 {WORD}?" in text
    assert TOKEN.decode() in text
    recorder.close()
