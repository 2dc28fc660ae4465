"""The drawn edges: each is taken by some conversation, and a move without one says so in words."""

from collections.abc import Callable

import pytest

from smtp.playbook import (
    EHLO,
    REST,
    Playbook,
    at_data,
    at_dot,
    at_handshake,
    at_mail,
    at_message,
    at_rcpt,
    at_stream,
    connected,
    greeted,
)
from smtpscope.smtp.command import SMTPCommand
from smtpscope.smtp.edges import EDGES, edge_between
from smtpscope.smtp.events import Closed, Forgot

C = SMTPCommand

DRAWN = """
    e01 NONE BANNER          e02 BANNER EHLO          e03 EHLO AUTH            e04 AUTH CONNECTED
    e05 CONNECTED MAIL       e06 MAIL RCPT            e07 RCPT DATA            e08 DATA SEND_STREAM
    e09 SEND_STREAM DOT      e10 DOT SEND_MESSAGE     e11 BANNER HELO          e12 EHLO HELO
    e13 HELO CONNECTED       e14 EHLO CONNECTED       e15 AUTH AUTH            e16 CONNECTED AUTH
    e17 RCPT RCPT            e18 SEND_MESSAGE MAIL    e19 DATA DOT             e20 any RSET
    e21 RSET CONNECTED       e22 any QUIT             e23 QUIT NONE            e24 any CUSTOM
    e25 CUSTOM BANNER        e26 any NONE
"""


def login(play: Playbook) -> Playbook:
    return play >> "AUTH PLAIN AGEAYg==" << "235 ok"


CONVERSATIONS: dict[str, Callable[[], Playbook]] = {
    "e01": greeted,
    "e02": connected,
    "e03": lambda: login(connected(login=True)),
    "e04": lambda: login(connected(login=True)),
    "e05": at_mail,
    "e06": at_rcpt,
    "e07": at_data,
    "e08": at_stream,
    "e09": lambda: at_dot() << "250 ok",
    "e10": lambda: at_dot() << "554 no",
    "e11": lambda: greeted() >> "HELO me" << "250 m",
    "e12": lambda: greeted() >> "EHLO me" << "502 no" >> "HELO me" << "250 m",
    "e13": lambda: greeted() >> "HELO me" << "250 m",
    "e14": connected,
    "e15": lambda: connected() >> "AUTH LOGIN" << "334 VXNlcm5hbWU6",
    "e16": lambda: login(connected()),
    "e17": lambda: at_rcpt(accepted=2),
    "e18": lambda: at_mail(at_message()),
    "e19": lambda: at_data() >> "." << "250 ok",
    "e20": lambda: connected() >> "RSET" << "250 ok",
    "e21": lambda: at_rcpt() >> "RSET" << "250 ok",
    "e22": lambda: connected() >> "QUIT" << "221 bye",
    "e23": lambda: (connected() >> "QUIT").apply(Closed(99.0, "closed")),
    "e24": lambda: connected() >> "NOOP" << "250 ok",
    "e25": lambda: at_handshake().secured(),
    "e26": lambda: connected() << "421 bye",
    "e27": lambda: connected() >> "EHLO me" << EHLO,
    "e28": lambda: connected() >> "HELO me" << "250 m",
    "e29": lambda: at_rcpt() >> b"BDAT 2 LAST\r\nhi" << "250 ok",
}


def test_the_edges_are_those_of_the_design() -> None:
    words = DRAWN.split()
    for id, source, target in zip(words[::3], words[1::3], words[2::3], strict=True):
        edge = EDGES[id]
        assert (edge.id, "any" if edge.source is None else edge.source.name, edge.target.name) == (id, source, target)
    assert set(EDGES) == set(CONVERSATIONS)


@pytest.mark.parametrize("id", CONVERSATIONS)
def test_each_edge_is_taken(id: str) -> None:
    play = CONVERSATIONS[id]()
    move = play.machine.moves[-1]
    assert id in move.edges
    assert len(move.edges) == len(move.path) - 1
    assert move.jump == ""


