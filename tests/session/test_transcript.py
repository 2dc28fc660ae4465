"""The transcript: swaks' marks, every line of both sides, no secret, nothing that moves a terminal."""

import base64
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from smtp.playbook import Playbook, at_data, at_rcpt, connected, greeted
from smtpscope.session.redact import Redactor
from smtpscope.session.transcript import TEXT_LINES, transcript
from smtpscope.smtp.command import SMTPCommand
from smtpscope.smtp.events import (
    Answered,
    Asked,
    Closed,
    Drop,
    Event,
    Failed,
    Forgot,
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
    Waited,
)
from smtpscope.visible import visible_text

b64 = base64.b64encode


def shown(play: Playbook | list[Event]) -> list[str]:
    events = play.events if isinstance(play, Playbook) else play
    text = transcript(events, redact=Redactor())
    assert not text or text.endswith("\n")
    return text.split("\n")[:-1]


def secured(faults: tuple[str, ...] = ()) -> Secured:
    return Secured(0.0, "TLSv1.3", "TLS_AES_256_GCM_SHA384", 256, "mail.test", faults)


def test_a_whole_session_as_swaks_would_print_it() -> None:
    play = greeted() >> "EHLO me" << "250-mail.test\n250 STARTTLS" >> "STARTTLS" << "220 go"
    play.apply(secured())
    events: list[Event] = [
        Sent(9.0, b"EHLO me\r\n", tls=True),
        Received(9.1, b"250 mail.test\r\n", tls=True),
        Sent(9.2, b"MAIL FROM:<a@mail.test>\r\n", tls=True),
        Received(9.3, b"250 2.1.0 Ok\r\n", tls=True),
        Sent(9.4, b"RCPT TO:<b@mail.test>\r\n", tls=True),
        Received(9.5, b"550-5.1.1 no such\r\n550 5.1.1 user\r\n", tls=True),
        Sent(9.6, b"QUIT\r\n", tls=True),
        Received(9.7, b"221 Bye\r\n", tls=True),
        Closed(9.8, "said goodbye"),
    ]
    for event in events:
        play.apply(event)
    assert shown(play) == [
        "=== Trying mail.test:25...",
        "=== Connected to mail.test.",
        "<-  220 mail.test ESMTP",
        " -> EHLO me",
        "<-  250-mail.test",
        "<-  250 STARTTLS",
        " -> STARTTLS",
        "<-  220 go",
        "=== TLS started with cipher TLSv1.3:TLS_AES_256_GCM_SHA384:256",
        "=== TLS peer certificate passed CA verification, passed host verification (using host mail.test to verify)",
        " ~> EHLO me",
        "<~  250 mail.test",
        " ~> MAIL FROM:<a@mail.test>",
        "<~  250 2.1.0 Ok",
        " ~> RCPT TO:<b@mail.test>",
        "<~* 550-5.1.1 no such",
        "<~* 550 5.1.1 user",
        " ~> QUIT",
        "<~  221 Bye",
        "=== Connection closed with remote host.",
    ]


def test_no_events_give_no_text() -> None:
    assert transcript([], redact=None) == ""


def test_tls_from_the_start_connects_first() -> None:
    events: list[Event] = [
        Opened(0.0, "mail.test", 465, implicit_tls=True),
        Link(0.1, LinkStatus.FINDINGHOST, "mail.test"),
        Link(0.2, LinkStatus.CONNECTING, "192.0.2.7 port 465"),
        Link(0.3, LinkStatus.SECURING, "mail.test"),
        secured(("the certificate expired 3 days ago", "the certificate is for a.test, not for mail.test")),
        Asked(0.5, "certificate", "mail.test: the certificate expired 3 days ago", ("close", "go on, once")),
        Answered(0.6, "certificate", 1),
        Link(0.7, LinkStatus.CONNECTED, "connected"),
        Received(0.8, b"220 hi\r\n", tls=True),
    ]
    assert shown(events) == [
        "=== Trying mail.test:465...",
        "=== Connected to mail.test.",
        "=== TLS started with cipher TLSv1.3:TLS_AES_256_GCM_SHA384:256",
        "=== TLS peer certificate failed verification (using host mail.test to verify): "
        "the certificate expired 3 days ago; the certificate is for a.test, not for mail.test",
        "=== mail.test: the certificate expired 3 days ago",
        "=== answered: go on, once",
        "<~  220 hi",
    ]


