"""The header says where we talk to, how safely, as whom, and what is waited for, in one row of any width."""

from __future__ import annotations

from dataclasses import replace

import pytest

from servers.scripted import Peer
from smtpscope.profile import Profile
from smtpscope.session.recorder import Recorder
from smtpscope.session.view import View
from smtpscope.smtp.command import SMTPCommand
from smtpscope.smtp.events import (
    Closed,
    Failed,
    Link,
    LinkStatus,
    Opened,
    Progress,
    Proposed,
    Received,
    Secured,
    Sent,
    TimedOut,
)
from smtpscope.tui.header import Shown, header
from smtpscope.tui.pictures import size_for
from smtpscope_widgets.spans import cells
from tui.driving import on_server
from tui.recordings import (
    EHLO_CLEAR,
    PROFILE,
    WALL,
    Recording,
    finished,
    in_transaction,
    logged_in,
    questioned,
    waiting,
)

C = SMTPCommand
WIDTHS = (40, 80, 120, 200)


def row(recorder: Recorder, width: int = 120, after: float = 0.4, profile: Profile = PROFILE) -> str:
    """The header ``after`` seconds behind the last event."""
    view = View(recorder)
    view.take()
    shown = Shown(view.now, view.redactor, view.now.time + after)
    spans = header(shown, profile, width, size_for(width, {40: 12, 80: 23}.get(width, 40)))
    assert cells(spans) <= width
    return "".join(text for text, _ in spans).strip()


def greeted() -> Recording:
    return Recording().connect().says(b"220 mx1.example.org ESMTP\r\n", 0.012)


def ready() -> Recording:
    return greeted().exchange(b"EHLO client.example.net", C.EHLO, EHLO_CLEAR)


def test_before_a_connection() -> None:
    assert row(Recorder()) == "mx1.example.org:587   not connected"
    assert row(Recorder(), 40) == "mx1.example.org:587  not connected"
    assert row(Recorder(), profile=replace(PROFILE, demo=True)) == "practice server   not connected"
    assert row(Recorder(), profile=replace(PROFILE, server="2001:db8::7")).startswith("[2001:db8::7]:587 ")


@pytest.mark.parametrize("width", [80, 120])
def test_looking_up_and_connecting_are_told_with_a_running_clock(width: int) -> None:
    recorder = Recorder()
    recorder.append(Opened(0.0, "mx1.example.org", 587, wall=WALL))
    recorder.append(Link(0.0, LinkStatus.FINDINGHOST, "mx1.example.org"))
    assert "finding host" in row(recorder, width, 3.0)
    recorder.append(Link(0.5, LinkStatus.CONNECTING, "192.0.2.7 port 587"))
    assert "connecting" in row(recorder, width, 3.0)
    assert row(recorder, width, 65.0).endswith("1:05")


def test_waiting_for_220_tells_how_long_of_how_long_and_our_own_address() -> None:
    said = row(waiting(), 120, 14.0)
    assert "TCP up 31ms" in said
    assert "198.51.100.4" in said
    assert "waiting for 220" in said
    assert said.endswith("0:14 of 5:00")
    assert "192.0.2.7" in said
    said = row(waiting(), 80, 14.0)
    assert "waiting for 220" in said
    assert said.endswith("0:14 of 5:00")
    assert row(waiting(), 40, 14.0).endswith("0:14/5:00")
    assert row(waiting(), 120, 14.0, replace(PROFILE, timeout=20.0)).endswith("0:14 of 0:20")
    assert row(waiting(), 120, 14.0, replace(PROFILE, timeout=0.0)).endswith("0:14")


def test_tls_is_marked_in_words_too() -> None:
    assert "no TLS" in row(ready().recorder)
    good = row(logged_in().recorder)
    assert "TLS1.3 ✓" in good
    bad = ready()
    bad.exchange(b"STARTTLS", C.CUSTOM, b"220 go\r\n")
    bad.event(Secured(bad.at, "TLSv1.2", "X", 128, "mx1.example.org", ("the certificate expired",)))
    bad.event(Link(bad.at, LinkStatus.CONNECTED, "TLS", "192.0.2.7", "198.51.100.4"))
    for width in WIDTHS:
        assert "✗" in row(bad.recorder, width), "a bad certificate stays in sight after it was accepted"
        assert "✓" not in row(bad.recorder, width)
    assert "TLS1.2 ✗ certificate" in row(bad.recorder)


def test_who_is_logged_in_and_recipients() -> None:
    assert "alice" in row(logged_in().recorder)
    for width in (80, 120):
        assert "RCPT 2/1" in row(in_transaction().recorder, width)
        assert "alice" in row(in_transaction().recorder, width)


@pytest.mark.parametrize("width", WIDTHS)
def test_what_is_waited_for_and_how_long(width: int) -> None:
    said = row(in_transaction().recorder, width, 2.5)
    assert "waiting" in said or width == 40
    assert "2.5s" in said
    assert "mx1.example.org:587" in said
    assert "TLS" in said


def test_a_reply_that_is_late_is_marked_and_several_are_counted() -> None:
    recording = in_transaction().event(TimedOut(700.0, 120.0))
    assert "(late)" in row(recording.recorder)
    both = ready().send(b"NOOP", C.CUSTOM).send(b"RSET", C.RSET)
    assert "waiting: NOOP" in row(both.recorder)
    assert "+1" in row(both.recorder)


