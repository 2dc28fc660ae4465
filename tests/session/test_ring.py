"""The last sessions are there although nobody asked, without their message text and with the same states."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from session.driving import LOGIN, running
from session.folding import recorded, rows, state, view_of
from session.test_keep import Watched
from smtpscope.demo.recipients import ACCOUNT
from smtpscope.profile import Profile
from smtpscope.secret import Secret
from smtpscope.session import ring as rings
from smtpscope.session.keep import Keeper, Lines, load
from smtpscope.session.recorder import Recorder
from smtpscope.session.ring import Ring, _WithoutText
from smtpscope.session.schema import event_of
from smtpscope.smtp.command import SMTPCommand
from smtpscope.smtp.events import (
    Cipher,
    Closed,
    Event,
    Failed,
    Forgot,
    Issued,
    Link,
    LinkStatus,
    Marked,
    Opened,
    Progress,
    Received,
    Sent,
)
from smtpscope.smtp.machine import Machine
from tui.recordings import STATES

C = SMTPCommand
WORDS = (b"Subject: the merger", b"Dear Bob,", b"sell everything", b"..and burn this")


@pytest.fixture
def ring(tmp_path: Path) -> Ring:
    return Ring(tmp_path / "state" / "sessions")


def kept(ring: Ring, recorder: Recorder) -> Path:
    """Keep a session and give its file."""
    keeper = ring.keeper(recorder, "mx", 25)
    keeper.close()
    assert keeper.problem == ""
    return keeper.path


def without_text(recorder: Recorder) -> dict[str, object]:
    """Where the session stands; how much text went out is not part of it."""
    machine = view_of(recorder).machine
    passed = {node: mark if node is not C.SEND_STREAM else None for node, mark in machine.passed.items()}
    return state(view_of(recorder)) | {"facts": replace(machine.facts, texted=0), "passed": passed}


def dialogue(*exchanges: bytes | tuple[bytes, bytes]) -> list[Event]:
    """Opened and greeted; then what is sent and what is said to it."""
    events: list[Event] = [
        Opened(0.0, "mx", 25, wall=1_700_000_000.0),
        Link(0.0, LinkStatus.CONNECTED),
        Received(0.1, b"220 mx\r\n"),
    ]
    for exchange in exchanges:
        sent, said = exchange if isinstance(exchange, tuple) else (exchange, b"")
        events.append(Sent(events[-1].time + 1, sent))
        if said:
            events.append(Received(events[-1].time + 1, said))
    return events


OPENED = (
    (b"EHLO me\r\n", b"250-mx\r\n250 CHUNKING\r\n"),
    (b"MAIL FROM:<a@x.org>\r\n", b"250 ok\r\n"),
    (b"RCPT TO:<b@x.org>\r\n", b"250 ok\r\n"),
)
TO_DATA = (*OPENED, (b"DATA\r\n", b"354 go on\r\n"))
TEXT = b"\r\n".join((WORDS[0], b"", *WORDS[1:], b""))


def streamed(*blocks: bytes, done: bool = True) -> list[Event]:
    events = [*dialogue(*TO_DATA), Issued(20.0, C.SEND_STREAM, "message text")]
    sent = 0
    for number, block in enumerate(blocks):
        sent += len(block)
        events.append(Sent(21.0 + number, block))
        events.append(Progress(21.0 + number, sent, 1000, done=done and number == len(blocks) - 1))
    return events


SESSIONS: dict[str, list[Event]] = {
    "streamed": [*streamed(TEXT[:20], TEXT[20:]), *dialogue((b".\r\n", b"250 queued as 4F1E2D3C4B\r\n"))[3:]],
    "streamed without a line end": [*streamed(TEXT[:-2]), *dialogue(b".\r\n", (b"\r\n.\r\n", b"250 ok\r\n"))[3:]],
    "streaming still": streamed(TEXT, done=False),
    "streaming and cut off": [*streamed(TEXT[:20], TEXT[20:], done=False), Closed(30.0, "lost", 17)],
    "refused while streaming": [
        *streamed(TEXT, done=False), Received(30.0, b"552 too large\r\n"), Failed(31.0, None, "stopped")
    ],
    "typed": dialogue(
        *TO_DATA, *(word + b"\r\n" for word in WORDS), (b".\r\n", b"250 ok\r\n"), (b"QUIT\r\n", b"221 bye\r\n")
    ),
    "typed with the dot and more in one write": dialogue(*TO_DATA, (TEXT + b".\r\nQUIT\r\n", b"250 ok\r\n221 bye\r\n")),
    "typed in pieces": dialogue(*TO_DATA, TEXT[:10], TEXT[10:30], TEXT[30:-2], b"\r\n.", (b"\r\n", b"250 ok\r\n")),
    "a look-alike of the end": dialogue(*TO_DATA, TEXT + b"\n.\n", (b"MAIL FROM:<evil@x.org>\r\n", b"250 ok\r\n")),
    "in one write with DATA": dialogue(*OPENED, (b"DATA\r\n" + TEXT + b".\r\n", b"354 go on\r\n250 ok\r\n")),
    "ahead of the 354": dialogue(*OPENED, b"DATA\r\n", TEXT, (b".\r\n", b"354 go on\r\n250 ok\r\n")),
    "ahead of a refusal": dialogue(*OPENED, b"DATA\r\n", (TEXT, b"554 no\r\n" + b"500 what?\r\n" * 5)),
    "behind replies that nobody asked for": dialogue(
        *TO_DATA, TEXT, (b".\r\n", b"250 ok\r\n" + b"250 more\r\n" * 50), (b"MAIL FROM:<a@x.org>\r\n", b"250 ok\r\n"),
        (b"RCPT TO:<b@x.org>\r\n", b"250 ok\r\n"), (b"DATA\r\n", b"354 go on\r\n"), (TEXT, b"250 what?\r\n250-mo"),
        (b".\r\n", b"re\r\n250 ok\r\n"), b"BDAT 11\r\nDear Bob,\r\n",
    ),
    "behind a goodbye": [
        *dialogue(*TO_DATA, (b"", b"250 x\r\n421 going\r\n"), b"Dear"), Opened(0.0, "mx", 25, wall=1_700_000_099.0),
        *dialogue(*TO_DATA, (TEXT + b".\r\n", b"250 ok\r\n"))[1:],
    ],
    "goodbye while streaming": [
        *streamed(TEXT[:20], done=False), Received(30.0, b"421 4.3.0 going\r\n"), Sent(31.0, TEXT[20:]),
        Progress(31.0, 60, 99), Failed(32.0, None, "stopped"), Sent(33.0, TEXT), Closed(34.0, "lost"),
    ],
    "goodbye while typing": dialogue(*TO_DATA, (TEXT[:20], b"421 4.3.0 going\r\n"), TEXT[20:]),
    "goodbye within a chunk": dialogue(
        *OPENED, b"BDAT %d\r\n" % len(TEXT), (TEXT[:9], b"421 4.3.0 going\r\n"), TEXT[9:], b"RSET\r\n"
    ),
    "in a chunk": dialogue(*OPENED, (b"BDAT %d LAST\r\n" % len(TEXT) + TEXT + b"QUIT\r\n", b"250 ok\r\n221 bye\r\n")),
    "in a chunk of many writes": dialogue(
        *OPENED, b"BDAT %d\r\n" % len(TEXT), TEXT[:9], TEXT[9:], (b"RSET\r\n", b"250 ok\r\n250 ok\r\n")
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SESSIONS)
def test_message_text_is_left_out_and_the_states_are_the_same(ring: Ring, name: str) -> None:
    was = recorded(SESSIONS[name])
    path = kept(ring, was)
    content = path.read_text()
    for word in WORDS:
        assert word.decode() not in content
        assert word.strip(b".").decode() not in content
    back = load(path)
    assert back.problem == ""
    assert back.header is not None
    assert not back.header.text
    if name != "streaming still":  # its text is written when there is more to be said
        assert without_text(back.recorder) == without_text(was)


_SENT = (
    b"EHLO me\r\n", b"MAIL FROM:<a@x>\r\n", b"RCPT TO:<b@x>\r\n", b"DATA\r\n", b"Subject: hi\r\n", b"text\r\n\r\nmore",
    b"\r\n.\r\n", b".\r\n", b"\r\n.", b"\r\n", b"QUIT\r\n", b"RSET\r\n", b"BDAT 12\r\n", b"BDAT 5 LAST\r\nhello",
    b"a\n.\nb", b"AUTH LOGIN\r\n", b"Zm9v\r\n", b"NOOP\r\nNOOP\r\n",
)  # fmt: skip
_SAID = (
    b"250 ok\r\n", b"220 hi\r\n", b"354 go\r\n", b"250-mx\r\n", b"250 AUTH LOGIN\r\n", b"550 no\r\n", b"421 bye\r\n",
    b"221 bye\r\n", b"334 x\r\n", b"250 ok\r\n250 ok\r\n", b"25", b"0 ok\r\n", b"junk\r\n", b"235 ok\r\n", b"503 x\r\n",
)  # fmt: skip
_anything = st.one_of(
    st.sampled_from(_SENT).map(lambda data: Sent(0.0, data)),
    st.sampled_from(_SAID).map(lambda data: Received(0.0, data)),
    st.sampled_from(
        (
            Issued(0.0, C.SEND_STREAM, "message text"),
            Progress(0.0, 5, 9),
            Progress(0.0, 5, 5, True),
            Failed(0.0, None, "x"),
            Forgot(0.0),
            Opened(0.0, "mx", 25, wall=1.0),
            Link(0.0, LinkStatus.CONNECTED),
            Closed(0.0, "x"),
        )
    ),
)


@settings(deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
@given(st.sampled_from((dialogue(), dialogue(*TO_DATA))), st.lists(_anything, max_size=12))
def test_any_dialogue_gives_the_same_states(begun: list[Event], behind: list[Event]) -> None:
    """But for what goes out while the reply to DATA is owed: that may be text, and only the reply would tell."""
    machine, lines, given = Machine(), _WithoutText(), [*begun, *behind, Marked(1.0, 0, 0)]
    for event in given:
        assume(not (isinstance(event, Sent) and any(entry.kind == "DATA" for entry in machine.pending)))
        machine.apply(event)
    back = b"".join(map(lines.of, given)).splitlines()
    assert without_text(recorded([event_of(line) for line in back])) == without_text(recorded(given))


@pytest.mark.parametrize("name", STATES)
def test_states_of_whole_sessions_are_the_same(ring: Ring, name: str) -> None:
    was = STATES[name]()
    if not any(isinstance(event, Sent | Received) for event in was):
        return
    assert without_text(load(kept(ring, was)).recorder) == without_text(was)


def test_length_and_hash_stand_for_a_streamed_message(ring: Ring) -> None:
    content = kept(ring, recorded(SESSIONS["streamed"])).read_text()
    data = [value["data"] for value in map(json.loads, content.splitlines()) if value.get("type") == "Sent"]
    digest = hashlib.sha256(TEXT).hexdigest()
    assert data[-2:] == [[{"hidden": "message", "octets": len(TEXT), "sha256": digest}, "\r\n"], ".\r\n"]
    view = view_of(load(ring.sessions()[0].path).recorder)
    view.log.toggle(next(place for place, row in enumerate(view.log.shown) if view.log.kind[row] == 7), True)
    assert f"[{len(TEXT):,} octets of message text are not kept, SHA-256 {digest}]" in [
        text for _, _, text in rows(view)
    ]


def test_length_and_hash_stand_for_each_typed_line(ring: Ring) -> None:
    content = kept(ring, recorded(SESSIONS["typed"])).read_text()
    assert f'{{"hidden":"text","octets":9,"sha256":"{hashlib.sha256(WORDS[1]).hexdigest()}"}}' in content


def test_a_long_message_takes_no_room(ring: Ring) -> None:
    block = os.urandom(64 * 1024)
    path = kept(ring, recorded([*streamed(*[block] * 200), *dialogue((b".\r\n", b"250 ok\r\n"))[3:]]))
    assert path.stat().st_size < 4000


def test_what_a_step_was_shown_as_holds_no_text_either(ring: Ring) -> None:
    events = dialogue(*OPENED)
    chunk, data, early = "BDAT 9 LAST\r\nDear Bob,", "DATA\r\nDear Bob,", "sell everything"
    events += [Issued(30.0, C.CUSTOM, chunk), Sent(30.0, chunk.encode()), Received(31.0, b"250 ok\r\n")]
    events += [Issued(32.0, C.DATA, data), Sent(32.0, data.encode() + b"\r\n")]
    events += [Issued(33.0, C.CUSTOM, early), Sent(33.0, early.encode() + b"\r\n")]
    content = kept(ring, recorded(events)).read_text()
    assert "Dear" not in content
    assert "sell" not in content


def test_tls_records_are_left_out(ring: Ring) -> None:
    path = kept(ring, recorded([*dialogue(), Cipher(9.0, b"\x16\x03\x01", True), Closed(10.0, "x")]))
    assert [type(event) for event in load(path).recorder][-2:] == [Received, Closed]


def test_a_session_without_end_is_kept_up_to_a_limit(ring: Ring, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rings, "LARGEST", 1 << 20)
    path = kept(ring, recorded([*dialogue(), *(Received(9.0, b"250 x\r\n" * 1000) for _ in range(1000))]))
    assert path.stat().st_size < (1 << 20) + 1000
    last = load(path).recorder[-1]
    assert last == Failed(9.0, None, "the session was longer than 1 MiB: the rest of it was not kept")


def test_a_session_in_which_nothing_was_said_is_not_kept(ring: Ring) -> None:
    keeper = ring.keeper(
        recorded([Opened(0.0, "mx", 25), Failed(1.0, None, "refused"), Closed(1.0, "refused")]), "mx", 25
    )
    keeper.close()
    assert ring.sessions() == []
    assert not ring.folder.exists()


def test_it_is_written_as_it_happens_from_the_first_octets_on(ring: Ring) -> None:
    recorder = Recorder()
    keeper = ring.keeper(recorder, "mx", 25)
    given = dialogue(*OPENED)
    for event in given:
        recorder.append(event)
        keeper.wake()
    Watched(keeper.path).until(len(given))
    keeper.close()
    assert list(load(keeper.path).recorder) == given
    assert stat.S_IMODE(keeper.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(ring.folder.stat().st_mode) == 0o700


def test_the_last_ones_are_kept_and_nothing_else_is_touched(ring: Ring) -> None:
    ring = Ring(ring.folder, keep=3)
    ring.folder.mkdir(parents=True)
    foreign = [ring.folder / name for name in ("notes.txt", "mine.jsonl", "00000000T000000000000-1.jsonl.bak")]
    for path in foreign:
        path.write_text("mine")
    made = [kept(ring, recorded(dialogue())) for _ in range(5)]
    assert [session.path for session in ring.sessions()] == made[:1:-1]
    assert all(path.read_text() == "mine" for path in foreign)
    assert ring.sessions()[0].header.server == "mx"


def test_a_session_that_still_runs_is_never_deleted(ring: Ring) -> None:
    ring = Ring(ring.folder, keep=2)
    recorder = recorded(dialogue())
    running = ring.keeper(recorder, "mx", 25)
    Watched(running.path).until(3)
    others = [kept(ring, recorded(dialogue())) for _ in range(4)]
    recorder.append(Closed(9.0, "x"))
    running.close()
    assert running.problem == ""
    assert load(running.path).recorder[-1] == Closed(9.0, "x")
    assert [session.path for session in ring.sessions()] == [others[-1], running.path]


_RUN = """
import sys
from pathlib import Path
from smtpscope.session.recorder import Recorder
from smtpscope.session.ring import Ring, _WithoutText
from smtpscope.session.schema import event_of
from smtpscope.smtp.events import Opened, Received
for number in range(10):
    recorder = Recorder()
    recorder.append(Opened(0.0, sys.argv[2], number, wall=1.0))
    recorder.append(Received(0.1, b"220 mx"))
    keeper = Ring(Path(sys.argv[1]), keep=8).keeper(recorder, "mx", 25)
    keeper.close()
    assert not keeper.problem, keeper.problem