def test_each_answer_is_judged_by_what_its_command_hoped_for() -> None:
    play = at_rcpt() >> "DATA" << "250 ok"
    assert shown(play)[-2].startswith("<** 250 ok")
    play = connected() >> "AUTH PLAIN" << "334 " >> "AA==" << "535 no" >> "NOOP" << "221 bye"
    assert [line for line in shown(play) if line.startswith("<")][-3:] == ["<-  334 ", "<** 535 no", "<** 221 bye"]
    assert shown(connected() >> "STARTTLS" << "250 ok")[-2] == "<** 250 ok"
    assert shown(connected() << "250 nobody asked")[-2] == "<** 250 nobody asked"
    assert shown(connected() >> "VRFY x" << "garbage\n252 x")[-3:] == [
        "<** garbage",
        "=== not a reply: it settles nothing",
        "<-  252 x",
    ]
    assert shown(connected() >> "QUIT" << "221 Bye")[-1] == "<-  221 Bye"


def test_line_ends_are_not_seen_unless_they_are_odd() -> None:
    play = connected() >> b"NOOP\n" << b"250 ok\n"
    assert shown(play)[-2:] == [" -> NOOP\\n", "<-  250 ok\\n"]
    play = connected() >> b"NOOP\rx\0\r\n" << b"250 \x1b]0;owned\a\x9b\r\r\n"
    assert shown(play)[-2:] == [" -> NOOP\\rx\\0", "<-  250 \\x1b]0;owned\\x07\\x9b\\r"]


def test_a_line_without_an_end_is_shown_when_the_other_side_speaks() -> None:
    play = connected() >> b"NOO" << "500 what?" >> b"P\r\n"
    assert shown(play)[-4:] == [
        " -> NOO",
        "<** 500 what?",
        "=== nothing was asked: this reply answers no command",
        " -> P",
    ]


def test_a_reply_that_was_cut_off_is_shown() -> None:
    play = connected() >> "MAIL FROM:<a@b>" << b"250-one\r\n250 tw"
    assert shown(play)[-2:] == ["<** 250-one", "<** 250 tw"]
    play.apply(Closed(9.0, "the server closed the connection in the middle of a reply"))
    assert shown(play)[-4:] == [
        "<** 250-one",
        "<** 250 tw",
        "*** Remote host closed connection unexpectedly: the server closed the connection in the middle of a reply.",
        "=== Connection closed with remote host.",
    ]


def test_how_a_connection_ended() -> None:
    dropped = connected().apply(Issued(8.0, Drop(), "drop")).apply(Closed(8.0, "dropped", unsent=1204))
    assert shown(dropped)[-3:] == [
        "=== Dropping connection",
        "*** 1,204 octets were never sent.",
        "=== Connection closed with remote host.",
    ]
    goodbye = (connected() >> "NOOP" << "421 closing").apply(Closed(9.0, "the server closed the session with 421"))
    assert shown(goodbye)[-3:] == [
        "<** 421 closing",
        "=== the server is closing the connection",
        "=== Connection closed with remote host.",
    ]
    quit_without_answer = (connected() >> "QUIT").apply(Closed(9.0, "the server closed the connection"))
    assert shown(quit_without_answer)[-2:] == [" -> QUIT", "=== Connection closed with remote host."]


def test_where_no_connection_came_about() -> None:
    reason = "192.0.2.7 port 25 refused the connection: is a mail server running there, and is the port right?"
    events: list[Event] = [Opened(0.0, "mail.test", 25), Failed(0.1, None, reason), Closed(0.1, reason)]
    assert shown(events) == ["=== Trying mail.test:25...", f"*** {reason}"]


def test_a_failed_handshake_says_why_once() -> None:
    reason = "closed because of the certificate: it expired"
    play = (connected() >> "STARTTLS" << "220 go").apply(Failed(7.0, StartTls(), reason)).apply(Closed(7.0, reason))
    assert shown(play)[-3:] == ["<-  220 go", f"*** {reason}", "=== Connection closed with remote host."]


def test_time() -> None:
    play = (connected() >> "NOOP").apply(TimedOut(300.0, 300.0)).apply(Waited(300.0, 2.5)).apply(TimedOut(302.5, 2.5))
    play.apply(Forgot(303.0))
    assert shown(play)[-5:] == [
        " -> NOOP",
        "<** Timeout (300 secs) waiting for server response",
        "=== waiting up to 2.5 s more",
        "<** Timeout (2.5 secs) waiting for server response",
        "=== the oldest owed reply is given up",
    ]


