"""What is remembered between runs, what never is, and that no file system can stop a session."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpscope.tui.history import LINES, History, last_copy, state_folder

HOSTILE = [
    "\x1b]0;PWNED\x07",
    "EHLO x\r\nMAIL FROM:<a@b>\n",
    r"typed escapes \r\n \0 \x1b \\ \q",
    "nul \x00 del \x7f \x85 \u2028 \u202e",
    "bytes \udcff\udc80",
    "日本語 👩\u200d👩 e\u0301",
    " leading and trailing ",
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "history"


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_lines_last_longer_than_the_run(path: Path) -> None:
    first = History(path.parent)
    for line in HOSTILE:
        first.add(line)
    assert first.problem == ""
    assert History(path.parent).lines == HOSTILE
    assert len(path.read_bytes().splitlines()) == len(HOSTILE)


def test_the_file_can_be_looked_at_in_a_terminal(path: Path) -> None:
    for line in HOSTILE:
        History(path.parent).add(line)
    assert all(row.isprintable() for row in path.read_text("utf-8").split("\n"))


@given(st.lists(st.text(st.characters(codec="utf-8")), max_size=20))
def test_any_text_comes_back(tmp_path_factory: pytest.TempPathFactory, lines: list[str]) -> None:
    path = tmp_path_factory.mktemp("state") / "history"
    history = History(path.parent)
    for line in lines:
        history.add(line)
    assert History(path.parent).lines == history.lines
    assert set(history.lines) <= set(lines)


def test_a_line_used_again_is_the_newest_and_stands_once(path: Path) -> None:
    history = History(path.parent)
    for line in ("NOOP", "QUIT", "NOOP", "NOOP", "", "   "):
        history.add(line)
    assert history.lines == ["QUIT", "NOOP"]
    assert History(path.parent).lines == ["QUIT", "NOOP"]


def test_the_newest_thousand_are_kept_and_the_file_is_cut_at_a_start(path: Path) -> None:
    history = History(path.parent)
    same = history.lines
    for number in range(2 * LINES + 1):
        history.add(f"NOOP {number}")
    newest = [f"NOOP {number}" for number in range(LINES + 1, 2 * LINES + 1)]
    assert history.lines == newest
    assert history.lines is same  # a widget has it
    assert History(path.parent).lines == newest
    assert len(path.read_bytes().splitlines()) == LINES
    assert mode(path) == 0o600
    assert os.listdir(path.parent) == ["history"]


def test_folder_and_file_are_the_owners_alone(path: Path) -> None:
    History(path.parent).add("NOOP")
    assert (mode(path.parent), mode(path)) == (0o700, 0o600)
    path.parent.chmod(0o755)
    path.chmod(0o644)
    History(path.parent).add("QUIT")
    assert (mode(path.parent), mode(path)) == (0o700, 0o600)


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("AUTH PLAIN AGFsaWNlAHdvbmRlcmxhbmQ=", "AUTH PLAIN"),
        ("  auth\tlogin  YWxpY2U=", "auth login"),
        ("AUTH CRAM-MD5", "AUTH CRAM-MD5"),
        ("AUTH", "AUTH"),
        ("AUTH AGFsaWNlAHdvbmRlcmxhbmQ=", "AUTH"),
        (r"AUTH PLAIN\x20AGFsaWNlAHdvbmRlcmxhbmQ=", "AUTH"),
        (r"AUTH LOGIN\r\nYWxpY2U=\r\nd29uZGVybGFuZA==", "AUTH"),
        ("AUTH LOGIN\r\nd29uZGVybGFuZA==", "AUTH LOGIN"),
        (r"EHLO me\r\nAUTH PLAIN AGFsaWNlAHdvbmRlcmxhbmQ=", None),
        (r"EHLO me\r\nAUTH LOGIN\r\nd29uZGVybGFuZA==", None),
        (r"\x41UTH PLAIN AGFsaWNlAHdvbmRlcmxhbmQ=", None),
        (r"AUTH\x20PLAIN\x20AGFsaWNlAHdvbmRlcmxhbmQ=", None),
        (r"\0AUTH PLAIN AGFsaWNlAHdvbmRlcmxhbmQ=", None),
        ("XAUTH PLAIN AGFsaWNlAHdvbmRlcmxhbmQ=", None),
        ("MAIL FROM:<a@b> AUTH=<>", "MAIL FROM:<a@b> AUTH=<>"),
        ("VRFY author one", "VRFY author one"),
    ],
)
def test_of_a_login_only_verb_and_mechanism_are_kept(path: Path, line: str, kept: str | None) -> None:
    history = History(path.parent)
    history.add(line)
    assert history.lines == ([] if kept is None else [kept])
    assert History(path.parent).lines == history.lines
    written = path.read_bytes() if path.exists() else b""
    assert b"AGFs" not in written
    assert b"d29" not in written


def test_a_login_in_an_older_file_is_not_offered(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("NOOP\nAUTH PLAIN AGFsaWNlAHdvbmRlcmxhbmQ=\n")
    assert History(path.parent).lines == ["NOOP", "AUTH PLAIN"]


def test_two_runs_at_once_lose_nothing(path: Path) -> None:
    def run(name: str) -> None:
        history = History(path.parent)
        for number in range(200):
            history.add(f"NOOP {name} {number}")

    runs = [threading.Thread(target=run, args=(name,)) for name in "ab"]
    for thread in runs:
        thread.start()
    for thread in runs:
        thread.join()
    assert sorted(History(path.parent).lines) == sorted(
        f"NOOP {name} {number}" for name in "ab" for number in range(200)
    )


def test_a_torn_last_line_takes_no_other_with_it(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"NOOP\nRCPT TO:<bo")
    History(path.parent).add("QUIT")
    assert History(path.parent).lines == ["NOOP", "RCPT TO:<bo", "QUIT"]


@pytest.mark.parametrize("data", [b"\xff\xfe\x00\n\\x\\xzz\\\n\x1b[2J", b"\n\n\n", b"\x00" * 1000, b""])
def test_any_file_can_be_read(path: Path, data: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(data)
    history = History(path.parent)
    history.add("NOOP")
    assert history.problem == ""
    assert History(path.parent).lines[-1] == "NOOP"


def test_without_a_path_the_lines_last_as_long_as_the_run() -> None:
    history = History(None)
    history.add("NOOP")
    assert (history.lines, history.problem) == (["NOOP"], "")


def test_a_file_that_cannot_be_used_is_said_and_nothing_raises(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "folders" / "history").mkdir(parents=True)
    os.mkfifo(tmp_path / "history")
    for folder in (tmp_path / "file", tmp_path / "folders", tmp_path, tmp_path / "nul\0" / "hi\x1b[2Jstory"):
        history = History(folder)
        history.add("NOOP")
        assert history.lines == ["NOOP"]
        assert history.problem.startswith("The history lasts for this run only: ")
        assert history.problem.isprintable()


def test_a_problem_that_is_over_is_not_said_any_more(tmp_path: Path) -> None:
    (tmp_path / "state").write_bytes(b"")
    history = History(tmp_path / "state" / "history")
    history.add("NOOP")
    assert history.problem
    (tmp_path / "state").unlink()
    history.add("QUIT")
    assert history.problem == ""


def test_the_last_copy_lies_in_the_state_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    path = last_copy("250 Ok ü \udcff\n")
    assert path == state_folder() / "last-copy.txt"
    assert path.read_bytes() == b"250 Ok \xc3\xbc \xff\n"
    assert (mode(path.parent), mode(path)) == (0o700, 0o600)
    path.chmod(0o644)
    assert last_copy(b"\x00").read_bytes() == b"\x00"
    assert mode(path) == 0o600
    assert os.listdir(path.parent) == ["last-copy.txt"]


def test_a_copy_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OSError, match="file"):
        last_copy("x", tmp_path / "file")
    (tmp_path / "state" / "last-copy.txt").mkdir(parents=True)
    with pytest.raises(IsADirectoryError):
        last_copy("x", tmp_path / "state")
    assert os.listdir(tmp_path / "state") == ["last-copy.txt"]
