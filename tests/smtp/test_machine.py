"""The machine: what goes out and what it leaves owed, time, the end, and what holds for any events at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import combinations, pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from smtp.playbook import (
    EHLO,
    REST,
    Playbook,
    at_chunk,
    at_data,
    at_dot,
    at_handshake,
    at_mail,
    at_message,
    at_rcpt,
    at_stream,
    connected,
    greeted,
    in_tls,
    lines,
    lmtp,
)
from smtpscope.smtp.command import SMTPCommand
from smtpscope.smtp.events import (
    Answered,
    Asked,
    Bdat,
    Cipher,
    Closed,
    Connect,
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
    Step,
    TimedOut,
    Waited,
)
from smtpscope.smtp.facts import Transaction
from smtpscope.smtp.machine import Answer, Machine, Verdict

C, T = SMTPCommand, Transaction

# -- the tour

TOUR = """
    BANNER > HELO > CONNECTED > EHLO > CUSTOM > BANNER > EHLO > AUTH > CONNECTED > MAIL > RCPT > DATA > SEND_STREAM >
    DOT > SEND_MESSAGE > CUSTOM > SEND_MESSAGE > MAIL > RSET > CONNECTED > QUIT > NONE
"""


def test_the_tour_visits_all_fifteen_in_order() -> None:
    play = Playbook(login=True).connect()
    play << "220 mail.test"
    play >> "HELO me" << "250 mail.test"
    play >> "EHLO me" << EHLO
    play >> "STARTTLS" << "220 go"
    play.secured()
    play >> "EHLO me" << EHLO
    play >> "AUTH PLAIN AGEAYg==" << "235 ok"
    play >> "MAIL FROM:<a@mail.test>" << "250 ok"
    play >> "RCPT TO:<b@mail.test>" << "250 ok"
    play >> "DATA" << "354 go on"
    play.stream(b"Subject: hi\r\n\r\nhi\r\n")
    play >> "." << "250 ok"
    play >> "NOOP" << "250 ok"
    play >> "MAIL FROM:<a@mail.test>" << "250 ok"
    play >> "RSET" << "250 ok"
    play >> "QUIT" << "221 bye"
    assert play.trace == "NONE > " + " ".join(TOUR.split())
    assert {node for move in play.machine.moves for node in move.path} == set(SMTPCommand)
    assert all(move.jump == "" for move in play.machine.moves)


# -- one pending command for each line

OWED = [
    (connected, "NOOP", "CUSTOM"),
    (connected, b"NOOP\n", "CUSTOM"),
    (connected, b"NOOP", ""),
    (connected, b"NOOP\r", ""),
    (connected, b"", ""),
    (connected, b"\r\n", "CUSTOM"),
    (connected, b"\n\n", "CUSTOM CUSTOM"),
    (connected, "noop\nRSET\nquit", "CUSTOM RSET QUIT"),
    (connected, "MAIL FROM:<a@b>\nRCPT TO:<c@d>\nRCPT TO:<e@f>\nDATA", "MAIL RCPT RCPT DATA"),
    (connected, "ehlo a\nLHLO b\nhElO c", "EHLO EHLO HELO"),
    (connected, "AUTH PLAIN AGEAYg==\nNOOP", "AUTH CUSTOM"),
    (connected, "STARTTLS\nXCLIENT NAME=x", "STARTTLS XCLIENT"),
    (connected, ".", "DOT"),
    (connected, "..", "CUSTOM"),
    (connected, "BANNER\nCUSTOM\nCONNECTED", "CUSTOM CUSTOM CUSTOM"),
    (connected, "MAILER\nDATAX", "CUSTOM CUSTOM"),
    (connected, b"\xff\xfe\0\x1b[2J\r\n", "CUSTOM"),
    (lambda: Playbook().connect(), "EHLO me", "BANNER EHLO"),  # the early talker
    (at_rcpt, b"BDAT 12\r\nRSET\r\nQUIT\r\nNOOP\r\n", "BDAT CUSTOM"),
    (at_rcpt, b"BDAT 6 LAST\r\nQUIT\r\nMAIL FROM:<a@b>\r\n", "BDAT LAST MAIL"),
    (at_rcpt, b"bdat 4 last \r\nQUITNOOP\r\n", "BDAT LAST CUSTOM"),
    (at_rcpt, b"BDAT 2\r\nhiBDAT 0\r\nBDAT 3 LAST\r\n...", "BDAT BDAT BDAT LAST"),
    (at_rcpt, b"BDAT 5\r\nabc", "BDAT"),
    (at_rcpt, b"BDAT\r\nQUIT\r\n", "BDAT QUIT"),
    (at_rcpt, b"BDAT x\r\nQUIT\r\n", "BDAT QUIT"),
    (at_rcpt, b"BDAT -1\r\nQUIT\r\n", "BDAT QUIT"),
    (at_rcpt, b"BDAT " + b"9" * 5000 + b"\r\nQUIT\r\n", "BDAT QUIT"),  # more digits than Python reads
    (at_rcpt, b"BDAT \xc2\xb2\r\nQUIT\r\n", "BDAT QUIT"),
    (connected, b"BDAT 4\r\nQUIT", "BDAT"),
    (at_data, "RSET\nQUIT\nMAIL FROM:<a@b>", ""),
    (at_data, "RSET\n.\nQUIT", "DOT QUIT"),
    (at_data, b"..\r\n. \r\n .\r\n.x\r\nx.\r\n", ""),
    (at_stream, "P.S.", ""),
    (at_stream, "P.S.\n.\nNOOP", "DOT CUSTOM"),
    (at_dot, "MAIL FROM:<a@b>", "DOT MAIL"),
    (at_handshake, "EHLO me", ""),
    (Playbook, "EHLO me", ""),
    (lambda: connected() << "421 bye", "NOOP", ""),
    (lambda: connected() >> "QUIT" << "221 bye", "NOOP", ""),
]  # fmt: skip


OWED_IDS = [f"{number}-{out!r:.30}" for number, (_, out, _) in enumerate(OWED)]


@pytest.mark.parametrize(("at", "out", "owed"), OWED, ids=OWED_IDS)
def test_what_is_owed_follows_from_the_octets(at: Callable[[], Playbook], out: str | bytes, owed: str) -> None:
    play = at()
    here = play.here
    play >> out
    assert play.owed == owed
    assert play.here in (here, C.SEND_STREAM)


def pieces(data: bytes, cuts: Iterable[int]) -> list[bytes]:
    places = [0, *sorted(cuts), len(data)]
    return [data[start:end] for start, end in pairwise(places)]


LINES = [
    *(b"NOOP\r\n", b"RSET\n", b"\r\n", b"MAIL FROM:<a@b>\r\n", b"BDAT 7\r\nQUIT\r\n.", b"BDAT 3 LAST\r\n\r\n."),
    *(b".\r\n", b"DATA\r\n", b"AUTH PLAIN AGEAYg==\r\n", b"EHLO\r\n", b"QUIT\r\n", b"STARTTLS\r\n"),
    *(b"\r", b"x" * 70_000, b"\0", b"text\r\n", b"\r\n.\r\n", b"\n.\n", b"\r.\r", b"a", b"."),
]
STARTS = [connected, at_rcpt, at_data, at_stream, lambda: connected() >> "AUTH LOGIN" << "334 VXNlcm5hbWU6"]


@given(
    st.sampled_from(STARTS),
    st.lists(st.sampled_from(LINES), max_size=8),
    st.lists(st.integers(0, 10**6)),
)
@example(connected, [b"NOOP\r\n", b"RSET\r\n"], [6])
@example(at_data, [b"a\r\n.\r\n", b"NOOP\r\n"], [4, 5])
def test_raw_octets_cut_anywhere_leave_the_same_owed(
    start: Callable[[], Playbook], chunks: list[bytes], cuts: list[int]
) -> None:
    data = b"".join(chunks)
    whole, cut = start() >> data, start()
    for piece in pieces(data, [place % (len(data) + 1) for place in cuts]):
        cut >> piece
    assert cut.owed == whole.owed
    assert (cut.here, cut.machine.facts) == (whole.here, whole.machine.facts)
    assert cut.machine.prompt == whole.machine.prompt
    assert [entry.line[:100] for entry in cut.machine.pending if not entry.perhaps] == [
        entry.line[:100] for entry in whole.machine.pending if not entry.perhaps
    ]


# -- the end of data

END = b"\r\n.\r\n"
TEXT = b"Subject: hi\r\n\r\nhi" + END


@pytest.mark.parametrize("cut", range(len(TEXT) + 1))
def test_the_end_of_data_is_found_across_a_cut(cut: int) -> None:
    play = at_data() >> TEXT[:cut] >> TEXT[cut:]
    assert (play.owed, play.here) == ("DOT", C.SEND_STREAM)
    assert play.machine.facts.texted == len(TEXT) - 3
    assert [entry.perhaps for entry in play.machine.pending] == [False]


@pytest.mark.parametrize("cuts", [*combinations(range(1, 5), 2), (1, 2, 3, 4)])
def test_the_end_of_data_is_found_across_several_cuts(cuts: tuple[int, ...]) -> None:
    play = at_data() >> b"hi"
    for piece in pieces(END, cuts):
        play >> piece
    assert (play.owed, play.here) == ("DOT", C.SEND_STREAM)


@pytest.mark.parametrize("cut", range(4))
def test_a_dot_at_once_ends_an_empty_text(cut: int) -> None:
    play = at_data() >> b".\r\n"[:cut] >> b".\r\n"[cut:]
    assert (play.owed, play.here, play.machine.facts.texted) == ("DOT", C.DATA, 0)
    play << "250 ok"
    assert play.trace.endswith("RCPT > DATA > DOT > SEND_MESSAGE")


def test_octets_behind_the_dot_are_commands() -> None:
    play = at_data() >> b"hi\r\n.\r\nRSET\r\nQUI"
    assert play.owed == "DOT RSET"
    play >> b"T\r\n"
    assert play.owed == "DOT RSET QUIT"
    play << "250 ok\n250 ok\n221 bye"
    assert play.trace.endswith("SEND_STREAM > DOT > SEND_MESSAGE > RSET > CONNECTED > QUIT > NONE")


LOOK_ALIKES = [b"\n.\n", b"\n.\r", b"\r.\n", b"\r.\r", b"\n.\r\n", b"\r.\r\n", b"\r\n.\n", b"\r\n.\r",
               b"\r\n\0.\r\n", b"\r\n.\0\r\n"]  # fmt: skip


@pytest.mark.parametrize("tail", [b"", b"x", b"more\r\n"])
@pytest.mark.parametrize("look_alike", LOOK_ALIKES)
def test_a_look_alike_may_be_the_end_of_data(look_alike: bytes, tail: bytes) -> None:
    data = b"hi" + look_alike + tail
    for cuts in ((), *((cut,) for cut in range(len(data))), range(1, len(data))):
        play = at_data()
        for piece in pieces(data, cuts):
            play >> piece
        assert (play.owed, play.here, play.machine.prompt) == ("DOT?", C.DATA, "data>"), cuts
        assert play.machine.may_issue(C.DOT) is Verdict.LEGAL
        assert (play << "250 ok").here is C.SEND_MESSAGE
        assert play.machine.facts.done == "accepted"


@pytest.mark.parametrize("look_alike", [b".\n", b".\r", b".\rx", b"\0.\r\n"])
def test_a_look_alike_may_be_the_first_line(look_alike: bytes) -> None:
    assert (at_data() >> look_alike).owed == "DOT?"


@pytest.mark.parametrize(
    "data", [b"hi.\r\n", b"\r\n..\r\n", b"\r\n. \r\n", b"\r\n .\r\n", b"\r\n.x\n", b"\x0b.\n", b".."]
)
def test_what_is_no_end_of_data_at_all(data: bytes) -> None:
    assert (at_data() >> data).owed == ""


@pytest.mark.parametrize("look_alike", LOOK_ALIKES)
def test_the_real_end_takes_the_place_of_a_look_alike(look_alike: bytes) -> None:
    for play in (
        at_data() >> b"hi" + look_alike + b"ho" + END,
        at_data() >> b"hi" + look_alike + b"ho" >> END,
        at_data() >> b"hi" + look_alike >> b"ho\r\n.\r" >> b"\n",
    ):
        assert (play.owed, play.here) == ("DOT", C.SEND_STREAM)


@pytest.mark.parametrize("look_alike", LOOK_ALIKES)
def test_a_forgotten_look_alike_was_text(look_alike: bytes) -> None:
    play = (at_data() >> b"hi" + look_alike).apply(Forgot(99.0))
    assert (play.owed, play.here, play.machine.prompt) == ("", C.DATA, "data>")
    play >> b"more" + look_alike
    assert play.owed == "DOT?"
    play.apply(Forgot(99.5))
    play >> END
    assert (play.owed, play.here) == ("DOT", C.SEND_STREAM)
    assert (play << "250 ok").here is C.SEND_MESSAGE


def test_our_own_stream_is_stuffed_and_holds_no_end_of_data() -> None:
    play = at_data().apply(Issued(9.0, C.SEND_STREAM)) >> b"hi\r\n..\r\n" >> b"ho"
    play.apply(Progress(10.0, 10, 10, done=True))
    assert (play.owed, play.here, play.machine.line_unfinished) == ("", C.SEND_STREAM, True)
    assert (play >> END).owed == "DOT"


@pytest.mark.parametrize(("text", "unfinished"), [(b"", False), (b"hi", True), (b"hi\r\n", False), (b"hi\n", True)])
def test_whether_the_dot_needs_a_crlf_before_it(text: bytes, unfinished: bool) -> None:
    assert at_data().stream(text).machine.line_unfinished == unfinished
    assert (at_data() >> text).machine.line_unfinished == unfinished


def test_a_stream_that_was_asked_for_outside_data_mode_changes_nothing() -> None:
    play = connected().apply(Issued(9.0, C.SEND_STREAM)).apply(Progress(9.0, 1, 2))
    assert (at_data(play) >> b"hi" + END).owed == "DOT"


# -- what was sent behind DATA before its reply

EARLY = [
    (b"hi\r\n.\r\n", "DOT", C.SEND_STREAM),
    (b"hi\r\n.\r\nNOOP\r\nQUIT\r\n", "DOT CUSTOM QUIT", C.SEND_STREAM),
    (b".\r\n", "DOT", C.DATA),
    (b"RSET\r\nQUIT\r\n", "", C.DATA),
    (b"hi", "", C.DATA),
    (b"hi\n.\r\n", "DOT?", C.DATA),
    (b"hi\r\n.\n", "DOT?", C.DATA),
    (b"hi\r\n.\nho\r\n.\r\nNOOP\r\n", "DOT CUSTOM", C.SEND_STREAM),
    (b"hi\r\n. x\r\n", "", C.DATA),
]


@pytest.mark.parametrize(("early", "owed", "here"), EARLY)
def test_lines_sent_before_the_354_were_text(early: bytes, owed: str, here: SMTPCommand) -> None:
    play = at_rcpt() >> b"DATA\r\n" + early << "354 go"
    assert (play.owed, play.here) == (owed, here)
    assert play.trace.endswith("RCPT > DATA" + " > SEND_STREAM" * (here is C.SEND_STREAM))
    later = at_rcpt() >> b"DATA\r\n" << "354 go" >> early
    assert (later.owed, later.here, later.machine.facts) == (owed, here, play.machine.facts)


def test_half_a_line_sent_before_the_354_is_the_text_it_began() -> None:
    play = at_rcpt() >> b"DATA\r\nhi" << "354 go" >> b".\r\n"
    assert play.owed == ""
    assert (play >> b".\r\n").owed == "DOT"


def test_the_dot_that_was_sent_early_is_the_one_that_is_answered() -> None:
    play = at_rcpt() >> b"DATA\r\nhi\r\n.\r\n"
    dot = play.machine.pending[-1]
    play << "354 go" << "250 ok"
    assert play.last.pending is dot
    assert play.here is C.SEND_MESSAGE


def test_lines_behind_a_data_that_is_refused_are_commands() -> None:
    play = at_mail() >> b"DATA\r\nhi\r\n.\r\n" << "503 no" << "500 what" << "500 what"
    assert (play.owed, play.here) == ("", C.MAIL)


# -- STARTTLS


def test_a_handshake_takes_no_half_lines_and_no_half_replies_with_it() -> None:
    play = connected() >> b"STARTTLS\r\nEH" << b"220 go\r\n250-in"
    play = play.secured() >> "NOOP" << "250 ok"
    assert [entry.kind for entry in play.machine.pending] == []
    assert play.last.reply.lines == ("ok",)
    assert play.machine.moves[-1].path == (C.BANNER, C.CUSTOM, C.BANNER)


def test_what_was_owed_behind_starttls_stays_owed() -> None:
    play = (connected() >> "STARTTLS\nNOOP" << "220 go").secured()
    assert play.owed == "CUSTOM"  # a server that answers it inside TLS has been injected into


# -- time


def test_a_time_out_settles_nothing() -> None:
    play = connected() >> "NOOP\nRSET"
    moves = len(play.machine.moves)
    play.apply(TimedOut(9.0, 300.0))
    assert (play.owed, play.here, len(play.machine.moves)) == ("CUSTOM RSET", C.CONNECTED, moves)
    assert [entry.timed_out for entry in play.machine.pending] == [True, False]
    play.apply(Waited(9.5, 300.0))
    assert [entry.timed_out for entry in play.machine.pending] == [False, False]
    assert (play << "250 ok").owed == "RSET"


def test_time_events_mean_nothing_when_nothing_is_owed() -> None:
    play = connected().apply(TimedOut(9.0, 1.0)).apply(Waited(9.0, 1.0)).apply(Forgot(9.0)).apply(Forgot(9.0, 354))
    assert (play.owed, play.here) == ("", C.CONNECTED)


FORGOTTEN = [  # what is given up, what is then owed, where that is
    (lambda: connected() >> "NOOP\nRSET", None, "RSET", C.CONNECTED),
    (lambda: connected() >> "EHLO me", None, "", C.CONNECTED),
    (lambda: connected() >> "MAIL FROM:<a@b>", None, "", C.CONNECTED),
    (lambda: connected() >> "AUTH LOGIN" << "334 VXNlcm5hbWU6", None, "", C.CONNECTED),
    (lambda: at_rcpt() >> "DATA", None, "", C.RCPT),
    (lambda: at_rcpt() >> "DATA", 354, "", C.DATA),
    (lambda: at_rcpt() >> b"DATA\r\nhi\r\n.\r\n", 354, "DOT", C.SEND_STREAM),
    (lambda: at_rcpt() >> b"DATA\r\nhi\r\n.\r\n", None, "CUSTOM DOT", C.RCPT),
    (lambda: at_data() >> b"hi\n.\n", None, "", C.DATA),
    (at_dot, None, "", C.SEND_MESSAGE),
    (lambda: at_rcpt() >> b"BDAT 2 LAST\r\nhi", None, "", C.SEND_MESSAGE),
    (lambda: connected() >> "QUIT", None, "", C.CONNECTED),
    (lambda: connected() >> "STARTTLS", None, "", C.CONNECTED),
    (lambda: Playbook().connect(), None, "", C.NONE),
]  # fmt: skip


@pytest.mark.parametrize(("at", "code", "owed", "here"), FORGOTTEN)
def test_giving_up_the_oldest_reply(at: Callable[[], Playbook], code: int | None, owed: str, here: SMTPCommand) -> None:
    play = at().apply(Forgot(99.0, code))
    assert (play.owed, play.here) == (owed, here)
    assert play.machine.facts.challenge is None


def test_a_message_whose_verdict_was_given_up_is_unknown() -> None:
    assert at_dot().apply(Forgot(99.0)).machine.facts.done == "unknown"


def test_data_given_up_between_chunks_breaks_the_transaction_as_a_refusal_does() -> None:
    assert (at_chunk() >> "DATA").apply(Forgot(99.0)).machine.facts.txn is T.BROKEN


@pytest.mark.parametrize("replies", [["220 late"], ["220 late", EHLO]])
def test_a_greeting_that_was_given_up_may_come_still(replies: list[str]) -> None:
    play = Playbook().connect().apply(Forgot(9.0))
    assert play.here is C.NONE
    if len(replies) > 1:
        play >> "EHLO me"
    for reply in replies:
        play << reply
    assert play.here is (C.BANNER if len(replies) == 1 else C.CONNECTED)
    assert play.trace.startswith("NONE > BANNER")


# -- the end

STATES: dict[str, Callable[[], Playbook]] = {
    "start": Playbook,
    "connecting": lambda: Playbook().apply(Link(0.0, LinkStatus.CONNECTING)),
    "no greeting yet": lambda: Playbook().connect(),
    "BANNER": greeted,
    "EHLO": lambda: connected(login=True),
    "CONNECTED": connected,
    "challenged": lambda: connected() >> "AUTH LOGIN" << "334 VXNlcm5hbWU6",
    "MAIL": at_mail,
    "RCPT": at_rcpt,
    "between chunks": at_chunk,
    "DATA": at_data,
    "text half out": lambda: at_data().apply(Issued(9.0, C.SEND_STREAM)) >> b"hi",
    "SEND_STREAM": at_stream,
    "dot sent": at_dot,
    "SEND_MESSAGE": at_message,
    "handshake": at_handshake,
    "in TLS": in_tls,
    "QUIT sent": lambda: connected() >> "QUIT",
    "said goodbye": lambda: connected() >> "QUIT" << "221 bye",
    "two QUITs": lambda: connected() >> "QUIT\nQUIT" << "221 bye",
    "421": lambda: connected() << "421 bye",
    "half a reply": lambda: connected() >> "NOOP" << b"250-a",
    "closed": lambda: connected().apply(Closed(9.0, "lost")),
}


@pytest.mark.parametrize("state", STATES)
def test_closed_anywhere_is_none_with_nothing_owed_and_a_way_back(state: str) -> None:
    play = STATES[state]()
    before, moves = play.here, len(play.machine.moves)
    machine = play.apply(Closed(99.0, "lost", 3)).machine
    assert (machine.here, play.owed, machine.prompt) == (C.NONE, "", ">")
    assert (machine.facts.link, machine.facts.securing, machine.facts.streaming) == (False, False, False)
    assert machine.facts.status is LinkStatus.DISCONNECTED
    assert (len(machine.moves) > moves) == (before is not C.NONE)
    if machine.moves:
        assert machine.moves[-1].path[-1] is C.NONE or before is C.NONE
    assert machine.may_issue(Connect()) is Verdict.LEGAL
    assert machine.may_issue(C.CONNECTED) is Verdict.LEGAL
    assert machine.may_issue(Drop()) is Verdict.IMPOSSIBLE


@pytest.mark.parametrize(
    "state", ["said goodbye", "two QUITs", "421"], ids=["our QUIT", "another one owed", "the server's word"]
)
def test_from_the_goodbye_to_the_close_the_link_is_disconnecting(state: str) -> None:
    play = STATES[state]()
    assert play.machine.facts.status is LinkStatus.DISCONNECTING
    assert play.machine.may_issue(Connect()) is Verdict.LEGAL
    assert play.apply(Closed(99.0, "closed")).machine.facts.status is LinkStatus.DISCONNECTED


def test_a_close_answers_quit() -> None:
    play = (connected() >> "QUIT").apply(Closed(9.0, "closed"))
    assert play.trace.endswith("CONNECTED > QUIT > NONE")
    assert play.machine.passed[C.QUIT].word == "closed"


def test_the_last_octets_of_a_text_move_nothing_when_the_link_is_gone() -> None:
    play = (at_data() >> b"hi").apply(Closed(9.0, "lost")).apply(Progress(9.0, 2, 2, done=True))
    assert play.trace.endswith("RCPT > DATA > NONE")


@pytest.mark.parametrize("state", STATES)
def test_a_new_connection_knows_nothing_of_the_old_one(state: str) -> None:
    play = STATES[state]().apply(Opened(0.0, "other.test", 25, want_login=True))
    fresh = Playbook(login=True)
    assert picture(play.machine) == picture(fresh.machine)
    assert (play.machine.prompt, play.machine.unfinished) == (">", b"")


# -- what the picture says


def test_nodes_say_code_and_time() -> None:
    play = connected() >> "RSET" << "250 ok"
    assert play.machine.passed[C.RSET][:2] == (250, 1.0)
    assert play.machine.passed[C.BANNER].code == 220
    assert play.machine.passed[C.CONNECTED].word == "ready"
    assert C.MAIL not in play.machine.passed


def test_a_refusal_stands_until_the_next_command() -> None:
    play = connected() >> "MAIL FROM:<a@b>" << "550 no"
    assert play.machine.refusal is not None
    assert play.machine.refusal[0] is C.MAIL
    play >> b"RS"
    assert play.machine.refusal is not None
    play >> b"ET\r\n"
    assert play.machine.refusal is None


def test_a_refused_message_shows_at_send_message_and_its_dot_was_passed() -> None:
    play = at_dot() << "554 no"
    assert play.machine.refusal is not None
    assert (play.machine.refusal[0], play.machine.refusal[1].code) == (C.SEND_MESSAGE, 554)
    assert play.machine.passed[C.DOT].code == 554


def test_of_a_line_that_never_ends_not_all_is_kept() -> None:
    play = connected()
    for _ in range(40):
        play >> b"x" * 32768
    assert len(play.machine.unfinished) == 65536
    assert (play >> b"\r\n").owed == "CUSTOM"


def test_a_chunk_that_was_announced_behind_data_is_text_too() -> None:
    play = at_rcpt() >> b"DATA\r\nBDAT 100\r\n" << "354 go on"
    assert (play.here, play.owed) == (C.DATA, "")
    assert (play >> ".").owed == "DOT"


def test_only_a_334_that_no_exchange_answers_asks_the_user() -> None:
    typed = connected() >> "AUTH LOGIN" << "334 VXNlcm5hbWU6"
    assert typed.machine.asks_user
    assert not (typed >> "YWxpY2U=").machine.asks_user
    running = connected().apply(Issued(9.0, C.AUTH, "AUTH LOGIN", "alice")) >> "AUTH LOGIN" << "334 VXNlcm5hbWU6"
    assert not running.machine.asks_user
    assert running.apply(TimedOut(99.0, 9.0)).machine.asks_user, "the exchange ends where its patience does"


def test_of_many_moves_the_last_are_kept_and_all_are_counted() -> None:
    play = connected()
    before = play.machine.moved
    for _ in range(3000):
        play >> "RSET" << "250 ok"
    machine = play.machine
    assert machine.moved == before + 3000
    assert 512 <= len(machine.moves) <= 1024
    assert machine.moves_since(machine.moved) == []
    assert machine.moves_since(machine.moved - 2) == machine.moves[-2:]
    assert machine.moves_since(0) == machine.moves, "as far as they are there"


def test_who_is_logged_in_is_known_once_the_server_said_so() -> None:
    play = connected().apply(Issued(9.0, C.AUTH, "AUTH PLAIN", "alice")) >> "AUTH PLAIN AGEAYg=="
    assert play.machine.facts.user == ""
    assert (play << "235 ok").machine.facts.user == "alice"
    assert at_handshake(play).secured().machine.facts.user == ""


def test_a_typed_login_is_not_the_one_that_was_tried_before() -> None:
    play = connected().apply(Issued(9.0, C.AUTH, "AUTH PLAIN", "alice")) >> "AUTH PLAIN AGEAYg==" << "535 no"
    play = play.apply(Issued(9.0, C.AUTH, "AUTH PLAIN")) >> "AUTH PLAIN AGIAYg==" << "235 ok"
    assert play.machine.facts.user == ""


# -- any events at all

seconds = st.floats(0, 1000)
replies = st.sampled_from(
    [EHLO, "250-a\n250 PIPELINING", "220 hi", "221 bye", "235 ok", "250 ok", "250-", "334 VXNl", "353 each", "354 go",
     "421 bye", "450 no", "502 no", "521 no", "550 no", "554 no", "000 hm", "100 hm", "999 hm", "hello"]
).map(lines)  # fmt: skip
commands = st.sampled_from(
    ["EHLO me", "HELO me", "LHLO me", "AUTH PLAIN AGEAYg==", "AUTH LOGIN", "MAIL FROM:<a@b>", "MAIL FROM:<a@b> PRDR",
     "MAIL FROM:<a@b> BODY=BINARYMIME", "RCPT TO:<c@d>", "DATA", ".", "RSET", "QUIT", "NOOP", "STARTTLS", "XCLIENT a=b",
     "BDAT 4", "BDAT 4 LAST", "hi\n.", "*", ""]
).map(lines)  # fmt: skip
hostile = st.one_of(st.binary(max_size=40), st.lists(st.sampled_from([*LOOK_ALIKES, b"x", END])).map(b"".join))
steps: st.SearchStrategy[Step] = st.one_of(
    st.sampled_from(SMTPCommand), st.sampled_from([Connect(), Drop(), StartTls()]), st.builds(Bdat, st.integers(0, 9))
)
sent = st.builds(Sent, seconds, st.one_of(commands, hostile))
received = st.builds(Received, seconds, st.one_of(replies, replies, hostile))
event: st.SearchStrategy[Event] = st.one_of(
    sent,
    received,
    st.builds(Opened, seconds, st.just("mail.test"), st.just(25), st.booleans(), st.booleans()),
    st.builds(Issued, seconds, steps, st.text(max_size=4), st.text(max_size=4)),
    st.builds(Link, seconds, st.sampled_from(LinkStatus)),
    st.builds(Cipher, seconds, st.binary(max_size=4), st.booleans()),
    st.builds(Secured, seconds, st.just("TLSv1.3"), st.just("x"), st.just(256), st.just("mail.test")),
    st.builds(Progress, seconds, st.integers(0), st.integers(0), st.booleans()),
    st.builds(TimedOut, seconds, seconds),
    st.builds(Waited, seconds, seconds),
    st.builds(Forgot, seconds, st.sampled_from([None, 354, 250, 421, 0])),
    st.builds(Asked, seconds, st.just("early"), st.just("?"), st.just(("a", "b"))),
    st.builds(Answered, seconds, st.just("early"), st.integers(0, 3)),
    st.builds(Failed, seconds, st.one_of(st.none(), steps), st.just("no")),
    st.builds(Closed, seconds, st.just("lost"), st.integers(0, 9)),
)
STARTS_OF_A_SESSION: list[list[Event]] = [
    [Opened(0.0, "mail.test", 25), Link(0.0, LinkStatus.CONNECTED), Received(0.0, b"220 hi\r\n")],
    connected(login=True).events,
    at_rcpt(in_tls()).events,
    at_data().events,
    at_dot(lmtp(), 2).events,
    [],
]


@st.composite
def sessions(draw: st.DrawFn) -> list[Event]:
    """Some known start, then commands that are answered and events that just happen."""
    happened = list(draw(st.sampled_from(STARTS_OF_A_SESSION)))
    for _ in range(draw(st.integers(0, 14))):
        if draw(st.booleans()):
            happened += [draw(sent), draw(received)]
        else:
            happened.append(draw(event))
    return happened


EVERY_STEP: list[Step] = [*SMTPCommand.__members__.values(), Connect(), Drop(), StartTls(), Bdat(4), Bdat(0, True)]


def picture(machine: Machine) -> tuple[object, ...]:
    """All that is shown of a machine."""
    return (
        machine.here,
        [(entry.kind, entry.member, entry.line, entry.perhaps, entry.replies) for entry in machine.pending],
        machine.facts,
        machine.moves,
        machine.passed,
        machine.refusal,
        machine.early,
        machine.prompt,
        machine.held,
    )


def told(answers: list[Answer]) -> list[tuple[object, ...]]:
    return [(answer.reply, repr(answer.pending), *answer[2:]) for answer in answers]


@given(sessions())
@settings(max_examples=300)
def test_whatever_happens_the_machine_holds(events: list[Event]) -> None:
    machine, again = Machine(), Machine()
    for one in events:
        moves = len(machine.moves) if not isinstance(one, Opened) else 0
        before = machine.here
        assert told(machine.apply(one)) == told(again.apply(one))
        here = machine.here
        assert here in REST
        assert machine.facts.securing <= machine.facts.link
        if here is not before and not isinstance(one, Opened):
            assert machine.moves[moves:], "here does not move without a move"
        for move in machine.moves[moves:]:
            assert len(move.edges) == len(move.path) - 1 >= 1
        if machine.moves[moves:] and machine.moves[-1].path != (C.AUTH, C.AUTH):
            assert machine.moves[-1].path[-1] is here
        legal = {step: machine.may_issue(step) for step in EVERY_STEP}
        assert set(legal.values()) <= set(Verdict)
        assert Verdict.OUT_OF_ORDER not in (legal[Connect()], legal[Drop()])
        assert (legal[Connect()] is Verdict.LEGAL) <= (here is C.NONE and not machine.facts.link)
        assert (legal[Drop()] is Verdict.LEGAL) >= machine.facts.link
        assert (legal[Connect()] is Verdict.LEGAL) != (legal[Drop()] is Verdict.LEGAL)
        assert sum(entry.perhaps for entry in machine.pending) <= 1
    assert picture(machine) == picture(again)
