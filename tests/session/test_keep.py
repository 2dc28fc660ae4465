"""A session that is kept comes back as it was, what is hidden is nowhere in the file, and what fails is a sentence."""

from __future__ import annotations

import base64
import json
import os
import resource
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from session.event_strategies import events
from session.folding import recorded, rows, state, view_of
from smtpscope.secret import Secret
from smtpscope.session import keep as keeping
from smtpscope.session.keep import CannotKeep, Keeper, Lines, Loaded, load
from smtpscope.session.recorder import Recorder
from smtpscope.session.schema import Header, event_line, header_line
from smtpscope.smtp.command import SMTPCommand
from smtpscope.smtp.events import (
    Asked,
    Cipher,
    Closed,
    Event,
    Failed,
    Issued,
    Link,
    LinkStatus,
    Marked,
    Opened,
    Received,
    Sent,
    Told,
)
from tui.recordings import PROFILE, STATES

HEADER = header_line(Header("mx", 25, 1_700_000_000.0))
LIMIT = 20.0
"""Seconds after which a test that waits has failed."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "session.jsonl"


def keep(path: Path, recorder: Recorder, *, with_secrets: bool = False, secrets: tuple[Secret, ...] = ()) -> None:
    """Write a whole recording."""
    keeper = Keeper(path, recorder, "mx", 25, lines=Lines(with_secrets), secrets=secrets)
    keeper.close()
    assert not keeper.problem


def loaded(path: Path) -> Loaded:
    """Read a file without a fault."""
    found = load(path)
    assert found.problem == ""
    return found


def written(path: Path, *lines: bytes | Event) -> Path:
    path.write_bytes(HEADER + b"".join(line if isinstance(line, bytes) else event_line(line) for line in lines))
    return path


# -- there and back


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.lists(events.filter(lambda event: type(event).__name__ not in ("Answered", "Marked"))))
def test_with_secrets_everything_comes_back(path: Path, given: list[Event]) -> None:
    path.unlink(missing_ok=True)
    keep(path, recorded(given), with_secrets=True)
    back = loaded(path)
    assert [type(event) for event in back.recorder] == [type(event) for event in given]
    assert list(back.recorder) == given
    assert back.header is not None
    assert not back.header.redacted


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.lists(events.filter(lambda event: type(event).__name__ not in ("Answered", "Marked"))))
def test_without_secrets_all_octets_that_are_not_hidden_are_the_same(path: Path, given: list[Event]) -> None:
    path.unlink(missing_ok=True)
    keep(path, recorded(given))
    back = list(loaded(path).recorder)
    assert len(back) == len(given)
    for event, was in zip(back, given, strict=True):
        assert type(event) is type(was)
        assert event.time == was.time
        if isinstance(event, Sent | Received) and isinstance(was, Sent | Received):
            hidden = {place for start, end in event.secrets for place in range(start, end)}
            assert len(event.data) == len(was.data)
            assert all(event.data[place] == was.data[place] for place in range(len(was.data)) if place not in hidden)
            assert all(event.data[place : place + 1] == b"*" for place in hidden)
            assert all(set(range(*span)) <= hidden for span in was.secrets)


@pytest.mark.parametrize("name", STATES)
@pytest.mark.parametrize("with_secrets", [False, True])
def test_a_kept_session_looks_as_it_did(path: Path, name: str, with_secrets: bool) -> None:
    recorder = STATES[name]()
    assert PROFILE.password is not None
    keep(path, recorder, with_secrets=with_secrets, secrets=(PROFILE.password,))
    was, back = view_of(recorder), view_of(loaded(path).recorder)
    assert rows(back) == rows(was)
    assert state(back) == state(was)


def test_the_header_is_of_the_first_connection(path: Path) -> None:
    keep(
        path,
        recorded([Failed(0.0, None, "no"), Opened(0.0, "mx1.example.org", 587, wall=1_700_000_000.5), Closed(9, "x")]),
    )
    assert loaded(path).header == Header("mx1.example.org", 587, 1_700_000_000.5)


def test_a_session_in_which_nothing_happened_is_a_file_too(path: Path) -> None:
    keep(path, Recorder())
    back = loaded(path)
    assert back.header is not None
    assert (back.header.server, back.header.port, len(back.recorder)) == ("mx", 25, 0)


# -- what is hidden

PASSWORD = "tr0ub4dor&3"


def login(*replies: bytes) -> list[Event]:
    token = base64.b64encode(f"\0alice\0{PASSWORD}".encode())
    line = b"AUTH PLAIN " + token
    return [
        Opened(0.0, "mx", 25, wall=1.0),
        Link(0.0, LinkStatus.CONNECTED),
        Received(0.1, b"220 mx\r\n"),
        Issued(0.2, SMTPCommand.AUTH, "AUTH PLAIN", "alice"),
        Sent(0.2, line + b"\r\n", False, ((11, len(line)),)),
        *(Received(0.3 + number / 10, reply) for number, reply in enumerate(replies)),
        Failed(0.9, None, f"the server said {PASSWORD} aloud"),
        Asked(0.9, "x", "?", ("no", f"yes, {PASSWORD}")),
    ]


def test_a_secret_is_nowhere_in_the_file(path: Path) -> None:
    echo = b"535 5.7.8 no: " + PASSWORD.encode() + b" / " + base64.b64encode(PASSWORD.encode()) + b"\r\n"
    given = login(echo)
    keep(path, recorded(given))
    text = path.read_text()
    for form in (PASSWORD, base64.b64encode(f"\0alice\0{PASSWORD}".encode()).decode(), PASSWORD.encode().hex()):
        assert form not in text
    assert base64.b64encode(PASSWORD.encode()).decode()[:-4] not in text
    back = loaded(path).recorder[:]
    answer = back[5]
    assert isinstance(answer, Received)
    assert answer.data.startswith(b"535 5.7.8 no: ***********")
    assert len(answer.data) == len(echo)
    assert answer.data.endswith(b"\r\n")
    assert answer.secrets[0][0] == len(b"535 5.7.8 no: ")
    assert back[6] == Failed(0.9, None, "the server said [hidden] aloud")
    assert [text for _, _, text in rows(view_of(loaded(path).recorder))] == [
        text for _, _, text in rows(view_of(recorded(given)))
    ]


@pytest.mark.parametrize("word", ["connected", "cipher", "issued", "test", "timeout", "sent"])
def test_a_password_that_is_a_word_of_the_format_does_not_spoil_it(path: Path, word: str) -> None:
    given: list[Event] = [
        Opened(0.0, f"{word}.example.org", 25, wall=1.0),
        Link(0.0, LinkStatus.CONNECTED, f"{word} to it"),
        Cipher(0.0, b"\0" * 40 + word.encode(), True),
        Issued(0.1, SMTPCommand.MAIL, "x"),
        Asked(0.2, "timeout", f"{word}?", ("no",)),
        Told(0.3, "test", word),
    ]
    keep(path, recorded(given), secrets=(Secret(word),))
    back = loaded(path)
    assert [type(event) for event in back.recorder] == [type(event) for event in given]
    assert back.recorder[1] == Link(0.0, LinkStatus.CONNECTED, "[hidden] to it")
    assert back.recorder[2:4] == given[2:4]
    assert back.recorder[5] == Told(0.3, "test", "[hidden]")
    assert back.header is not None
    assert back.header.server == "[hidden].example.org"


def test_kinds_tell_what_logged_in_from_what_was_said_back(path: Path) -> None:
    keep(path, recorded(login(b"535 no: " + PASSWORD.encode() + b"\r\n")))
    data = [json.loads(line).get("data") for line in path.read_text().splitlines()]
    hidden = [piece for pieces in data if isinstance(pieces, list) for piece in pieces if isinstance(piece, dict)]
    assert hidden == [{"hidden": "login", "octets": 24}, {"hidden": "secret", "octets": len(PASSWORD)}]


def test_a_password_that_never_goes_out_is_hidden_from_the_start(path: Path) -> None:
    keep(path, recorded([Received(0.0, f"220 hello {PASSWORD}\r\n".encode())]), secrets=(Secret(PASSWORD),))
    assert PASSWORD not in path.read_text()


def test_what_is_saved_late_is_hidden_also_before_it_was_known(path: Path) -> None:
    keep(path, recorded([Received(0.0, f"220 hello {PASSWORD}\r\n".encode()), *login(b"235 ok\r\n")]))
    assert PASSWORD not in path.read_text()


@given(st.lists(st.integers(0, 40), max_size=5))
def test_a_secret_that_comes_in_pieces_gives_at_most_its_first_three_octets_away(cuts: list[int]) -> None:
    echo = b"535 5.7.8 no: " + PASSWORD.encode() + b" it is\r\n"
    places = [0, *sorted(min(cut, len(echo)) for cut in cuts), len(echo)]
    lines = Lines()
    lines.redactor.know(Secret(PASSWORD))
    shown = bytearray()
    for start, end in pairwise(places):
        event = Received(0.0, echo[start:end])
        piece = bytearray(event.data)
        for mark in lines.hidden(event):
            piece[mark.start : mark.end] = b"*" * (mark.end - mark.start)
        shown += piece
    assert len(shown) == len(echo)
    begin = echo.index(PASSWORD.encode())
    assert set(shown[begin + 3 : begin + len(PASSWORD)]) == {ord("*")}
    assert shown[:begin].rstrip(b"*") + b"*" * (begin - len(shown[:begin].rstrip(b"*"))) == shown[:begin]


def test_without_a_login_nothing_is_hidden(path: Path) -> None:
    given: list[Event] = [Received(0.0, b"220 mx"), Received(0.1, b" ESMTP **** \r\n"), Sent(0.2, b"*\r\n")]
    keep(path, recorded(given))
    assert list(loaded(path).recorder) == given


def test_stars_of_the_server_are_no_secrets_when_a_kept_login_is_shown(path: Path) -> None:
    keep(path, recorded(login(b"235 ****************************** ok\r\n")))
    assert "235 ****************************** ok" in [text for _, _, text in rows(view_of(loaded(path).recorder))]


def test_a_kept_session_can_be_kept_again(path: Path, tmp_path: Path) -> None:
    keep(path, recorded(login(b"535 no: " + PASSWORD.encode() + b"\r\n")))
    again = tmp_path / "again.jsonl"
    keep(again, loaded(path).recorder)
    assert list(loaded(again).recorder) == list(loaded(path).recorder)


# -- the file


def test_it_is_for_its_owner_alone(path: Path) -> None:
    before = os.umask(0)
    try:
        keep(path, Recorder())
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_that_is_there_is_not_written_over_unless_told(path: Path) -> None:
    path.write_text("my thesis\n" * 1000)
    path.chmod(0o644)
    with pytest.raises(CannotKeep, match=r"is there already: `:w! .*session\.jsonl` writes over it\.$"):
        Keeper(path, Recorder(), "mx", 25)
    assert path.read_text() == "my thesis\n" * 1000
    keeper = Keeper(path, recorded([Closed(1.0, "x")]), "mx", 25, replace=True)
    keeper.close()
    assert list(loaded(path).recorder) == [Closed(1.0, "x")]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_that_another_session_writes_is_left_alone(path: Path) -> None:
    recorder = Recorder()
    first = Keeper(path, recorder, "mx", 25)
    with pytest.raises(CannotKeep, match="another session"):
        Keeper(path, Recorder(), "mx", 25, replace=True)
    recorder.append(Closed(1.0, "x"))
    first.close()
    assert list(loaded(path).recorder) == [Closed(1.0, "x")]


def _folder(path: Path) -> None:
    path.mkdir()


def _pipe(path: Path) -> None:
    os.mkfifo(path)


@pytest.mark.parametrize("make", [_folder, _pipe])
def test_what_is_no_plain_file_is_refused_at_once(path: Path, make: Callable[[Path], None]) -> None:
    make(path)
    with pytest.raises(CannotKeep, match=r"cannot be written|no plain file|already"):
        Keeper(path, Recorder(), "mx", 25, replace=True)
    assert load(path).problem.startswith(f"{path} cannot be read: ")


def test_who_waits_for_a_long_file_is_told_on_the_way_and_at_its_end(path: Path) -> None:
    header, event = header_line(Header("mx", 25, 1.0)), event_line(Failed(1.0, None, "x"))
    path.write_bytes(header + event * 2500)
    counts: list[int] = []
    recorder = Recorder()
    load(path, lambda: counts.append(len(recorder)), recorder)
    assert counts == [999, 1999, 2500]


def test_a_pipe_that_somebody_reads_is_no_file_and_is_left_as_it_is(path: Path) -> None:
    os.mkfifo(path)
    path.chmod(0o640)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        with pytest.raises(CannotKeep, match="is no plain file: nothing is written"):
            Keeper(path, Recorder(), "mx", 25, replace=True)
        assert os.read(reader, 1) == b""
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
    finally:
        os.close(reader)


def test_a_folder_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(
        CannotKeep, match=r"^.*/none/x\x1b?.* cannot be written: No such file or directory\.$"
    ) as caught:
        Keeper(tmp_path / "none" / "x\x1b[2J", Recorder(), "mx", 25)
    assert str(caught.value).isprintable()


@pytest.fixture
def little_disk() -> Iterator[int]:
    """Files may be at most so long: writing more fails as it does on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, before[1]))
    yield 2000
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


