"""Comparing with a kept session and exporting, by keys and by the ``:`` line."""

from __future__ import annotations

import stat
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from smtpscope.session.export import KINDS, export
from smtpscope.smtp.events import Event
from smtpscope.tui.comparing import WORDS, Compared
from smtpscope.tui.history import state_folder
from smtpscope.tui.kept_list import SESSIONS
from smtpscope.tui.picking import Pick
from tui.driving import Driven, driven
from tui.recordings import finished, in_transaction, questioned


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder of the test's own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("TMUX", raising=False)
    assert state_folder().is_relative_to(tmp_path)
    return state_folder()


def kept(state: Path, name: str, events: Iterable[Event]) -> Path:
    """A session in the ring."""
    folder = state / SESSIONS
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-1.jsonl"
    path.write_text(export(events, "jsonl"))
    return path


@asynccontextmanager
async def app_on(events: Iterable[Event], size: tuple[int, int] = (120, 40)) -> AsyncIterator[Driven]:
    async with driven(events=list(events), size=size) as hands:
        yield hands


async def worked(hands: Driven) -> None:
    """Until what runs beside the screen is done."""
    await hands.taken()
    await hands.app.workers.wait_for_complete()
    await hands.taken()


async def command(hands: Driven, text: str) -> None:
    """A line of the app's own."""
    await hands.press("colon")
    await hands.paste(text)
    await hands.press("enter")
    await worked(hands)


async def test_a_kept_session_is_chosen_and_laid_beside(state: Path) -> None:
    kept(state, "20260101T000000000000", questioned())
    kept(state, "20260102T000000000000", in_transaction().recorder)
    async with app_on(finished()) as hands:
        await hands.press("equals_sign")
        assert hands.over is Pick
        assert "compare this session with" in hands.text
        await hands.press("down", "enter")
        await worked(hands)
        assert isinstance(hands.app.screen, Compared)
        assert "The first difference: TLS: verdict" in hands.text
        assert "the certificate expired 3 days ago" in hands.text
        assert "B  20260101T000000000000-1.jsonl" in hands.text
        await hands.press("escape")
        assert hands.over is None


async def test_typing_narrows_the_list(state: Path) -> None:
    kept(state, "20260101T000000000000", questioned())
    kept(state, "20260102T000000000000", finished())
    async with app_on(in_transaction().recorder) as hands:
        await hands.press("equals_sign")
        assert hands.text.count("2023-11-14") == 2
        await hands.write("ready 2023")
        assert hands.text.count("2023-11-14") == 1
        await hands.write("nothing has this")
        assert "nothing has all of these words" in hands.text
        await hands.press("enter")
        assert hands.over is Pick
        await hands.press("escape")
        assert hands.over is None


async def test_differences_are_gone_through_by_keys(state: Path) -> None:
    path = kept(state, "20260101T000000000000", questioned())
    async with app_on(finished(), size=(100, 20)) as hands:
        await command(hands, f"compare {path}")
        page = hands.app.screen.query_one("Page")
        await hands.press("n")
        assert hands.rows[1].strip().startswith("*!   verdict")
        first = page.scroll_offset.y
        await hands.press("n")
        assert page.scroll_offset.y > first
        assert hands.rows[1].strip().startswith("<  EHLO in TLS")
        await hands.press("N")
        assert page.scroll_offset.y == first


async def test_the_table_follows_the_width(state: Path) -> None:
    path = kept(state, "20260101T000000000000", questioned())
    async with app_on(finished(), size=(120, 30)) as hands:
        await command(hands, f"compare {path}")
        for width in (120, 60, 90):
            await hands.resize(width, 30)
            assert "The first difference: TLS: verdict" in hands.text
            assert not any("…" in row for row in hands.rows)


async def test_what_cannot_be_compared_is_said(state: Path, tmp_path: Path) -> None:
    async with app_on(finished()) as hands:
        await hands.press("equals_sign")
        assert "no other session is kept yet: :compare FILE" in hands.said
        await command(hands, f"compare {tmp_path}/none")
        assert "cannot be read" in hands.said
        (tmp_path / "foreign").write_text("hello\n")
        await command(hands, f"compare {tmp_path}/foreign")
        assert "not a session that smtpscope has kept" in hands.said
        assert hands.over is None
    async with app_on([]) as hands:
        await hands.press("equals_sign")
        assert "nothing to compare yet" in hands.said


async def test_every_kind_of_export_is_offered_and_copied(state: Path) -> None:
    assert set(WORDS) == {*KINDS, "svg"}
    async with app_on(finished()) as hands:
        await command(hands, "export")
        assert hands.over is Pick
        assert all(kind in hands.text for kind in WORDS)
        await hands.write("swaks command")
        await hands.press("enter")
        await worked(hands)
        assert hands.over is None
        assert hands.app.clipboard == export(finished(), "swaks")
        assert "copied" in hands.said
        assert (state / "last-copy.txt").read_text() == hands.app.clipboard


@pytest.mark.parametrize("kind", WORDS)
async def test_an_export_is_written_for_its_owner_alone(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"a name with blanks.{kind}"
    async with app_on(finished()) as hands:
        await command(hands, f"export {kind} {path}")
        assert "wrote" in hands.said
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        written = path.read_text()
        assert "mx1.example.org" in written
        assert "wonderland" not in written
        if kind != "svg":
            assert written == export(finished(), kind)
        else:
            assert "url(http" not in written
        await command(hands, f"export {kind} {path}")
        assert "is there already" in hands.said
        assert path.read_text() == written


async def test_an_export_that_is_none_or_has_no_place_is_said(tmp_path: Path) -> None:
    async with app_on(finished()) as hands:
        await command(hands, "export pdf")
        assert "export knows transcript, jsonl" in hands.said
        await command(hands, f"export html {tmp_path}/nowhere/x")
        assert "cannot be written: No such file or directory" in hands.said