def test_a_second_connection_follows_in_the_same_transcript() -> None:
    play = greeted() << b"250 cut"
    play.apply(Opened(0.0, "mail.test", 587)).connect() << "220 again"
    assert shown(play)[-4:] == [
        "<** 250 cut",
        "=== Trying mail.test:587...",
        "=== Connected to mail.test.",
        "<-  220 again",
    ]


# -- message text


def text_of(lines: int) -> bytes:
    return b"".join(b"line %d\r\n" % number for number in range(1, lines + 1))


def test_message_text_is_there_line_by_line() -> None:
    play = at_data().stream(b"Subject: hi\r\n\r\n..\r\n") >> b".\r\n" << "250 ok"
    assert shown(play)[-5:] == [" -> Subject: hi", " -> ", " -> ..", " -> .", "<-  250 ok"]


def test_of_a_long_message_the_rest_is_a_number() -> None:
    def tail(lines: int) -> list[str]:
        return shown(at_data().stream(text_of(lines)) >> b".\r\n" << "250 ok")[-4:]

    assert tail(TEXT_LINES) == [f" -> line {TEXT_LINES - 1}", f" -> line {TEXT_LINES}", " -> .", "<-  250 ok"]
    assert tail(TEXT_LINES + 1) == [f" -> line {TEXT_LINES}", "=== 1 more line", " -> .", "<-  250 ok"]
    assert tail(54321) == [f" -> line {TEXT_LINES}", "=== 54,121 more lines", " -> .", "<-  250 ok"]


@given(st.lists(st.integers(0, 4000), max_size=6), st.integers(190, 300))
def test_how_a_message_was_cut_into_writes_makes_no_difference(cuts: list[int], lines: int) -> None:
    text = text_of(lines) + b"last.\r\n"
    places = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    play = at_data().apply(Progress(9.0, 0, 0))
    for start, end in pairwise(places):
        play.apply(Sent(9.0, text[start:end]))
    play.apply(Progress(9.0, 0, 0, done=True)).apply(Sent(9.0, b".\r\n")).apply(Received(9.0, b"250 ok\r\n"))
    assert shown(play) == shown(at_data().stream(text) >> b".\r\n" << "250 ok")


def test_a_second_message_counts_anew() -> None:
    play = at_data().stream(text_of(300)) >> b".\r\n" << "250 ok"
    play = at_data(play).stream(text_of(3)) >> b".\r\n" << "250 ok"
    assert shown(play)[-5:] == [" -> line 1", " -> line 2", " -> line 3", " -> .", "<-  250 ok"]


def test_text_typed_by_hand_ends_with_its_dot() -> None:
    play = at_data() >> b"hi\r\nQUIT\r\n.\r\nNOOP\r\n" << "250 queued" << "250 ok"
    assert shown(play)[-6:] == [" -> hi", " -> QUIT", " -> .", " -> NOOP", "<-  250 queued", "<-  250 ok"]


def test_what_came_behind_the_220_of_starttls_is_shown_and_marked() -> None:
    play = connected() >> "STARTTLS" << b"220 go\r\n250-evil\r\n250 AUTH PL" << b"AIN\r\n"
    assert shown(play)[-4:] == ["<-  220 go", "<** 250-evil", "<** 250 AUTH PL", "<** AIN"]


# -- secrets


def login(*echo: bytes) -> Playbook:
    """PLAIN with its initial response, and what the server says then."""
    token = b64(b"\0alice\0wonderland")
    play = connected().apply(Issued(6.0, SMTPCommand.AUTH, "AUTH PLAIN", "alice"))
    play.apply(Sent(6.0, b"AUTH PLAIN " + token + b"\r\n", secrets=((11, 11 + len(token)),)))
    for data in echo:
        play << data
    return play


def test_a_secret_is_hidden_where_it_was_sent() -> None:
    assert " -> AUTH PLAIN [hidden]" in shown(login(b"235 ok\r\n"))


def test_a_secret_that_the_server_says_back_is_hidden_however_it_comes() -> None:
    lines = shown(login(b"535-got AGFsaWNlAHdv", b"bmRlcmxhbmQ= from you\r\n", b"535 wonder", b"land\r\n"))
    assert lines[-2:] == ["<** 535-got [hidden] from you", "<** 535 [hidden]"]
    play = login(b"235 ok\r\n") >> "NOOP" << "250 WONDERLAND"
    assert shown(play)[-1] == "<-  250 [hidden]"
    assert shown(login(b"535 wonderl"))[-1] == "<** 535 wonderl"
    assert shown(login(b"535 wonderland"))[-1] == "<** 535 [hidden]"