def test_a_full_disk_is_told_once_and_what_was_written_stays_whole(path: Path, little_disk: int) -> None:
    recorder, full = Recorder(), threading.Event()
    told: list[str] = []

    def tell(problem: str) -> None:
        told.append(problem)
        full.set()

    keeper = Keeper(path, recorder, "mx", 25, tell=tell)
    number = 0
    while not full.is_set() and number < 10_000:
        recorder.append(Received(float(number), b"250 2.1.5 Ok\r\n"))
        keeper.wake()
        number += 1
    assert full.wait(LIMIT)
    keeper.close()
    assert told == [keeper.problem] == [f"The session is not written to {path} any more: File too large."]
    kept = loaded(path).recorder
    assert 0 < len(kept) < number
    assert list(kept) == recorder[: len(kept)]


# -- as it happens


class Watched:
    """A file that is being written, read while it is."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def until(self, count: int) -> list[Event]:
        """The events, once there are so many."""
        reached = threading.Event()
        for _ in range(int(LIMIT / 0.01)):
            found = list(load(self.path).recorder)
            if len(found) >= count:
                return found
            reached.wait(0.01)
        raise AssertionError(f"{count} events did not come")


def test_events_are_in_the_file_as_soon_as_they_happen(path: Path) -> None:
    recorder = Recorder()
    keeper = Keeper(path, recorder, "mx", 25)
    given: list[Event] = [Opened(0.0, "mx", 25, wall=1.0), Received(0.1, b"220 mx\r\n"), Marked(0.2, 1, 0, True, "odd")]
    for number, event in enumerate(given, 1):
        recorder.append(event)
        keeper.wake()
        assert Watched(path).until(number) == given[:number]
    keeper.close()


_WRITER = """
import sys
from pathlib import Path
from smtpscope.session.keep import Keeper
from smtpscope.session.recorder import Recorder
from smtpscope.smtp.events import Received
recorder = Recorder()
keeper = Keeper(Path(sys.argv[1]), recorder, "mx", 25)
number = 0
while True:
    recorder.append(Received(float(number), b"250 2.1.5 Ok number %d\\r\\n" % number))
    keeper.wake()
    sys.stdin.readline()
    sys.stdout.write(f"{number}\\n")
    sys.stdout.flush()
    number += 1