@pytest.mark.parametrize("width", WIDTHS)
def test_a_server_that_has_said_goodbye_is_not_waited_for(width: int) -> None:
    refused = Recording().connect().says(b"421 mx1.example.org too busy\r\n", 0.012)
    ended = ready().says(b"421 4.4.2 time-out\r\n", 300.0)
    owed = ready().send(b"NOOP", C.CUSTOM).send(b"RSET", C.RSET).says(b"421 bye\r\n", 0.1)
    for recording in (refused, ended, owed):
        assert row(recording.recorder, width, recording.at + 1.0).endswith("disconnecting")


def test_idle_counts_from_the_last_thing_that_was_said() -> None:
    recording = ready()
    recording.at += 100.0
    recording.exchange(b"NOOP", C.CUSTOM, b"250 ok\r\n")
    assert row(recording.recorder, after=12.3).endswith("idle 0:12")


def test_a_message_on_its_way() -> None:
    recording = in_transaction().says(b"354 go\r\n", 0.1)
    recording.event(Progress(recording.at, 0, 10_000)).event(Sent(recording.at + 1.0, b"x" * 5000, True))
    recording.event(Progress(recording.at + 1.0, 5000, 10_000))
    assert "sending" in row(recording.recorder)
    assert "sending" in row(recording.recorder, 80)


@pytest.mark.parametrize("width", WIDTHS)
def test_a_standing_question(width: int) -> None:
    assert "question" in row(questioned(), width)


@pytest.mark.parametrize("width", [80, 120])
def test_closed_names_the_cause_and_the_way_out(width: int) -> None:
    said = row(finished(), width)
    assert "closed, c connects again: said goodbye" in said
    assert "closed" in row(finished(), 40)
    long = ready().event(
        Closed(5.0, "the server closed the connection in the middle of a reply, with 12 octets unsent")
    )
    assert "closed, c connects again" in row(long.recorder, 80)


def test_a_cause_that_says_closed_itself_is_one_sentence() -> None:
    recording = Recording().connect()
    cause = "closed because of the certificate: the issuer is not known here: CN=Test CA"
    recording.event(Closed(recording.at, cause))
    assert "closed because of the certificate; c connects again: the issuer" in row(recording.recorder)
    assert row(recording.recorder).count("closed") == 1
    small = row(recording.recorder, 60)
    assert "c connects again" in small


def test_a_refused_port_is_one_sentence_with_the_way_out() -> None:
    recorder = Recorder()
    reason = "mx1.example.org port 587 refused the connection: is a mail server running there?"
    recorder.append(Opened(0.0, "mx1.example.org", 587, wall=WALL))
    recorder.append(Failed(0.1, None, reason))
    recorder.append(Closed(0.1, reason))
    said = row(recorder, 200)
    assert "refused the connection" in said
    assert "c connects again" in said


def test_the_queue_id_stands_there_until_the_next_message() -> None:
    recording = in_transaction().says(b"354 go\r\n", 0.1)
    recording.exchange(b".", C.DOT, b"250 2.0.0 Ok: queued as 4Wb7Xz2Kq9\r\n")
    assert "queue id 4Wb7Xz2Kq9" in row(recording.recorder)
    recording.exchange(b"MAIL FROM:<>", C.MAIL, b"250 ok\r\n")
    assert "queue id" not in row(recording.recorder)


@pytest.mark.parametrize("width", [*WIDTHS, 20, 60, 79, 99])
def test_host_tls_and_state_are_kept_at_any_width_and_nothing_is_cut_in_the_middle(width: int) -> None:
    said = row(in_transaction().recorder, width)
    if width >= 40:
        assert said.startswith("mx1.example.org:587")
        assert "TLS" in said
    long = replace(PROFILE, server="a-host-name-of-more-than-forty-cells.in-a-long-domain.example.org")
    assert row(Recorder(), width, profile=long).endswith("not connected")


def test_one_that_says_nothing_and_closes() -> None:
    recording = Recording().connect()
    recording.event(Closed(5.0, "the server closed the connection"))
    assert "c connects again: the server closed the connection" in row(recording.recorder)
    recording = greeted().event(Received(1.0, b"421 4.3.2 shutting down\r\n"))
    recording.event(Closed(1.0, "the server said 421 4.3.2 shutting down"))
    assert "421" in row(recording.recorder)


async def test_the_clock_runs_while_a_server_says_nothing() -> None:
    async def silent(peer: Peer) -> None:
        await peer.gone()

    async with on_server(silent, connect=False) as (hands, _):
        await hands.begin("c")
        await hands.until(lambda: "waiting for 220" in hands.header)
        hands.wall.now = (hands.app.view.now.opened or Opened(0.0, "", 0)).wall + 14.2
        hands.app._tick()
        assert hands.header.endswith("0:14 of 5:00")
        assert "127.0.0.1" in hands.header
        assert hands.footer.startswith("waiting for the greeting")
        assert "0:14" not in hands.app.main.diagram.render_line(0).text
        await hands.begin("f8")


def test_where_a_step_of_auth_is_ours_the_header_says_so() -> None:
    """The server waits for the user then, not the user for the server."""
    by_hand = ready().send(b"AUTH LOGIN", C.AUTH).says(b"334 VXNlcm5hbWU6\r\n", 0.01)
    assert "AUTH: your step" in row(by_hand.recorder)
    proposed = ready().send(b"AUTH LOGIN", C.AUTH, user="alice").says(b"334 VXNlcm5hbWU6\r\n", 0.01)
    assert "waiting: AUTH" in row(proposed.recorder)
    proposed.event(Proposed(proposed.at, "LOGIN", "alice"))
    assert "AUTH: your step" in row(proposed.recorder)