"""


def test_several_runs_at_once_do_not_disturb_each_other(ring: Ring) -> None:
    runs = [subprocess.Popen([sys.executable, "-c", _RUN, str(ring.folder), name]) for name in ("one", "two", "three")]
    assert [run.wait(60) for run in runs] == [0, 0, 0]
    kept(Ring(ring.folder, keep=8), recorded(dialogue()))
    found = ring.sessions()
    assert len(found) == 8
    assert all(load(session.path).problem == "" for session in found)


def test_a_folder_that_cannot_be_made_is_a_sentence_and_no_more(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ring = Ring(tmp_path / "file" / "sessions")
    told: list[str] = []
    keeper = ring.keeper(recorded(dialogue()), "mx", 25, tell=told.append)
    keeper.close()
    assert told == [keeper.problem] == [f"The session is not written to {keeper.path} any more: Not a directory."]
    assert ring.sessions() == []


async def test_a_real_session_looks_the_same_when_it_is_opened_again(ring: Ring, tmp_path: Path) -> None:
    """With the practice server: TLS, login, a refused recipient, a streamed message; kept as it happens, three ways."""
    user, password = ACCOUNT
    profile = Profile(
        "", 0, demo=True, helo="me.test", mail_from="a@me.test", rcpt_to=("reject@example.org", "bob@example.org"),
        tls="starttls", auto="none", **(LOGIN | {"user": user, "password": Secret(password)}),
    )  # fmt: skip
    async with running(profile) as driven:
        whole = Keeper(tmp_path / "whole", driven.recorder, "", 0, lines=Lines(with_secrets=True))
        hidden = Keeper(tmp_path / "hidden", driven.recorder, "", 0, secrets=(Secret(password),))
        brief = ring.keeper(driven.recorder, "", 0, secrets=(Secret(password),))
        await driven.do("run_to_connected")
        await driven.do("send_message")
        await driven.do("step")
        await driven.over()
        for keeper in (whole, hidden, brief):
            keeper.close()
            assert keeper.problem == ""
        was = view_of(driven.recorder)
        assert was.now.queue_id
        assert was.machine.passed[C.AUTH].code == 235
        assert was.machine.passed[C.QUIT].code == 221
        found = load(whole.path)
        assert list(found.recorder) == list(driven.recorder)
        assert found.header is not None
        assert found.header.port == driven.session.profile.port
        back = view_of(load(hidden.path).recorder)
        assert rows(back) == rows(was)
        assert state(back) == state(was)
        assert without_text(load(brief.path).recorder) == without_text(driven.recorder)
        for path in (hidden.path, brief.path):
            assert password not in path.read_text()
        assert "This is a test" not in brief.path.read_text()
