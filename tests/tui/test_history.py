"""What is remembered between runs, what never is, and that no file system can stop a session."""

from __future__ import annotations

import os
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpscope.secret import Secret
from smtpscope.session.redact import Redactor
from smtpscope.smtp.command import SMTPCommand
from smtpscope.smtp.events import Issued, Link, LinkStatus
from smtpscope.tui.history import ENVELOPES, LINES, Envelope, History, envelopes_of, last_copy, reached, state_folder
from smtpscope.tui.remembered import Remembered
from tui.driving import PROFILE, driven
from tui.recordings import finished, start, waiting

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


# -- envelopes and command lines


def test_addresses_come_back_the_latest_first_and_those_of_the_verb_before_others(path: Path) -> None:
    first = History(path.parent)
    first.add("RCPT TO:<old@x.test>")
    first.sent([Envelope("alice@x.test", ("bob@x.test", "carol@x.test")), Envelope("", ("dave@x.test",))])
    second = History(path.parent)
    second.add("rcpt to:<typed@x.test> NOTIFY=NEVER")
    second.add("MAIL FROM:<me@x.test>")
    second.add("NOOP <no@x.test>")
    rcpt = ["typed@x.test", "dave@x.test", "bob@x.test", "carol@x.test", "old@x.test"]
    mail = ["me@x.test", "alice@x.test"]
    assert second.addresses("RCPT") == rcpt + mail
    assert second.addresses("MAIL") == mail + rcpt


def test_an_address_typed_again_is_the_latest(path: Path) -> None:
    History(path.parent).add("RCPT TO:<a@x.test>")
    history = History(path.parent)
    for address in ("a", "b", "a"):
        history.add(f"RCPT TO:<{address}@x.test>")
    assert history.addresses("RCPT") == ["a@x.test", "b@x.test"]


def test_the_envelopes_of_a_session_are_those_it_sent() -> None:
    assert envelopes_of(finished(), Redactor()) == [
        Envelope("alice@example.org", ("carol@example.org", "bob@example.org", "dave@example.org"))
    ]


def test_a_path_that_says_a_password_is_left_out() -> None:
    redactor = Redactor()
    redactor.know(Secret("wonderland"))
    events = [
        Issued(0.0, SMTPCommand.MAIL, "MAIL FROM:<alice@x.test>"),
        Issued(0.0, SMTPCommand.RCPT, "RCPT TO:<wonderland@x.test>"),
        Issued(0.0, SMTPCommand.RCPT, r'RCPT TO:<"a>\"b"@x.test> NOTIFY=NEVER'),
        Issued(0.0, SMTPCommand.RCPT, "RCPT TO:no brackets"),
    ]
    assert envelopes_of(events, redactor) == [Envelope("alice@x.test", (r'"a>\\"b"@x.test',))]


def test_a_server_counts_once_its_address_was_found() -> None:
    assert reached(waiting())
    assert not reached(start())
    assert not reached([Link(0.0, LinkStatus.FINDINGHOST, "no.test")])


def test_envelopes_and_starts_are_bounded_and_each_is_there_once(path: Path) -> None:
    history = History(path.parent)
    for number in range(3 * ENVELOPES):
        history.sent([Envelope("a@x.test", (f"{number}@x.test",)), Envelope("again@x.test", ())])
        history.started(f"mail{number}.x.test -tls")
        history.started("mail.x.test")
    again = History(path.parent)
    assert again.envelopes == history.envelopes
    assert again.starts == history.starts
    assert len(again.envelopes) == len(again.starts) == ENVELOPES
    assert again.starts[-1] == "mail.x.test"
    assert again.starts.count("mail.x.test") == 1
    assert {mode(file) for file in path.parent.iterdir()} == {0o600}
    assert sorted(os.listdir(path.parent)) == ["envelopes", "starts"]


@pytest.mark.parametrize(
    "row",
    ["{", "[]", "null", "{}", '{"from": 1, "to": []}', '{"from": "a", "to": [1]}', '{"from": "a", "to": 5}',
     '{"from": "\\u001b[2J", "to": []}', '{"from": "a", "to": {"b": [] }}', "[" * 5000, '"\\ud800"'],
)  # fmt: skip
def test_a_row_that_is_no_envelope_is_passed_over(path: Path, row: str) -> None:
    path.parent.mkdir()
    good = '{"from": "a@x.test", "to": ["b@x.test"]}'
    (path.parent / "envelopes").write_text(f"{row}\n{good}\n")
    history = History(path.parent)
    assert history.problem == ""
    assert history.envelopes[-1] == Envelope("a@x.test", ("b@x.test",))
    assert all(address.isprintable() for address in history.addresses("MAIL"))


def test_a_run_that_keeps_nothing_reads_and_leaves_the_files_as_they_are(path: Path) -> None:
    first = History(path.parent)
    first.add("NOOP")
    first.started("mail.x.test")
    before = {file: file.read_bytes() for file in path.parent.iterdir()}
    history = History(path.parent, writes=False)
    assert (history.lines, history.starts) == (["NOOP"], ["mail.x.test"])
    history.add("QUIT")
    history.started("other.x.test")
    history.sent([Envelope("a@x.test", ())])
    assert history.lines == ["NOOP", "QUIT"]
    assert {file: file.read_bytes() for file in path.parent.iterdir()} == before


def test_nothing_is_lost_while_another_run_writes_the_file_anew(path: Path) -> None:
    """A start that finds the file too long makes it short; rows that are added at that moment stay."""

    def load() -> list[int]:
        rows = Remembered[int](path, 10, str, lambda row: int(row) if row else None)
        assert rows.problem == ""
        return rows.items

    def add() -> None:
        rows = Remembered[int](path, 10, str, lambda row: None)
        for number in range(2000):
            rows.add(number)

    run = threading.Thread(target=add)
    run.start()
    while run.is_alive():
        found = load()
        assert found == list(range(found[0], found[-1] + 1)) if found else True
    run.join()
    assert load() == list(range(1990, 2000))


async def test_tab_offers_addresses_of_earlier_runs(path: Path) -> None:
    History(path.parent).sent([Envelope("me@x.test", ("old@x.test",)), Envelope("", ("new@x.test",))])
    profile = replace(PROFILE, mail_from=None, rcpt_to=())
    async with driven(profile, history=History(path.parent)) as hands:
        await hands.press("i")
        await hands.paste("RCPT TO:<")
        await hands.press("tab")
        assert hands.app.main.line.value == "RCPT TO:<new@x.test>"
        await hands.press("tab")
        assert hands.app.main.line.value == "RCPT TO:<old@x.test>"
        await hands.press("tab")
        assert hands.app.main.line.value == "RCPT TO:<me@x.test>"
