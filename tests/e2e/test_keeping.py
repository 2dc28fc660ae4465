"""A session is saved, kept in the ring and opened again, in a real terminal; also over one that is still running."""

from __future__ import annotations

import stat
from pathlib import Path

from e2e.terminal import Terminal
from smtpscope.session.keep import load
from smtpscope.session.ring import Ring

SAID = "250 2.1.5 Ok"


async def to_data(terminal: Terminal) -> None:
    """To before DATA, over the recipient that is refused."""
    await terminal.sees("space")
    await terminal.press("F5")
    await terminal.sees("550", "space RCPT")
    await terminal.press("F5")
    await terminal.sees("space DATA")


async def test_a_session_is_saved_and_opened_again(tmp_path: Path) -> None:
    path = tmp_path / "saved.jsonl"
    async with Terminal("demo", "--save", str(path), home=tmp_path) as terminal:
        await to_data(terminal)
        await terminal.press("C-q")
        code, _ = await terminal.ended()
        assert code == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load(path).problem == ""
    (kept,) = Ring(tmp_path / "smtpscope" / "sessions").sessions()
    assert load(kept.path).problem == ""
    assert len(load(kept.path).recorder) > 10
    for file in (path, kept.path):
        async with Terminal("open", str(file), home=tmp_path) as terminal:
            await terminal.sees("recording of", SAID, "●")
            await terminal.press("<", "<")
            await terminal.sees("PAST")
            await terminal.press("C-q")
            assert (await terminal.ended())[0] == 0
    assert [session.path for session in Ring(tmp_path / "smtpscope" / "sessions").sessions()] == [kept.path]


async def test_a_cut_file_is_shown_and_its_fault_is_said(tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    async with Terminal("demo", "--save", str(whole), "--no-keep", home=tmp_path) as terminal:
        await to_data(terminal)
        await terminal.press("C-q")
        await terminal.ended()
    assert not (tmp_path / "smtpscope" / "sessions").exists()
    cut.write_bytes(whole.read_bytes()[:-20])
    async with Terminal("open", str(cut), home=tmp_path, size=(120, 40)) as terminal:
        await terminal.sees("recording of", SAID, "cut off")
        await terminal.press("C-q")
        code, screen = await terminal.ended()
        assert code == 1
        assert "it is cut off: the session was not written to its end" in " ".join(screen.split())


async def test_a_file_that_cannot_be_made_is_said_before_the_screen(tmp_path: Path) -> None:
    async with Terminal("demo", "--save", "/proc/none", home=tmp_path) as terminal:
        code, screen = await terminal.ended()
        assert code == 1
        assert "/proc/none cannot be written" in " ".join(screen.split())


async def test_a_kept_session_is_opened_over_one_that_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "saved.jsonl"
    async with Terminal("demo", home=tmp_path) as terminal:
        await to_data(terminal)
        await terminal.press(":")
        await terminal.type("w saved.jsonl")
        await terminal.press("Enter")
        await terminal.sees("its secrets hidden")
        await terminal.press(":")
        await terminal.type("open saved.jsonl")
        await terminal.press("Enter")
        await terminal.sees("recording of")
        await terminal.press("C-q")
        await terminal.space("DATA", "354")
        await terminal.press("C-q")
        assert (await terminal.ended())[0] == 0
    assert "354" in path.read_text()
