"""The kept sessions in the start screen's list: from the files as they are, whole, cut or foreign."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from smtpscope.session.recorder import Recorder
from smtpscope.session.ring import Ring
from smtpscope.smtp.events import Closed
from smtpscope.tui.kept_list import kept_sessions
from tui.recordings import WALL, Recording, finished, in_transaction, questioned, start


def kept(folder: Path, *recordings: Recorder, server: str = "mx1.example.org") -> None:
    for recording in recordings:
        keeper = Ring(folder).keeper(recording, server, 587)
        keeper.close()
        assert keeper.problem == ""


def greeted(reply: bytes, cause: str = "") -> Recorder:
    recording = Recording().connect().says(reply, 0.01)
    return (recording.event(Closed(recording.at, cause)) if cause else recording).recorder


@pytest.mark.parametrize(
    ("recording", "ended"),
    [
        (finished(), "550 5.1.1 <carol@example.org>: Recipient address rejected: unknown user"),
        (in_transaction().recorder, "550 5.1.1 <carol@example.org>: Recipient address rejected: unknown user"),
        (questioned(), "220 2.0.0 Ready to start TLS"),
        (greeted(b"220 a\r\n221 Bye\r\n", "said goodbye"), "220 a"),
        (greeted(b"221 Bye\r\n", "said goodbye"), "221 Bye"),
        (greeted(b"220-a\r\n220 b\r\n", "dropped by you"), "220 b · dropped by you"),
        (greeted(b"554 \x1b[2J\xff no\r\n"), r"554 \x1b[2J\xff no"),
        (greeted(b"\r\n"), ""),
    ],
)  # fmt: skip
def test_a_session_says_how_it_ended(tmp_path: Path, recording: Recorder, ended: str) -> None:
    kept(tmp_path, recording)
    [session] = kept_sessions(tmp_path)
    assert session.ended == ended
    assert session.server == "mx1.example.org:587"
    assert session.when == time.strftime("%Y-%m-%d %H:%M", time.localtime(WALL))
    assert session.path.parent == tmp_path


def test_the_latest_comes_first_and_what_cannot_be_read_is_passed_over(tmp_path: Path) -> None:
    kept(tmp_path, greeted(b"220 first\r\n"), greeted(b"220 second\r\n"), greeted(b"220 third\r\n"))
    paths = sorted(tmp_path.iterdir())
    paths[1].write_bytes(b"\xff\n")
    (tmp_path / "notes.txt").write_text("mine")
    paths[2].write_bytes(paths[2].read_bytes()[:-20])
    sessions = kept_sessions(tmp_path)
    assert [session.path for session in sessions] == [paths[2], paths[0]]
    assert sessions[1].ended == "220 first"


def test_without_a_folder_there_is_none(tmp_path: Path) -> None:
    assert kept_sessions(tmp_path / "none") == []
    kept(tmp_path / "none", start())
    assert kept_sessions(tmp_path / "none") == []