TAKEN = [
    ("NOOP goes there and back", lambda: connected() >> "NOOP" << "250 ok", "e24 e24"),
    ("NOOP at BANNER", lambda: greeted() >> "NOOP" << "250 ok", "e24 e24"),
    ("NOOP in a transaction", lambda: at_rcpt() >> "NOOP" << "250 ok", "e24 e24"),
    ("NOOP after a message", lambda: at_message() >> "NOOP" << "250 ok", "e24 e24"),
    ("a chunk", lambda: at_rcpt() >> b"BDAT 2\r\nhi" << "250 ok", "e24 e24"),
    ("BDAT LAST", lambda: at_rcpt() >> b"BDAT 2 LAST\r\nhi" << "250 ok", "e24 e29"),
    ("STARTTLS", lambda: at_handshake().secured(), "e24 e25"),
    ("STARTTLS before a hello", lambda: at_handshake(greeted()).secured(), "e24 e25"),
    ("STARTTLS refused", lambda: connected() >> "STARTTLS" << "454 no", "e24 e24"),
    ("XCLIENT", lambda: connected() >> "XCLIENT NAME=x" << "220 hi", "e24 e25"),
    ("XCLIENT before a hello", lambda: greeted() >> "XCLIENT NAME=x" << "220 hi", "e24 e25"),
    ("login declined", lambda: at_mail(connected(login=True)), "e14 e05"),
    ("fall back", lambda: greeted() >> "EHLO me" << "502 no" >> "HELO me" << "250 m", "e12 e13"),
    ("HELO refused, then taken", lambda: greeted() >> "HELO me" << "501 no" >> "HELO me" << "250 m", "e11 e13"),
    ("EHLO refused, then taken", lambda: greeted() >> "EHLO me" << "501 no" >> "EHLO me" << "250 m", "e02 e14"),
    ("EHLO again, login wanted", lambda: connected(login=True) >> "EHLO me" << EHLO, "e27"),
    ("EHLO in a transaction", lambda: at_rcpt() >> "EHLO me" << EHLO, "e27 e14"),
    ("RSET after a message", lambda: at_message() >> "RSET" << "250 ok", "e20 e21"),
    ("a text typed and ended", lambda: at_data() >> b"hi\r\n.\r\n" << "250 ok", "e09 e10"),
    ("lost at the dot", lambda: at_dot().apply(Closed(99.0, "lost")), "e26"),
    ("the dot given up", lambda: at_dot().apply(Forgot(99.0)), "e09 e10"),
    ("the dot without a text given up", lambda: (at_data() >> ".").apply(Forgot(99.0)), "e19 e10"),
    ("DATA given up as 354", lambda: (at_rcpt() >> "DATA").apply(Forgot(99.0, 354)), "e07"),
]


@pytest.mark.parametrize(("play", "edges"), [case[1:] for case in TAKEN], ids=[case[0] for case in TAKEN])
def test_the_last_move_takes(play: Callable[[], Playbook], edges: str) -> None:
    assert " ".join(play().machine.moves[-1].edges) == edges


JUMPS = [
    (lambda: greeted() >> "RSET" << "250 ok", "RSET to BANNER"),
    (lambda: connected(login=True) >> "RSET" << "250 ok", "RSET to EHLO"),
    (lambda: greeted() >> "MAIL FROM:<a@b>" << "250 ok", "BANNER to MAIL"),
    (lambda: at_mail() >> "MAIL FROM:<a@b>" << "250 ok", "MAIL to MAIL"),
    (lambda: at_rcpt() >> "MAIL FROM:<a@b>" << "250 ok", "RCPT to MAIL"),
    (lambda: connected() >> "RCPT TO:<a@b>" << "250 ok", "CONNECTED to RCPT"),
    (lambda: connected() >> "DATA" << "354 go", "CONNECTED to DATA"),
    (lambda: login(at_rcpt()), "RCPT to AUTH, AUTH to RCPT"),
    (lambda: login(greeted()), "BANNER to AUTH, AUTH to BANNER"),
    (lambda: connected() >> "." << "500 no", "CONNECTED to DOT, DOT to CONNECTED"),
    (lambda: connected(login=True) >> "." << "500 no", "EHLO to DOT, DOT to EHLO"),
]


@pytest.mark.parametrize(("play", "words"), JUMPS, ids=[case[1] for case in JUMPS])
def test_a_move_without_an_edge_is_a_jump_in_words(play: Callable[[], Playbook], words: str) -> None:
    assert play().machine.moves[-1].jump == words


@pytest.mark.parametrize(
    "play",
    [
        lambda: connected() >> "MAIL FROM:<a@b>" << "550 no",
        lambda: at_mail() >> "RCPT TO:<a@b>" << "550 no",
        lambda: at_rcpt() >> "DATA" << "451 no",
        lambda: at_rcpt() >> "DATA" << "250 hm",
        lambda: at_rcpt() >> "RSET" << "550 no",
        lambda: connected() >> "AUTH PLAIN AGEAYg==" << "535 no",
        lambda: connected() >> "EHLO me" << "550 no",
    ],
)
def test_a_refusal_is_no_move(play: Callable[[], Playbook]) -> None:
    last = play().machine.moves[-1]
    assert last.path[-1] is play().here
    assert last.time < play().time - 2


def test_ports_reach_their_node_from_anywhere() -> None:
    for source in REST:
        assert edge_between(source, C.RSET) == "e20"
        assert edge_between(source, C.QUIT) == "e22"
        assert edge_between(source, C.CUSTOM) == "e24"
    assert edge_between(C.MAIL, C.NONE) == "e26"
    assert edge_between(C.NONE, C.MAIL) == ""
    assert edge_between(C.RSET, C.EHLO) == ""  # where RSET leads is not EHLO again
