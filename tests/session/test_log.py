"""Rows of the log: whatever the server does in between, each line is a row and each reply knows its own."""

from __future__ import annotations

from smtpscope.session.log import Kind, Log
from smtpscope.session.recorder import Recorder
from smtpscope.session.view import View
from smtpscope.smtp.command import SMTPCommand
from smtpscope.smtp.events import (
    Answered,
    Asked,
    Cipher,
    Closed,
    Connect,
    Event,
    Failed,
    Issued,
    Link,
    LinkStatus,
    Opened,
    Progress,
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
    alert = Cipher(0.1, b"\x15\x03\x03\x00\x02\x01\x00", True)
    for event in (Opened(0.0, "mail.test", 25), Failed(0.1, Connect(), reason), alert, Closed(0.1, reason)):
        recorder.append(event)
    view = View(recorder)
    view.take()
    assert said(view.log) == ["=== connect to mail.test:25", f"*** {reason} c connects again"]


def test_an_answer_is_told_in_words() -> None:
    asked = Asked(1.0, "timeout", "the reply to EHLO has not come", ("wait as long again", "drop"))
    assert said(log_of(*ehlo(0.5), asked, Answered(2.0, "timeout", 1)))[-2:] == [
        "=== the reply to EHLO has not come",
        "=== answered: drop",
    ]


def test_what_came_in_clear_before_tls_is_a_row_even_without_its_end() -> None:
    log = log_of(
        Issued(1.0, StartTls(), "STARTTLS"),
        Sent(1.0, b"STARTTLS\r\n", False),
        Received(1.1, b"220 go\r\n250-half", False),
        Secured(2.0, "TLSv1.3", "CIPHER", 256, "mail.test", ()),
    )
    assert "<-  250-half" in said(log)


def test_what_goes_out_without_a_line_end_is_a_row_at_once_and_grows() -> None:
    log = log_of(Sent(1.0, b"NO", False))
    assert said(log)[-1] == " -> NO"
    log = log_of(
        Sent(1.0, b"NO", False),
        TimedOut(1.5, 0.5),
        Sent(2.0, b"OP\r\nRSET\nQ", False),
        Sent(3.0, b"UIT\r\n", False),
    )
    assert [row for row in said(log) if "->" in row] == [" -> NOOP", " -> RSET\\n", " -> QUIT"]
    sent = [log.octets(row) for row in range(len(log)) if log.kind[row] == Kind.SENT]
    assert sent == [b"NOOP\r\n", b"RSET\n", b"QUIT\r\n"]


def test_a_question_of_the_screens_own_is_a_row() -> None:
    log = log_of()
    log.tell(Asked(3.0, "leave", "a message is half sent", ("stay", "leave")))
    log.tell(Answered(4.0, "leave", 0))
    assert said(log)[-2:] == ["=== a message is half sent", "=== answered: stay"]


def test_a_reply_of_more_than_three_lines_folds_to_its_first() -> None:
    log = log_of(*ehlo(1.0), Received(1.1, b"250-a\r\n250-b\r\n250 c\r\n", False))
    assert said(log)[-3:] == ["<-  250-a", "<-  250-b", "<-  250 c"]
    log = log_of(*ehlo(1.0), Received(1.1, b"250-one\r\n250-two\r\n250-three\r\n250 four\r\n", False))
    assert said(log)[-1] == "<-  250-one  +3"
    log.toggle(len(log.shown) - 1, True)
    assert said(log)[-4:] == ["<-  250-one", "<-  250-two", "<-  250-three", "<-  250 four"]
    log.toggle(len(log.shown) - 4, False)
    assert said(log)[-1] == "<-  250-one  +3"


def test_a_command_between_the_lines_of_a_reply_is_not_folded_away() -> None:
    log = log_of(
        *ehlo(1.0),
        Received(1.1, b"250-one\r\n250-two\r\n", False),
        Sent(1.2, b"NOOP\r\n", False),
        Received(1.3, b"250-three\r\n250 four\r\n", False),
    )
    assert said(log)[-2:] == ["<-  250-one  +3", " -> NOOP"]


TO_DATA: list[Event] = [
    *ehlo(1.0),
    Received(1.1, b"250 mail.test\r\n", False),
    Sent(1.2, b"MAIL FROM:<>\r\n", False),
    Received(1.2, b"250 ok\r\n", False),
    Sent(1.3, b"RCPT TO:<b@x>\r\n", False),
    Received(1.3, b"250 ok\r\n", False),
    Sent(1.4, b"DATA\r\n", False),
    Received(1.4, b"354 go\r\n", False),
]


def test_message_text_folds_and_opens_to_its_lines_without_the_dot() -> None:
    text = b"Subject: hi\r\n\r\n..dot\r\nend\r\n"
    log = log_of(
        *TO_DATA,
        Issued(2.0, C.SEND_STREAM, "message text"),
        Sent(2.0, text[:7], False),
        Progress(2.0, 7, len(text)),
        Sent(2.1, text[7:], False),
        Progress(2.1, len(text), len(text), done=True),
        Sent(3.0, b".\r\n", False),
        Received(3.1, b"250 ok\r\n", False),
    )
    place = next(n for n, row in enumerate(said(log)) if "message" in row)
    folded = said(log)[place:]
    assert folded[0].startswith(f" -> message, {len(text)} bytes, 4 lines")
    assert folded[1:] == [" -> .", "<-  250 ok"]
    log.toggle(place, True)
    assert said(log)[place + 1 :] == [
        " -> Subject: hi", " -> ", " -> ..dot", " -> end", " -> .", "<-  250 ok",
    ]  # fmt: skip
    log.toggle(place, False)
    assert said(log)[place:] == folded


def test_text_typed_by_hand_is_a_row_a_line_and_the_dot_is_its_own() -> None:
    log = log_of(*TO_DATA, Sent(2.0, b"Subject: x\r\n", False), Sent(2.5, b"\r\n", False), Sent(3.0, b".\r\n", False))
    assert said(log)[-3:] == [" -> Subject: x", " -> ", " -> ."]
    log = log_of(*TO_DATA, Sent(2.0, b"no end", False), Sent(2.5, b"\r\n.\r\n", False))
    assert said(log)[-2:] == [" -> no end", " -> ."]


def clocks(log: Log, style: str) -> list[str]:
    return [log.clock(row, style).strip() for row in log.shown]


def test_time_is_since_connect_since_the_row_before_or_on_the_wall() -> None:
    log = log_of(*ehlo(1.0), Received(1.25, b"250 hi\r\n", False))
    assert clocks(log, "connect")[-2:] == ["1.000", "1.250"]
    assert clocks(log, "before")[-2:] == ["+0.800", "+0.250"]
    recorder = Recorder()
    for event in (Opened(0.0, "mail.test", 25, wall=1_700_000_000.0), Received(1.5, b"220 hi\r\n", False)):
        recorder.append(event)
    view = View(recorder)
    view.take()
    assert [clock[-6:] for clock in clocks(view.log, "wall")][:2] == ["20.000", "21.500"]


def test_a_continuation_line_has_a_time_of_its_own_only_if_it_dribbled_in() -> None:
    lines = ((1.0, b"250-a\r\n"), (1.04, b"250-b\r\n"), (1.1, b"250 c\r\n"))
    log = log_of(*ehlo(1.0), *(Received(time, line, False) for time, line in lines))
    assert clocks(log, "connect")[-3:] == ["1.000", "", "1.100"]


def test_a_reconnect_goes_on_under_a_divider_and_starts_at_zero() -> None:
    log = log_of(
        Closed(5.0, "said goodbye"),
        Opened(0.0, "mail.test", 25),
        Link(0.1, LinkStatus.CONNECTED, "connected"),
        Received(0.2, b"220 hi again\r\n", False),
    )
    assert said(log)[-3] == " connect again to mail.test:25"
    assert log.kind[log.shown[-3]] == Kind.DIVIDER
    assert clocks(log, "connect")[-1] == "0.200"
    assert clocks(log, "before")[-3:] == ["+0.000", "+0.100", "+0.100"]


def test_after_the_dot_under_lmtp_each_reply_names_its_recipient() -> None:
    events: list[Event] = [
        Sent(1.0, b"LHLO me\r\n", False),
        Received(1.0, b"250 hi\r\n", False),
        Sent(1.1, b"MAIL FROM:<>\r\n", False),
        Received(1.1, b"250 ok\r\n", False),
    ]
    for path in (b"a@x", b"b@x"):
        events += [Sent(1.2, b"RCPT TO:<" + path + b">\r\n", False), Received(1.2, b"250 ok\r\n", False)]
    events += [Sent(1.3, b"DATA\r\n", False), Received(1.3, b"354 go\r\n", False), Sent(1.4, b".\r\n", False)]
    log = log_of(*events, Received(1.5, b"250 ok\r\n550 no\r\n", False))
    assert said(log)[-2:] == ["<-  250 ok  for a@x", "<** 550 no  for b@x"]


def test_line_ends_that_are_not_crlf_and_controls_are_seen() -> None:
    log = log_of(Received(1.0, b"250-a\n250-\x00\x1b[2J\r\n250 b\rc\r\n", False))
    shown = [row[4:] for row in said(log) if row[4:].startswith("250")]
    assert shown == ["250-a\\n", "250-\\0\\x1b[2J", "250 b\\rc"]


def test_a_long_line_says_how_much_of_it_is_not_shown() -> None:
    log = log_of(Received(1.0, b"250 " + b"x" * 5000 + b"\r\n", False))
    assert next(row for row in said(log) if "250 x" in row).endswith("x +3,004 bytes")
