"""The session as a screen sees it: folded from events, in portions, the same live and from a file."""

from __future__ import annotations

import pytest

from smtpscope.session.recorder import Recorder
from smtpscope.session.view import View
from smtpscope.smtp.command import SMTPCommand
from smtpscope.smtp.events import (
    Answered,
    Asked,
    Closed,
    Event,
    Link,
    LinkStatus,
    Opened,
    Progress,
    Received,
    Secured,
    Sent,
)

C = SMTPCommand
ASKED = Asked(0.5, "timeout", "the reply to NOOP has not come", ("wait as long again", "drop"))
CONNECTED: list[Event] = [
    Opened(0.0, "mail.test", 25),
    Link(0.1, LinkStatus.CONNECTED, "connected", "192.0.2.7", "198.51.100.4"),
    Received(0.2, b"220 hi\r\n"),
]


def view_of(*events: Event) -> View:
    recorder = Recorder()
    for event in events:
        recorder.append(event)
    view = View(recorder)
    view.take()
    return view


def message(*replies: bytes) -> list[Event]:
    """One message, with these replies to what ended it."""
    lines = [(b"EHLO me", b"250 hi"), (b"MAIL FROM:<>", b"250 ok"), (b"RCPT TO:<b@x>", b"250 ok"), (b"DATA", b"354 go")]
    events: list[Event] = []
    for line, reply in lines:
        events += [Sent(1.0, line + b"\r\n"), Received(1.0, reply + b"\r\n")]
    return [*events, Sent(2.0, b"hi\r\n.\r\n"), *(Received(2.0, reply + b"\r\n") for reply in replies)]


@pytest.mark.parametrize(
    ("reply", "queue_id"),
    [
        (b"250 2.0.0 Ok: queued as 4F1E2D3C4B", "4F1E2D3C4B"),
        (b"250 OK id=1sXyz9-0000AB-2C", "1sXyz9-0000AB-2C"),
        (b"250 2.0.0 45TKabc1012345 Message accepted for delivery", "45TKabc1012345"),
        (b"250 2.6.0 <x@y> Queued mail for delivery as 00AABBCCDD", "00AABBCCDD"),
        (b"250 thank you", ""),
        (b"550 queued as NOTHING", ""),
    ],
)
def test_the_queue_id_is_read_out_of_the_last_reply(reply: bytes, queue_id: str) -> None:
    assert view_of(*CONNECTED, *message(reply)).now.queue_id == queue_id


def test_the_queue_id_is_that_of_the_last_message() -> None:
    first = message(b"250 Ok: queued as 4F1E2D3C4B")
    assert view_of(*CONNECTED, *first, *message(b"250 thank you")[2:]).now.queue_id == ""
    assert view_of(*CONNECTED, *first, Sent(3.0, b"MAIL FROM:<>\r\n")).now.queue_id == "4F1E2D3C4B"
    assert view_of(*CONNECTED, *first, Sent(3.0, b"MAIL FROM:<>\r\n"), Received(3.0, b"250 ok\r\n")).now.queue_id == ""


def test_addresses_and_tls_are_those_of_this_connection() -> None:
    secured = Secured(1.0, "TLSv1.3", "X", 256, "mail.test")
    view = view_of(*CONNECTED, secured, Link(1.0, LinkStatus.CONNECTED, "TLS"))
    assert (view.now.peer, view.now.local) == ("192.0.2.7", "198.51.100.4")
    assert view.now.secured == secured
    view = view_of(*CONNECTED, secured, Closed(2.0, "gone"), Opened(0.0, "mail.test", 25))
    assert (view.now.peer, view.now.local, view.now.secured, view.now.closed) == ("", "", None, None)
    assert view.now.connections == 2
    assert view.now.time == 0.0


def test_a_question_stands_until_it_is_answered_or_the_connection_ends() -> None:
    assert view_of(*CONNECTED, ASKED).now.question == ASKED
    assert view_of(*CONNECTED, ASKED, Answered(0.6, "timeout", 0)).now.question is None
    assert view_of(*CONNECTED, ASKED, Closed(0.6, "gone")).now.question is None


def test_a_flood_is_taken_in_portions_and_gives_the_same() -> None:
    recorder = Recorder()
    for event in [*CONNECTED, *message(b"250 Ok: queued as 4F1E2D3C4B")]:
        recorder.append(event)
    whole, parts = View(recorder), View(recorder)
    whole.take()
    steps = 1
    while parts.take(budget=0.0):
        steps += 1
    assert steps == len(recorder), "each look takes one event at least, and says whether more is left"
    assert list(parts.log.shown) == list(whole.log.shown)
    assert parts.machine.here is whole.machine.here is C.SEND_MESSAGE
    assert parts.now.queue_id == whole.now.queue_id


def test_what_comes_while_it_is_looked_at_is_taken_the_next_time() -> None:
    recorder = Recorder()
    view = View(recorder)
    assert not view.take()
    for event in CONNECTED:
        recorder.append(event)
        assert not view.take()
    assert view.machine.here is C.BANNER


def test_a_secret_that_the_server_says_back_is_hidden_in_every_row() -> None:
    view = view_of(
        *CONNECTED,
        Sent(1.0, b"AUTH PLAIN AGFsaWNlAHdvbmRlcmxhbmQ=\r\n", secrets=((11, 35),)),
        Received(1.1, b"535 no such password: wonderland\r\n"),
    )
    rows = ["".join(text for text, _ in view.log.spans(row)) for row in range(len(view.log))]
    assert rows[-1] == "535 no such password: [hidden]"
    assert not any("wonderland" in row or "AGFsaWNl" in row for row in rows)


def test_progress_is_that_of_the_message_on_its_way() -> None:
    view = view_of(*CONNECTED, *message()[:-1], Progress(2.0, 5, 10))
    assert view.now.progress == Progress(2.0, 5, 10)


def test_an_answer_that_was_never_offered_is_told_by_its_number() -> None:
    view = view_of(*CONNECTED, ASKED, Answered(0.6, "timeout", 9))
    assert view.log.text[len(view.log) - 1] == "answered: 10"