def test_what_was_said_before_the_secret_was_known_is_hidden_too() -> None:
    play = connected() >> "NOOP wonderland" << "250 wonderland?"
    token = b64(b"wonderland")
    play = play >> "AUTH LOGIN" << "334 UGFzc3dvcmQ6"
    play.apply(Sent(9.0, token + b"\r\n", secrets=((0, len(token)),)))
    assert shown(play)[-5:] == [
        " -> NOOP [hidden]",
        "<-  250 [hidden]?",
        " -> AUTH LOGIN",
        "<-  334 UGFzc3dvcmQ6",
        " -> [hidden]",
    ]


def test_words_of_our_own_do_not_give_it_away() -> None:
    play = login(b"235 ok\r\n").apply(Failed(9.0, None, "cannot read /home/wonderland"))
    assert shown(play)[-1] == "*** cannot read /home/[hidden]"


def test_what_another_redactor_knows_is_hidden_as_well_and_it_learns_nothing() -> None:
    other = Redactor()
    other.learn(Sent(0.0, b"AUTH X queen-of-hearts\r\n", secrets=((7, 22),)))
    known = other.forms
    play = login(b"235 hello queen-of-hearts\r\n")
    assert transcript(play.events, redact=other).endswith("<-  235 hello [hidden]\n")
    assert other.forms == known


def test_without_a_redactor_everything_is_said() -> None:
    assert " -> AUTH PLAIN AGFsaWNlAHdvbmRlcmxhbmQ=\n" in transcript(login().events, redact=None)


# -- anything at all

marks = ("=== ", "*** ", " -> ", " ~> ", "<-  ", "<~  ", "<** ", "<~* ")
wire_octets = st.binary(max_size=30) | st.sampled_from(
    [
        b"354 go\r\n",
        b"220 hi\r\n",
        b"250 ok\r\n",
        b"DATA\r\n",
        b".\r\n",
        b"STARTTLS\r\n",
        b"334 VXNlcg==\r\n",
        b"250-x\r\n",
    ]
)
any_event = st.one_of(
    st.builds(Sent, st.just(1.0), wire_octets, st.booleans()),
    st.builds(Received, st.just(1.0), wire_octets, st.booleans()),
    st.just(Link(1.0, LinkStatus.CONNECTED)),
    st.builds(Opened, st.just(0.0), st.text(max_size=5), st.integers(1, 65535)),
    st.builds(Closed, st.just(1.0), st.text(max_size=5), st.integers(0, 5)),
    st.builds(Failed, st.just(1.0), st.none(), st.text(max_size=5)),
    st.builds(TimedOut, st.just(1.0), st.floats(0, 1000)),
    st.just(secured()),
    st.just(Issued(1.0, SMTPCommand.SEND_STREAM)),
    st.just(Progress(1.0, 5, 5, done=True)),
)


@given(st.lists(any_event, max_size=30))
def test_whatever_happened_every_line_is_marked_and_printable(events: list[Event]) -> None:
    for redact in (None, Redactor()):
        text = transcript(events, redact=redact)
        assert text == "" or text.endswith("\n")
        for line in text.split("\n")[:-1]:
            assert line.startswith(marks)
            assert line.isprintable()


@given(st.lists(st.tuples(st.booleans(), st.binary(max_size=30).filter(lambda data: b"\\" not in data)), max_size=20))
def test_every_octet_of_both_sides_is_shown(talk: list[tuple[bool, bytes]]) -> None:
    """What the rows stand for, put together, is what crossed the wire."""
    play = connected()
    for ours, data in talk:
        play.apply((Sent if ours else Received)(9.0, data))
    lines = transcript(play.events, redact=None).split("\n")[3:-1]

    def letters(text: str) -> str:
        return text.replace("\\r", "").replace("\\n", "")

    for ours, starts in ((True, (" -> ",)), (False, ("<-  ", "<** "))):
        said = b"".join(data for mine, data in talk if mine is ours)
        # Multi-octet characters may be cut into rows of their own: compare what is plain.
        if said.isascii():
            rows = "".join(line[4:] for line in lines if line.startswith(starts))
            first = "EHLO me" if ours else "250-mail.test250-PIPELINING250-CHUNKING250-AUTH PLAIN LOGIN250 STARTTLS"
            assert letters(rows) == first + letters(visible_text(said))