"""


def test_a_crash_loses_at_most_the_last_line(path: Path) -> None:
    """The file grows line by line as replies come: only the last can be on its way when the process is killed."""
    with subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdin is not None
        assert writer.stdout is not None
        for number in range(1, 20):
            Watched(path).until(number)
            writer.stdin.write("\n")
            writer.stdin.flush()
            happened = int(writer.stdout.readline())
        os.kill(writer.pid, signal.SIGKILL)
        writer.wait(LIMIT)
    found = list(load(path).recorder)
    assert len(found) >= happened + 1
    assert [event.time for event in found] == [float(number) for number in range(len(found))]


# -- files that are not as they should be

GOOD: list[Event] = [Opened(0.0, "mx", 25, wall=1.0), Received(0.1, b"220 mx\r\n"), Sent(0.2, b"QUIT\r\n")]


def test_a_file_that_was_cut_is_shown_up_to_there(path: Path) -> None:
    whole = HEADER + b"".join(map(event_line, GOOD))
    last = whole.rindex(b"{")
    for cut in range(last + 1, len(whole) - 1):
        path.write_bytes(whole[:cut])
        found = load(path)
        assert list(found.recorder) == GOOD[:2]
        assert found.problem == (
            f"{path}, line 4: it is cut off: the session was not written to its end; the 2 events before it are shown."
        )
    path.write_bytes(whole[:-1])
    assert list(loaded(path).recorder) == GOOD


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (b"", ", line 1: the file is empty."),
        (b"220 mx ESMTP\r\n", ", line 1: this is not a session that smtpscope has kept."),
        (b"\x7fELF\x02\x01\x00" * 100, ", line 1: this is not a session that smtpscope has kept."),
        (b'{"log":{"version":"1.2"}}', ", line 1: this is not a session that smtpscope has kept."),
        (HEADER.replace(b'"version":1', b'"version":9'), "version is 9, and this smtpscope reads up to 1."),
        (HEADER + b"\n", ", line 2: it is not JSON."),
        (HEADER + b'{"type":"Foo","time":1}\n', ', line 2: there is no event "Foo" in this version.'),
        (HEADER + b'{"type":"Answered","time":1,"kind":"x","answer":0}\n', "answers a question that was not asked."),
        (HEADER + event_line(Marked(0.0, 0, 0)), ", line 2: it marks an event that is not there."),
        (HEADER + event_line(GOOD[0]) + b"x\n", ", line 3: it is not JSON; the event before it is shown."),
    ],
)
def test_a_foreign_file_is_one_sentence_with_line_and_cause(path: Path, content: bytes, cause: str) -> None:
    path.write_bytes(content)
    problem = load(path).problem
    assert problem.startswith(f"{path}, line ")
    assert problem.endswith(cause)
    assert problem.isprintable()


def test_an_answer_must_be_one_of_those_offered(path: Path) -> None:
    written(path, Asked(0.0, "x", "?", ("no", "yes")), b'{"type":"Answered","time":1,"kind":"x","answer":2}\n')
    assert load(path).problem.endswith(
        "line 3: it answers a question that was not asked; the event before it is shown."
    )


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert load(tmp_path / "no\x07ne").problem == f"{tmp_path}/no\\x07ne cannot be read: No such file or directory."
    assert "cannot be read" in load(Path("a\0b")).problem


def test_a_line_without_end_takes_no_more_memory_than_its_limit(tmp_path: Path) -> None:
    path = tmp_path / "long"
    path.write_bytes(HEADER + event_line(GOOD[0]))
    with open(path, "ab") as file:
        file.truncate(path.stat().st_size + 10 * 1024**3)  # 10 GiB of NUL, and no line end
    script = (
        "import resource, sys; from pathlib import Path; from smtpscope.session.keep import load\n"
        "print(load(Path(sys.argv[1])).problem)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], capture_output=True, text=True, timeout=60, check=True
    )
    problem, memory = done.stdout.splitlines()
    assert problem == f"{path}, line 3: it is too long; the event before it is shown."
    assert int(memory) < 512 * 1024


def test_marks_cannot_ask_for_more_than_there_may_be(path: Path) -> None:
    line = b'{"type":"Sent","time":0,"data":[{"hidden":"login","octets":60000000}]}\n'
    written(path, *([line] * 30))
    found = load(path)
    assert "larger than what can be shown" in found.problem
    assert sum(len(event.data) for event in found.recorder if isinstance(event, Sent)) <= 256 * 1024**2
    found.recorder.close()


def test_a_file_of_too_many_events_or_words_is_shown_up_to_there(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(path, *([Closed(1.0, "x")] * 30))
    monkeypatch.setattr(keeping, "EVENTS", 20)
    assert len(load(path).recorder) == 20
    assert load(path).problem.endswith(
        "line 22: the file is larger than what can be shown; the 20 events before it are shown."
    )
    monkeypatch.setattr(keeping, "WORDS", 400)
    assert 0 < len(load(path).recorder) < 20
    assert "larger than what can be shown" in load(path).problem


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(st.lists(events, max_size=25))
def test_any_events_at_all_can_be_shown(path: Path, given: list[Event]) -> None:
    written(path, *given)
    view = view_of(load(path).recorder)
    assert all(text.isprintable() for row in rows(view) for text in row)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
@given(st.binary(max_size=300), st.integers(0, 400))
def test_any_octets_at_all_are_read_without_a_traceback(path: Path, junk: bytes, place: int) -> None:
    whole = HEADER + b"".join(map(event_line, GOOD))
    place = min(place, len(whole))
    path.write_bytes(whole[:place] + junk + whole[place:])
    found = load(path)
    assert found.problem.isprintable()
    assert len(found.problem) < 600
