"""``w``, ``:w FILE`` and ``:open FILE``: the session is in a file as it happens, and whatever fails is one sentence."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path

import pytest

from session.test_keep import Watched
from smtpscope.secret import Secret
from smtpscope.session.keep import CannotKeep, load
from smtpscope.session.ring import Ring
from smtpscope.smtp.events import Closed
from tui.driving import PROFILE, answering, driven, on_server
from tui.recordings import in_transaction

LOGIN = replace(PROFILE, user="alice", password=Secret("wonderland"), login_wanted=True, auth=("PLAIN",))


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


async def test_w_writes_what_there_is_and_what_comes_and_says_where(here: Path) -> None:
    async with on_server() as (hands, _):
        await hands.press("w")
        (path,) = here.iterdir()
        assert path.name.startswith("smtpscope-127.0.0.1-2")
        assert path.suffix == ".jsonl"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert "the session is written to" in hands.said
        assert f"{path.name}, its secrets hidden, as it happens" in hands.said
        before = len(hands.app.recorder)
        Watched(path).until(before)
        await hands.press("e", "enter")
        assert len(hands.app.recorder) > before
        assert Watched(path).until(len(hands.app.recorder)) == hands.app.recorder[:]
        await hands.press("w")
        assert "already" in hands.said
        assert list(here.iterdir()) == [path]
        assert hands.app.stop_keeping() == []


async def test_w_with_a_name(here: Path) -> None:
    async with on_server() as (hands, _):
        await hands.command("w my session.jsonl")
        assert hands.app.stop_keeping() == []
        assert list(load(here / "my session.jsonl").recorder) == hands.app.recorder[:]


async def test_a_file_that_is_there_is_written_over_only_with_an_exclamation_mark(here: Path) -> None:
    (here / "s").write_text("precious")
    async with on_server() as (hands, _):
        await hands.command("w s")
        assert "is there already: `:w! " in hands.said
        assert (here / "s").read_text() == "precious"
        await hands.command("w! s")
        assert hands.app.stop_keeping() == []
    assert load(here / "s").problem == ""


async def test_what_cannot_be_written_is_a_sentence_and_the_session_goes_on(here: Path) -> None:
    async with on_server() as (hands, _):
        await hands.command("w no/such/folder/x")
        assert "cannot be written: No such file or directory." in hands.said
        await hands.press("e", "enter")
        assert hands.here == "CONNECTED"
        with pytest.raises(CannotKeep):
            hands.app.keep(here)


async def test_a_disk_that_fails_later_is_told_and_the_session_goes_on() -> None:
    full = Path("/dev/full")
    async with on_server() as (hands, _):
        hands.app.post_message(hands.app.Failed("The session is not written to x any more: No space left on device."))
        await hands.take()
        assert "No space left on device." in hands.said
        await hands.command(f"w! {full}")
        assert "no plain file" in hands.said
        await hands.press("e", "enter")
        assert hands.here == "CONNECTED"


async def test_secrets_are_written_only_where_they_were_asked_for(here: Path) -> None:
    for name, with_secrets in (("hidden", False), ("whole", True)):
        profile = replace(LOGIN, with_secrets=with_secrets)
        async with on_server(answering({"AUTH": b"535 5.7.8 not wonderland\r\n"}), profile) as (hands, _):
            await hands.command(f"w {name}")
            await hands.press("e", "enter", "a", "enter")
            assert hands.app.stop_keeping() == []
        assert ("wonderland" in (here / name).read_text()) is with_secrets
        assert ("AGFsaWNlAHdvbmRlcmxhbmQ=" in (here / name).read_text()) is with_secrets


async def test_a_password_that_is_typed_later_is_hidden_too(here: Path) -> None:
    """With CRAM-MD5 it never goes out, but this server knows it."""
    offer = b"250-mail.test\r\n250 AUTH CRAM-MD5\r\n"
    replies = {"EHLO": offer, "AUTH": b"334 PDFAbWFpbC50ZXN0Pg==\r\n", "RESPONSE": b"535 not wonderland\r\n"}
    profile = replace(PROFILE, login_wanted=True)
    async with on_server(answering(replies), profile) as (hands, _):
        await hands.command("w typed")
        await hands.press("e", "enter", "a", "enter")
        await hands.write("alice")
        await hands.press("enter")
        await hands.write("wonderland")
        await hands.press("enter")
        assert b"535 not wonderland" in hands.received
        assert hands.app.stop_keeping() == []
    assert "wonderland" not in (here / "typed").read_text()


async def test_the_ring_is_written_beside_and_never_with_secrets(here: Path) -> None:
    ring = Ring(here / "sessions")
    async with on_server(profile=replace(LOGIN, with_secrets=True)) as (hands, _):
        hands.app.keep_in(ring)
        await hands.press("e", "enter", "a", "enter")
        hands.app.keep(here / "saved")
        assert hands.app.stop_keeping() == []
    (session,) = ring.sessions()
    assert "wonderland" not in session.path.read_text().replace("d29uZGVybGFuZ", "wonderland")
    assert session.header.redacted
    assert "AGFsaWNlAHdvbmRlcmxhbmQ=" in (here / "saved").read_text()


async def test_a_recording_can_be_written_again(here: Path) -> None:
    recorder = in_transaction().recorder
    async with driven(replace(PROFILE, with_secrets=True), recorder, recording=True) as hands:
        await hands.press("w")
        assert hands.app.stop_keeping() == []
    (path,) = here.iterdir()
    assert path.name.startswith("smtpscope-mx1.example.org-2")
    found = load(path)
    assert len(found.recorder) == len(recorder)
    assert found.header is not None
    assert found.header.redacted


@pytest.mark.parametrize(
    ("server", "name"),
    [
        ("mx1.example.org", "mx1.example.org"),
        ("2001:db8::7", "2001_db8_7"),
        ("../../etc/x", "etc_x"),
        ("..", "session"),
    ],
)
async def test_the_name_is_made_of_the_host_and_cannot_leave_the_folder(here: Path, server: str, name: str) -> None:
    async with driven(replace(PROFILE, server=server), [Closed(0.0, "x")]) as hands:
        await hands.press("w")
        assert hands.app.stop_keeping() == []
    (path,) = here.iterdir()
    assert path.name.startswith(f"smtpscope-{name}-2")


async def test_open_says_what_is_wrong_with_a_file_and_stays(here: Path) -> None:
    (here / "mbox").write_text("From alice\n")
    async with on_server() as (hands, _):
        await hands.command("open mbox")
        assert "line 1: this is not a session that smtpscope has kept." in hands.said
        await hands.command("open none")
        assert "none cannot be read: No such file or directory." in hands.said
        await hands.command("open")
        assert ":open takes the name of a kept session" in hands.said
        await hands.press("e", "enter")
        assert hands.here == "CONNECTED"
