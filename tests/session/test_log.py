"""Rows of the log: whatever the server does in between, each line is a row and each reply knows its own."""

from __future__ import annotations

from smtpscope.session.log import Kind, Log
from smtpscope.session.recorder import Recorder
from smtpscope.session.view import View
from smtpscope.smtp.command import SMTPCommand
from smtpscope.smtp.events import (
    Answered,
    Asked,
    Closed,
    Connect,
    Event,
    Failed,
    Issued,
    Link,
    LinkStatus,
    Opened,
    Received,
    Secured,
    Sent,
    StartTls,
    TimedOut,
)

C = SMTPCommand
CONNECTED: list[Event] = [
    Opened(0.0, "mail.test", 25),
    Link(0.1, LinkStatus.CONNECTED, "connected"),
    Received(0.2, b"220 hi\r\n", False),
]


def log_of(*events: Event) -> Log:
    recorder = Recorder()
    for event in [*CONNECTED, *events]:
        recorder.append(event)
    view = View(recorder)
    view.take()
    return view.log


def said(log: Log) -> list[str]:
    return [log.marks(row) + " " + "".join(text for text, _ in log.spans(row)) for row in log.shown]


def ehlo(time: float) -> list[Event]:
    return [Issued(time, C.EHLO, "EHLO me"), Sent(time, b"EHLO me\r\n", False)]


def test_a_reply_in_which_a_time_out_falls_is_one_reply() -> None:
    log = log_of(
        *ehlo(1.0),
        Received(1.1, b"550-no\r\n550-no\r\n", False),
        TimedOut(2.0, 1.0),
        Received(3.0, b"550-no\r\n550 no\r\n", False),
        *ehlo(4.0),
        Received(4.1, b"250 hi\r\n", False),
    )
    refused = [row for row in range(len(log)) if log.kind[row] == Kind.REFUSED]
    assert [log.octets(row) for row in refused] == [b"550-no\r\n"] * 3 + [b"550 no\r\n"]
    assert log.reply_rows(refused[2]) == refused
    (late,) = [row for row in range(len(log)) if log.octets(row) == b"250 hi\r\n"]
    assert log.reply_rows(late) == [late]
    assert log.clock(late).strip() == "4.100"
    assert [row for row in range(len(log)) if log.kind[row] == Kind.FAULT and "no reply" in log.text[row]]


def test_what_came_in_clear_behind_a_starttls_220_is_no_part_of_what_comes_in_tls() -> None:
    log = log_of(
        *ehlo(1.0),
        Received(1.1, b"250 STARTTLS\r\n", False),
        Issued(2.0, StartTls(), "STARTTLS"),
        Sent(2.0, b"STARTTLS\r\n", False),
        Received(2.1, b"220 go\r\n250 evil\r\n250-half", False),
        Secured(3.0, "TLSv1.3", "CIPHER", 256, "mail.test", ()),
        Issued(4.0, C.EHLO, "EHLO me"),
        Sent(4.0, b"EHLO me\r\n", True),
        Received(4.1, b"250 secure\r\n", True),
    )
    (row,) = [row for row in range(len(log)) if log.octets(row) == b"250 secure\r\n"]
    assert log.reply_rows(row) == [row]
    assert (log.clock(row).strip(), log.asked[row], log.marks(row)) == ("4.100", 4.0, "<~ ")


def test_a_line_that_never_ended_is_a_row_too() -> None:
    log = log_of(
        *ehlo(1.0),
        Received(1.1, b"250-mail.test\r\n250-SI", False),
        Closed(1.2, "the server closed the connection in the middle of a reply"),
    )
    assert said(log)[-3:] == [
        "<-  250-mail.test",
        "<-  250-SI",
        " closed: the server closed the connection in the middle of a reply; c connects again",
    ]


def test_a_time_out_tells_what_has_come_of_the_line() -> None:
    log = log_of(*ehlo(1.0), Received(1.1, b"250-\x1b[31m", False), TimedOut(6.0, 5.0))
    assert said(log)[-1] == "*** no reply within 5 s: it is still owed; so far: 250-\\x1b[31m"


def test_a_failure_that_ends_the_connection_is_told_once() -> None:
    reason = "192.0.2.7 port 25 refused the connection: is a mail server running there?"
    recorder = Recorder()
    for event in (Opened(0.0, "mail.test", 25), Failed(0.1, Connect(), reason), Closed(0.1, reason)):
        recorder.append(event)
    view = View(recorder)
    view.take()
    assert said(view.log) == ["=== connect to mail.test:25", f"*** {reason} c connects again"]


def test_an_answer_is_told_in_words() -> None:
    asked = Asked(1.0, "timeout", "the reply to EHLO has not come", ("wait as long again", "drop"))
    assert said(log_of(*ehlo(0.5), asked, Answered(2.0, "timeout", 1)))[-2:] == [
        "=== the reply to EHLO has not come   1 wait as long again   2 drop",
        "=== answered: drop",
    ]
