"""What a reply does: the design's table. A row is a command sent somewhere; the columns are the classes of reply."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any, NamedTuple

import pytest

from smtp.playbook import (
    EHLO,
    Playbook,
    at_broken,
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
    lmtp,
    trace,
)
from smtpscope.smtp.command import SMTPCommand
from smtpscope.smtp.edges import Mark
from smtpscope.smtp.events import Closed, LinkStatus, Received
from smtpscope.smtp.facts import Recipient, Transaction, capabilities

C, T = SMTPCommand, Transaction

EXT = {"PIPELINING": "", "CHUNKING": "", "AUTH": "PLAIN LOGIN", "STARTTLS": ""}
R0 = Recipient("r0@mail.test", 250)
MAIL, RCPT = "MAIL FROM:<a@mail.test>", "RCPT TO:<x@mail.test>"
NO_MAIL = {"txn": T.NONE, "ok": 0, "recipients": ()}  # what ends with an open transaction that has one recipient
OVER = {"done": "", "ok": 0, "recipients": (), "texted": 0}  # what is forgotten of the last message
NEW = {"hello": "", "ext": {}}  # what a new greeting voids
ENDED = {"link": False, "status": LinkStatus.DISCONNECTING}  # until the socket is closed


def facts_of(play: Playbook) -> dict[str, Any]:
    """All facts by name, of recipients path and code alone; what is remembered for showing has tests of its own."""
    facts = asdict(play.machine.facts)
    del facts["past"], facts["verdict"]
    return facts | {"recipients": tuple(Recipient(*each[:2]) for each in facts["recipients"])}


class Row(NamedTuple):
    """``good`` is the reply that succeeds; the nodes that it and a refusal pass; the facts that they change."""

    name: str
    at: Callable[[], Playbook]
    out: str | bytes
    good: str
    moves: str
    changes: dict[str, Any]
    refused_moves: str = ""
    refused: dict[str, Any] = {}


def login(play: Playbook | None = None) -> Playbook:
    return (play or connected(login=True)) >> "AUTH PLAIN AGEAYg==" << "235 ok"


def half_text() -> Playbook:
    return at_data() >> b"Subject: hi\r\n\r\nhi\r\n"


ROWS = [
    Row("BANNER", lambda: Playbook().connect(), b"", "220 hi", "NONE > BANNER", {"greeted": True},
        "NONE > BANNER", {"greeted": True, "refused": True}),
    # EHLO, LHLO
    Row("EHLO", greeted, "EHLO me", EHLO, "BANNER > EHLO > CONNECTED", {"hello": "EHLO", "ext": EXT}),
    Row("ehlo", greeted, "ehlo me", EHLO, "BANNER > EHLO > CONNECTED", {"hello": "EHLO", "ext": EXT}),
    Row("EHLO, login wanted", lambda: greeted(login=True), "EHLO me", EHLO, "BANNER > EHLO",
        {"hello": "EHLO", "ext": EXT}),
    Row("EHLO, login wanted and not offered", lambda: greeted(login=True), "EHLO me", "250-m\n250 SIZE 9",
        "BANNER > EHLO > CONNECTED", {"hello": "EHLO", "ext": {"SIZE": "9"}}),
    Row("EHLO at a refusing greeting", lambda: Playbook().connect() << "554 no", "EHLO me", "250 m",
        "BANNER > EHLO > CONNECTED", {"hello": "EHLO", "refused": False}),
    Row("EHLO again", connected, "EHLO me", "250 m", "CONNECTED > EHLO > CONNECTED", {"ext": {}}),
    Row("EHLO again, login wanted", lambda: connected(login=True), "EHLO me", EHLO, "EHLO > EHLO", {}),
    Row("EHLO when logged in", login, "EHLO me", EHLO, "CONNECTED > EHLO > CONNECTED", {}),
    Row("EHLO in a transaction", at_rcpt, "EHLO me", EHLO, "RCPT > EHLO > CONNECTED", NO_MAIL),
    Row("EHLO between chunks", at_chunk, "EHLO me", EHLO, "RCPT > EHLO > CONNECTED", NO_MAIL),
    Row("EHLO after a message", at_message, "EHLO me", EHLO, "SEND_MESSAGE > EHLO > CONNECTED", OVER),
    Row("LHLO", greeted, "LHLO me", EHLO, "BANNER > EHLO > CONNECTED", {"hello": "LHLO", "ext": EXT}),
    # HELO
    Row("HELO", greeted, "HELO me", "250 m", "BANNER > HELO > CONNECTED", {"hello": "HELO"}),
    Row("HELO, login wanted", lambda: greeted(login=True), "HELO me", "250 m", "BANNER > HELO > CONNECTED",
        {"hello": "HELO"}),
    Row("HELO knows no extensions", connected, "HELO me", "250-m\n250 PIPELINING", "CONNECTED > HELO > CONNECTED",
        {"hello": "HELO", "ext": {}}),
    Row("HELO in a transaction", at_mail, "HELO me", "250 m", "MAIL > HELO > CONNECTED",
        {"hello": "HELO", "ext": {}, "txn": T.NONE}),
    # AUTH
    Row("AUTH", lambda: connected(login=True), "AUTH PLAIN AGEAYg==", "235 ok", "EHLO > AUTH > CONNECTED",
        {"auth": True, "mechanism": "PLAIN"}, "", {"auth_refused": True}),
    Row("AUTH late", connected, "auth login", "235 ok", "CONNECTED > AUTH > CONNECTED",
        {"auth": True, "mechanism": "LOGIN"}, "", {"auth_refused": True}),
    Row("AUTH before a hello", greeted, "AUTH PLAIN AGEAYg==", "235 ok", "BANNER > AUTH > BANNER",
        {"auth": True, "mechanism": "PLAIN"}, "", {"auth_refused": True}),
    Row("AUTH in a transaction", at_rcpt, "AUTH PLAIN AGEAYg==", "235 ok", "RCPT > AUTH > RCPT",
        {"auth": True, "mechanism": "PLAIN"}, "", {"auth_refused": True}),
    Row("AUTH after a message", at_message, "AUTH PLAIN AGEAYg==", "235 ok", "SEND_MESSAGE > AUTH > CONNECTED",
        {"auth": True, "mechanism": "PLAIN", "done": ""}, "", {"auth_refused": True}),
    # MAIL
    Row("MAIL", connected, MAIL, "250 ok", "CONNECTED > MAIL", {"txn": T.OPEN}),
    Row("MAIL declines the login", lambda: connected(login=True), MAIL, "250 ok", "EHLO > CONNECTED > MAIL",
        {"txn": T.OPEN, "want_login": False}),
    Row("MAIL before a hello", greeted, MAIL, "250 ok", "BANNER > MAIL", {"txn": T.OPEN}),
    Row("MAIL in a transaction", at_rcpt, MAIL, "250 ok", "RCPT > MAIL", {"ok": 0, "recipients": ()}),
    Row("MAIL after MAIL", at_mail, MAIL, "250 ok", "MAIL > MAIL", {}),
    Row("MAIL after a message", at_message, MAIL, "250 ok", "SEND_MESSAGE > MAIL", {**OVER, "txn": T.OPEN}),
    Row("MAIL after a refused chunk", at_broken, MAIL, "250 ok", "RCPT > MAIL", {**NO_MAIL, "txn": T.OPEN}),
    Row("MAIL with PRDR", connected, MAIL + " PRDR", "250 ok", "CONNECTED > MAIL", {"txn": T.OPEN, "prdr": True}),
    # RCPT
    Row("RCPT", at_mail, RCPT, "250 ok", "MAIL > RCPT", {"ok": 1, "recipients": (Recipient("x@mail.test", 250),)},
        "", {"bad": 1, "recipients": "refused"}),
    Row("RCPT again", at_rcpt, RCPT, "251 will forward", "RCPT > RCPT",
        {"ok": 2, "recipients": (R0, Recipient("x@mail.test", 251))}, "", {"bad": 1, "recipients": "refused"}),
    Row("RCPT without MAIL", connected, RCPT, "250 ok", "CONNECTED > RCPT",
        {"txn": T.OPEN, "ok": 1, "recipients": (Recipient("x@mail.test", 250),)}),
    Row("RCPT without MAIL after a message", at_message, RCPT, "250 ok", "SEND_MESSAGE > RCPT",
        {"txn": T.OPEN, "done": "", "texted": 0, "recipients": (Recipient("x@mail.test", 250),)}),
    Row("RCPT between chunks", at_chunk, RCPT, "250 ok", "RCPT > RCPT",
        {"ok": 2, "recipients": (R0, Recipient("x@mail.test", 250))}),
    # DATA
    Row("DATA", at_rcpt, "DATA", "354 go on", "RCPT > DATA", {"txn": T.DATA}),
    Row("DATA without a recipient", at_mail, "DATA", "354 go on", "MAIL > DATA", {"txn": T.DATA}),
    Row("DATA outside a transaction", connected, "DATA", "354 go on", "CONNECTED > DATA", {"txn": T.DATA}),
    Row("DATA after a message", at_message, "DATA", "354 go on", "SEND_MESSAGE > DATA",
        {"txn": T.DATA, "done": "", "texted": 0}),
    Row("DATA between chunks", at_chunk, "DATA", "354 go on", "RCPT > DATA", {"txn": T.DATA}, "", {"txn": T.BROKEN}),
    # DOT
    Row("DOT", at_stream, ".", "250 ok", "SEND_STREAM > DOT > SEND_MESSAGE", {"txn": T.NONE, "done": "accepted"},
        "SEND_STREAM > DOT > SEND_MESSAGE", {"txn": T.NONE, "done": "refused"}),
    Row("DOT without a text", at_data, ".", "250 ok", "DATA > DOT > SEND_MESSAGE",
        {"txn": T.NONE, "done": "accepted"}, "DATA > DOT > SEND_MESSAGE", {"txn": T.NONE, "done": "refused"}),
    Row("DOT behind a typed text", half_text, ".", "250 ok", "DATA > SEND_STREAM > DOT > SEND_MESSAGE",
        {"txn": T.NONE, "done": "accepted"}, "DATA > SEND_STREAM > DOT > SEND_MESSAGE",
        {"txn": T.NONE, "done": "refused"}),
    Row("DOT outside data mode", connected, ".", "250 hm", "CONNECTED > DOT > CONNECTED", {},
        "CONNECTED > DOT > CONNECTED"),
    Row("DOT in a transaction", at_rcpt, ".", "250 hm", "RCPT > DOT > RCPT", {}, "RCPT > DOT > RCPT"),
    # RSET
    Row("RSET", at_rcpt, "RSET", "250 ok", "RCPT > RSET > CONNECTED", NO_MAIL),
    Row("RSET before a hello", greeted, "RSET", "250 ok", "BANNER > RSET > BANNER", {}),
    Row("RSET, login wanted", lambda: connected(login=True), "RSET", "250 ok", "EHLO > RSET > EHLO", {}),
    Row("RSET after a message", at_message, "RSET", "250 ok", "SEND_MESSAGE > RSET > CONNECTED", OVER),
    Row("RSET after a refused chunk", at_broken, "RSET", "250 ok", "RCPT > RSET > CONNECTED", NO_MAIL),
    # QUIT
    Row("QUIT", connected, "QUIT", "221 bye", "CONNECTED > QUIT > NONE", ENDED,
        "CONNECTED > QUIT > NONE", ENDED),
    Row("QUIT in a transaction", at_rcpt, "QUIT", "250 hm", "RCPT > QUIT > NONE", ENDED,
        "RCPT > QUIT > NONE", ENDED),
    # CUSTOM
    Row("NOOP", connected, "NOOP", "250 ok", "CONNECTED > CUSTOM > CONNECTED", {}, "CONNECTED > CUSTOM > CONNECTED"),
    Row("HELP", at_message, "HELP", "214 yes", "SEND_MESSAGE > CUSTOM > SEND_MESSAGE", {},
        "SEND_MESSAGE > CUSTOM > SEND_MESSAGE"),
    Row("an empty line", at_rcpt, "", "250 ok", "RCPT > CUSTOM > RCPT", {}, "RCPT > CUSTOM > RCPT"),
    Row("an unknown verb", at_mail, "MAILX FROM:<a>", "250 ok", "MAIL > CUSTOM > MAIL", {}, "MAIL > CUSTOM > MAIL"),
    # STARTTLS
    Row("STARTTLS", connected, "STARTTLS", "220 go", "", {"securing": True}, "CONNECTED > CUSTOM > CONNECTED",
        {"tls_refused": True}),
    Row("STARTTLS before a hello", greeted, "starttls", "220 go", "", {"securing": True}, "BANNER > CUSTOM > BANNER",
        {"tls_refused": True}),
    # XCLIENT
    Row("XCLIENT", connected, "XCLIENT NAME=x", "220 hi", "CONNECTED > CUSTOM > BANNER", NEW,
        "CONNECTED > CUSTOM > CONNECTED"),
    Row("XCLIENT when logged in, in TLS, a recipient accepted", lambda: at_rcpt(login(in_tls())), "XCLIENT NAME=x",
        "220 hi", "RCPT > CUSTOM > BANNER", {**NEW, **NO_MAIL, "auth": False, "mechanism": ""},
        "RCPT > CUSTOM > RCPT"),
    Row("XCLIENT, login wanted", lambda: connected(login=True), "XCLIENT NAME=x", "220 hi", "EHLO > CUSTOM > BANNER",
        NEW, "EHLO > CUSTOM > EHLO"),
    # BDAT
    Row("BDAT", at_rcpt, b"BDAT 4\r\n1234", "250 ok", "RCPT > CUSTOM > RCPT", {"txn": T.CHUNK},
        "RCPT > CUSTOM > RCPT", {"txn": T.BROKEN}),
    Row("BDAT without a recipient", at_mail, b"bdat 0\r\n", "250 ok", "MAIL > CUSTOM > MAIL", {"txn": T.CHUNK},
        "MAIL > CUSTOM > MAIL", {"txn": T.BROKEN}),
    Row("BDAT again", at_chunk, b"BDAT 4\r\n1234", "250 ok", "RCPT > CUSTOM > RCPT", {},
        "RCPT > CUSTOM > RCPT", {"txn": T.BROKEN}),
    Row("BDAT outside a transaction", connected, b"BDAT 4\r\n1234", "250 ok", "CONNECTED > CUSTOM > CONNECTED", {},
        "CONNECTED > CUSTOM > CONNECTED"),
    Row("BDAT LAST", at_rcpt, b"BDAT 4 LAST\r\n1234", "250 ok", "RCPT > CUSTOM > SEND_MESSAGE",
        {"txn": T.NONE, "done": "accepted"}, "RCPT > CUSTOM > SEND_MESSAGE", {"txn": T.NONE, "done": "refused"}),
    Row("BDAT LAST after a chunk", at_chunk, b"BDAT 0 last\r\n", "250 ok", "RCPT > CUSTOM > SEND_MESSAGE",
        {"txn": T.NONE, "done": "accepted"}, "RCPT > CUSTOM > SEND_MESSAGE", {"txn": T.NONE, "done": "refused"}),
    Row("BDAT LAST outside a transaction", connected, b"BDAT 4 LAST\r\n1234", "250 ok",
        "CONNECTED > CUSTOM > CONNECTED", {}, "CONNECTED > CUSTOM > CONNECTED"),
]  # fmt: skip
every_row = pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])


class Before(NamedTuple):
    play: Playbook
    facts: dict[str, Any]
    moves: int


def ask(row: Row) -> Before:
    """The row's command is sent, and nothing has come back."""
    play = row.at()
    moves, here = len(play.machine.moves), play.here
    play >> row.out
    assert len(play.machine.pending) == 1
    text_ended = row.name == "DOT behind a typed text"
    assert play.here is (C.SEND_STREAM if text_ended else here), "replies move, sending does not"
    return Before(play, facts_of(play), moves)


def changed(before: dict[str, Any], play: Playbook) -> dict[str, Any]:
    after = facts_of(play)
    return {name: value for name, value in after.items() if value != before[name]}


def expected(row: Row, code: int) -> dict[str, Any]:
    changes = dict(row.refused)
    if changes.get("recipients") == "refused":
        accepted = (R0,) if row.name == "RCPT again" else ()
        changes["recipients"] = (*accepted, Recipient("x@mail.test", code))
    return changes


@every_row
def test_success(row: Row) -> None:
    play, facts, moves = ask(row)
    play << row.good
    assert changed(facts, play) == row.changes
    assert trace(play.machine, moves) == row.moves
    assert (play.last.settled, play.last.note, play.owed) == (True, "", "")
    assert play.last.pending is not None


REFUSALS = (450, 500, 599)
UNKNOWN = (0, 300, 334, 353, 354, 600, 999)
KNOWN = {"DATA": 354, "AUTH PLAIN AGEAYg==": 334, "auth login": 334}
"""What a 3yz means is said below for these."""


@pytest.mark.parametrize(
    ("row", "code"),
    [(row, code) for row in ROWS for code in REFUSALS + UNKNOWN if KNOWN.get(str(row.out)) != code],
    ids=lambda value: value.name if isinstance(value, Row) else str(value),
)
def test_refusal(row: Row, code: int) -> None:
    """4yz and 5yz refuse; so does any code that SMTP does not know there, and then it is said."""
    play, facts, moves = ask(row)
    play << f"{code:03} no"
    assert changed(facts, play) == expected(row, code)
    assert trace(play.machine, moves) == row.refused_moves
    assert (play.last.settled, play.owed) == (True, "")
    assert play.last.pending is not None
    if row.out == "QUIT":
        assert play.machine.passed[C.QUIT].code == code  # any answer will do
        return
    noted = row.out == "RSET" or (row.name.startswith("BDAT") and "outside" not in row.name)
    assert bool(play.last.note) == (noted or code in UNKNOWN)
    assert play.machine.refusal is not None
    node, mark = play.machine.refusal
    assert node is (C.SEND_MESSAGE if "done" in row.refused else play.last.pending.member)
    assert mark.code == code


@every_row
def test_what_settles_nothing(row: Row) -> None:
    """1yz, and what has no code, whatever it looks like."""
    play, facts, moves = ask(row)
    owed, passed = play.owed, len(play.machine.moves)
    for reply in ("100 wait", "199 wait", "hello", "25 ok", "2500 ok", "-25 ok", b"\r\n", b"\0\n"):
        play << reply
        assert changed(facts, play) == {}
        assert (len(play.machine.moves), play.owed) == (passed, owed)
        assert not play.last.settled
        assert play.last.note
    play << row.good
    assert changed(facts, play) == row.changes
    assert trace(play.machine, moves) == row.moves


@pytest.mark.parametrize(
    ("row", "code"),
    [(row, code) for row in ROWS for code in (421, 521, 221) if code != 221 or row.out not in (b"", "QUIT")],
    ids=lambda value: value.name if isinstance(value, Row) else str(value),
)
def test_the_server_says_goodbye(row: Row, code: int) -> None:
    play, _, moves = ask(row)
    source = play.here.name
    play << f"{code} bye"
    assert play.here is C.NONE
    nodes = trace(play.machine, moves)
    if row.out == "QUIT":
        assert nodes == f"{source} > QUIT > NONE"
        assert play.machine.passed[C.QUIT].code == code
    else:
        assert nodes.endswith(f"{source} > NONE") if source != "NONE" else nodes == ""
        assert "DOT" not in nodes
        assert "closing" in play.last.note
        assert play.machine.refusal is not None
        assert play.machine.refusal[1].code == code
    assert play.last.settled
    play << "250 late"
    assert (play.here, play.last.settled, play.last.pending) == (C.NONE, False, None)


@every_row
def test_the_connection_is_lost(row: Row) -> None:
    play, facts, moves = ask(row)
    source = play.here.name
    play.apply(Closed(play.time, "reset by peer"))
    assert (play.here, play.owed) == (C.NONE, "")
    nodes = trace(play.machine, moves)
    way = f"{source} > QUIT > NONE" if row.out == "QUIT" else f"{source} > NONE"
    assert nodes.endswith(way) if source != "NONE" else nodes == ""
    assert play.machine.facts.done == ("unknown" if "done" in row.refused else facts["done"])


# -- where a class has more than one meaning


def test_a_221_greets_and_is_named() -> None:
    play = Playbook().connect() << "221 hm"
    assert play.here is C.BANNER
    assert "221" in play.last.note


@pytest.mark.parametrize("reply", ["200 hm", "235 hm", "250 hm", "299 hm"])
def test_another_2yz_greets_and_is_named(reply: str) -> None:
    play = Playbook().connect() << reply
    assert (play.here, play.machine.facts.refused) == (C.BANNER, False)
    assert play.last.note


@pytest.mark.parametrize("hello", ["EHLO", "LHLO", "HELO"])
def test_capabilities_come_from_a_250_only(hello: str) -> None:
    play = greeted() >> f"{hello} me" << "220-mail.test\n220 SIZE 9"
    assert (play.here, play.machine.facts.hello, play.machine.facts.ext) == (C.CONNECTED, hello, {})
    assert play.last.note


def test_another_2yz_than_235_logs_in_and_is_named() -> None:
    play = connected(login=True) >> "AUTH PLAIN AGEAYg==" << "250 ok"
    assert (play.here, play.machine.facts.auth) == (C.CONNECTED, True)
    assert "235" in play.last.note


@pytest.mark.parametrize("at", [at_rcpt, at_mail, at_chunk, connected])
def test_a_2yz_to_data_begins_no_text(at: Callable[[], Playbook]) -> None:
    play = at()
    here, moves = play.here, len(play.machine.moves)
    facts = facts_of(play)
    play >> "DATA" << "250 ok"
    assert (play.here, changed(facts, play), trace(play.machine, moves)) == (here, {}, "")
    assert "354" in play.last.note
    assert C.DATA not in play.machine.passed


@pytest.mark.parametrize("code", [200, 250, 299])
def test_another_2yz_than_220_to_starttls_begins_no_handshake(code: int) -> None:
    play = connected() >> "STARTTLS" << f"{code} ok"
    assert (play.here, play.machine.facts.securing, play.owed) == (C.CONNECTED, False, "")
    assert "220" in play.last.note


def test_another_2yz_than_220_to_xclient_is_no_new_greeting() -> None:
    play = connected() >> "XCLIENT NAME=x" << "250 ok"
    assert (play.here, play.machine.facts.hello) == (C.CONNECTED, "EHLO")


@pytest.mark.parametrize("code", [334, 354, 300, 399])
@pytest.mark.parametrize("out", ["NOOP", ".", "VRFY a"])
def test_a_3yz_to_a_custom_verb_warns_of_another_mode(code: int, out: str) -> None:
    play = connected() >> out << f"{code} go on"
    assert "data or challenge mode" in play.last.note
    assert play.here is C.CONNECTED


def test_a_refused_rset_breaks_a_must() -> None:
    play = at_rcpt() >> "RSET" << "550 no"
    assert "4.1.1.5" in play.last.note
    assert play.here is C.RCPT


def test_a_refused_chunk_asks_for_rset() -> None:
    for out in (b"BDAT 4\r\n1234", b"BDAT 4 LAST\r\n1234"):
        play = at_rcpt() >> out << "452 no"
        assert "RSET" in play.last.note


@pytest.mark.parametrize("code", [500, 502, 504, 550])
def test_helo_after_a_refused_ehlo_is_the_fall_back(code: int) -> None:
    play = greeted() >> "EHLO me" << f"{code} no"
    assert play.here is C.BANNER
    assert play.machine.refusal is not None
    assert (play.machine.refusal[0], play.machine.refusal[1].code) == (C.EHLO, code)
    play >> "HELO me" << "250 m"
    assert play.machine.moves[-1].edges == ("e12", "e13")


def test_a_helo_in_tls_does_not_fall_back_from_an_ehlo_before_it() -> None:
    play = at_handshake(greeted() >> "EHLO me" << "502 no").secured()
    play >> "HELO me" << "250 m"
    assert play.machine.moves[-1].edges == ("e11", "e13")


# -- AUTH and its challenges


def test_a_334_keeps_auth_pending_and_shows_its_challenge() -> None:
    play = connected(login=True) >> "AUTH LOGIN" << "334 VXNlcm5hbWU6"
    assert (play.owed, play.machine.facts.challenge, play.machine.prompt) == ("AUTH", "VXNlcm5hbWU6", "334>")
    assert (play.here, play.last.settled, play.last.note) == (C.EHLO, False, "")
    play >> "YWxpY2U="
    assert (play.owed, play.machine.facts.challenge, play.machine.prompt) == ("AUTH", None, ">")
    play << "334 UGFzc3dvcmQ6" >> "d29uZGVybGFuZA==" << "235 ok"
    assert play.trace == "NONE > BANNER > EHLO > AUTH > AUTH > AUTH > EHLO > AUTH > CONNECTED"
    assert [move.edges for move in play.machine.moves if move.path == (C.AUTH, C.AUTH)] == [("e15",)] * 2
    assert (play.owed, play.machine.facts.auth, play.machine.facts.challenge) == ("", True, None)


@pytest.mark.parametrize("response", ["*", "RSET", "QUIT", "", "DATA", "."])
def test_under_a_334_every_line_is_a_response(response: str) -> None:
    play = connected() >> "AUTH LOGIN" << "334 VXNlcm5hbWU6" >> response
    assert play.owed == "AUTH"
    play << "501 cancelled"
    assert (play.owed, play.here, play.machine.facts.challenge) == ("", C.CONNECTED, None)
    assert play.machine.facts.auth_refused


def test_a_response_may_be_cut_anywhere() -> None:
    play = connected() >> "AUTH LOGIN" << "334 VXNlcm5hbWU6" >> b"YWxp" >> b"Y2U=\r"
    assert play.machine.prompt == "334>"
    play >> b"\nNOOP\r\n"
    assert play.owed == "AUTH CUSTOM"


def test_responses_that_were_sent_too_early_are_responses_all_the_same() -> None:
    play = connected() >> "AUTH LOGIN\nYWxpY2U=\nd29uZGVybGFuZA==\nNOOP" << "334 VXNlcm5hbWU6"
    assert (play.owed, play.machine.prompt) == ("AUTH CUSTOM CUSTOM", ">")
    play << "334 UGFzc3dvcmQ6" << "235 ok"
    assert (play.owed, play.here, play.machine.facts.auth) == ("CUSTOM", C.CONNECTED, True)
    play << "250 ok"
    assert play.owed == ""


def test_the_secret_behind_auth_is_not_kept_in_the_line() -> None:
    play = connected() >> "AUTH PLAIN AGFsaWNlAHdvbmRlcmxhbmQ="
    assert play.machine.pending[0].line == b"AUTH PLAIN"


# -- how many replies a dot is owed


@pytest.mark.parametrize("accepted", [0, 1, 3])
def test_one_without_lmtp(accepted: int) -> None:
    play = at_dot(accepted=accepted) << "250 ok"
    assert (play.owed, play.machine.facts.done) == ("", "accepted")


LMTP = [
    (0, ["250 ok"], "accepted"),
    (1, ["250 ok"], "accepted"),
    (1, ["550 no"], "refused"),
    (2, ["250 ok", "250 ok"], "accepted"),
    (2, ["250 ok", "450 no"], "partly (1 of 2)"),
    (3, ["550 no", "250 ok", "450 no"], "partly (1 of 3)"),
    (3, ["550 no", "999 hm", "450 no"], "refused"),
    (3, ["250 ok", "100 wait", "hm", "250 ok", "250 ok"], "accepted"),
]


@pytest.mark.parametrize(("accepted", "replies", "done"), LMTP)
@pytest.mark.parametrize("out", [b".\r\n", b"BDAT 2 LAST\r\nhi"])
def test_one_for_each_recipient_under_lmtp(accepted: int, replies: list[str], done: str, out: bytes) -> None:
    play = at_rcpt(lmtp(), accepted) >> "RCPT TO:<x@mail.test>" << "550 no"
    play = (play if out.startswith(b"BDAT") else play >> "DATA" << "354 go") >> out
    for reply in replies[:-1]:
        play << reply
        assert play.owed in ("DOT", "BDAT LAST")
        assert (play.machine.facts.done, play.last.settled) == ("", False)
    play << replies[-1]
    assert (play.owed, play.here, play.machine.facts.done) == ("", C.SEND_MESSAGE, done)
    assert play.last.settled
    assert play.last.pending is not None
    assert len(play.last.pending.replies) == len([reply for reply in replies if reply[:1] in "24569"])
    assert bool(play.machine.refusal) == (done == "refused")


def at_prdr_dot(accepted: int) -> Playbook:
    play = connected() >> "MAIL FROM:<a@mail.test> PRDR" << "250 ok"
    for number in range(accepted):
        play >> f"RCPT TO:<r{number}@mail.test>" << "250 ok"
    return play >> "DATA" << "354 go" >> b"hi\r\n.\r\n"


PRDR = [
    (1, ["353 each", "250 ok", "250 all"], "accepted"),
    (2, ["353 each", "250 ok", "450 no", "250 all"], "partly (1 of 2)"),
    (2, ["353 each", "250 ok", "250 ok", "550 no"], "refused"),
    (2, ["353 each", "550 no", "550 no", "550 no"], "refused"),
    (2, ["250 ok"], "accepted"),
    (2, ["550 no"], "refused"),
]


@pytest.mark.parametrize(("accepted", "replies", "done"), PRDR)
def test_one_more_than_recipients_after_a_353(accepted: int, replies: list[str], done: str) -> None:
    play = at_prdr_dot(accepted)
    for reply in replies[:-1]:
        play << reply
        assert (play.owed, play.last.settled, play.last.note) == ("DOT", False, "")
    play << replies[-1]
    assert (play.owed, play.here, play.machine.facts.done) == ("", C.SEND_MESSAGE, done)


def test_lmtp_without_a_353_has_no_reply_for_the_whole() -> None:
    play = lmtp() >> "MAIL FROM:<a@mail.test> PRDR\nRCPT TO:<b@c>\nRCPT TO:<d@e>" << "250 ok\n250 ok\n250 ok"
    play >> "DATA" << "354 go" >> "." << "250 ok" << "550 no"
    assert play.machine.facts.done == "partly (1 of 2)"


def test_a_353_that_nobody_asked_for_is_a_refusal() -> None:
    play = at_dot() << "353 each"
    assert (play.owed, play.machine.facts.done) == ("", "refused")
    assert "353" in play.last.note


def test_what_lmtp_and_prdr_have_said_is_kept_when_the_server_goes() -> None:
    for play in (at_dot(lmtp(), accepted=3), at_prdr_dot(3) << "353 each"):
        entry = play.machine.pending[0]
        play << "250 ok" << "421 bye"
        assert [reply.code for reply in entry.replies] == [250, 421]
        assert play.here is C.NONE
        assert play.machine.facts.done == "unknown"


@pytest.mark.parametrize(("code", "done"), [(421, "refused"), (521, "refused"), (221, "unknown")])
def test_a_goodbye_for_the_dot_is_its_verdict_unless_it_says_nothing(code: int, done: str) -> None:
    play = at_dot() << f"{code} bye"
    assert (play.here, play.machine.facts.done) == (C.NONE, done)
    play = at_rcpt() >> b"BDAT 2 LAST\r\nhi" << f"{code} bye"
    assert (play.here, play.machine.facts.done) == (C.NONE, done)


def test_a_loss_after_the_dot_leaves_the_outcome_unknown_and_earlier_ones_known() -> None:
    assert at_dot().apply(Closed(99.0, "lost")).machine.facts.done == "unknown"
    assert at_stream().apply(Closed(99.0, "lost")).machine.facts.done == ""
    assert (at_message() >> "NOOP").apply(Closed(99.0, "lost")).machine.facts.done == "accepted"
    assert (at_dot() >> "MAIL FROM:<b@mail.test>").apply(Closed(99.0, "lost")).machine.facts.done == "unknown"
    chunks = at_rcpt() >> b"BDAT 2\r\nhiBDAT 2 LAST\r\nho"
    assert chunks.apply(Closed(99.0, "lost")).machine.facts.done == "unknown"


# -- nothing pending


@pytest.mark.parametrize("reply", ["250 ok", "354 go", "550 no", "100 hm", "999 hm", "hello"])
@pytest.mark.parametrize("at", [greeted, connected, at_mail, at_rcpt, at_message])
def test_an_unasked_reply_is_named_and_changes_nothing(at: Callable[[], Playbook], reply: str) -> None:
    play = at()
    facts, moves, here = facts_of(play), len(play.machine.moves), play.here
    play << reply
    assert (changed(facts, play), len(play.machine.moves), play.here) == ({}, moves, here)
    assert (play.last.pending, play.last.settled) == (None, False)
    assert play.last.note
    assert play.machine.early is None


@pytest.mark.parametrize("code", [421, 521, 221])
@pytest.mark.parametrize("at", [greeted, connected, at_mail, at_rcpt, at_data, at_stream, at_message])
def test_an_unasked_goodbye_ends_the_session(at: Callable[[], Playbook], code: int) -> None:
    play = at() << f"{code} bye"
    assert play.here is C.NONE
    assert (play.last.pending, play.last.settled) == (None, False)
    assert "unasked" in play.last.note


# -- a reply before the dot


@pytest.mark.parametrize("at", [at_data, at_stream])
@pytest.mark.parametrize("reply", ["250 ok", "451 full", "552 too much", "354 go", "100 hm", "999 hm"])
def test_a_reply_before_the_dot_does_not_settle_it(at: Callable[[], Playbook], reply: str) -> None:
    play = at()
    here = play.here
    play << reply
    assert (play.here, play.last.early, play.last.settled, play.last.pending) == (here, True, False, None)
    assert "before the dot" in play.last.note
    assert play.machine.early == play.last.reply
    play >> b"\r\n.\r\n"
    assert play.owed == "DOT"
    play << "554 no"
    assert (play.here, play.machine.facts.done) == (C.SEND_MESSAGE, "refused")
    assert not play.machine.early


def test_the_early_reply_is_the_likely_outcome_of_a_dot_that_was_never_answered() -> None:
    play = (at_stream() << "552 too much" >> ".").apply(Closed(99.0, "lost"))
    assert play.machine.early is not None
    assert play.machine.early.code == 552
    assert play.machine.facts.done == "unknown"


def test_an_early_reply_belongs_to_one_message() -> None:
    play = at_stream() << "552 too much" >> "." << "552 too much"
    play = at_data(play)
    assert play.machine.early is None


# -- STARTTLS

INJECTED = [
    ([b"220 go\r\n250 mail.test\r\n"], b"250 mail.test\r\n"),
    ([b"220 go\r\n250 mail.t"], b"250 mail.t"),
    ([b"220 go\r\n2"], b"2"),
    ([b"220 go\r\n\n"], b"\n"),
    ([b"220 go\r\n", b"250 mail.test\r\n"], b"250 mail.test\r\n"),
    ([b"220 go\r\n250 a\r\n421 b\r\n250-c", b"\r\n250 d\r\n"], b"250 a\r\n421 b\r\n250-c\r\n250 d\r\n"),
    ([b"220-go\r\n220 go\r\n250-a\r\n250 b\r\n25"], b"250-a\r\n250 b\r\n25"),
]


@pytest.mark.parametrize(("reads", "injected"), INJECTED)
def test_octets_behind_the_220_are_set_aside_and_never_used(reads: list[bytes], injected: bytes) -> None:
    play = connected() >> "STARTTLS"
    before = len(play.answers)
    for data in reads:
        play << data
    assert play.machine.facts.injected == injected
    assert [answer.reply.code for answer in play.answers[before:]] == [220]
    assert (play.here, play.owed, play.machine.facts.securing) == (C.CONNECTED, "", True)
    play = play.secured() >> "EHLO me" << "250 only this"
    assert (play.machine.facts.injected, play.machine.held) == (b"", b"")
    assert play.last.reply.lines == ("only this",)


def test_without_injection_there_is_nothing_to_ask_about() -> None:
    assert at_handshake().machine.facts.injected == b""


@pytest.mark.parametrize("at", [greeted, connected, at_rcpt, at_message, login, lambda: connected(login=True)])
def test_a_handshake_takes_the_session_back_to_the_banner(at: Callable[[], Playbook]) -> None:
    play = at()
    source, moves, wanted = play.here, len(play.machine.moves), play.machine.facts.want_login
    play = at_handshake(play)
    assert (play.here, len(play.machine.moves)) == (source, moves)
    play = play.secured()
    facts = play.machine.facts
    assert trace(play.machine, moves) == f"{source.name} > CUSTOM > BANNER"
    assert (facts.tls, facts.hello, facts.ext, facts.auth, facts.txn, facts.done) == (True, "", {}, False, T.NONE, "")
    assert facts.want_login == wanted
    assert play.machine.passed[C.BANNER] == Mark(None, 1.0, "TLS"), "the handshake took from the 220 until now"
    assert play.machine.moves[-1].edges[-1] == "e25"


def test_a_refused_login_may_be_tried_again_in_tls() -> None:
    play = connected() >> "AUTH PLAIN AGEAYg==" << "535 no"
    assert play.machine.facts.auth_refused
    assert not at_handshake(play).secured().machine.facts.auth_refused


def test_the_recipients_of_the_last_message_are_remembered_until_the_next_mail() -> None:
    play = at_message()
    last = play.machine.facts.recipients
    play >> "RSET" << "250 ok"
    play >> "RSET" << "250 ok"
    assert [each.path for each in last] == ["r0@mail.test"]
    assert (play.machine.facts.recipients, play.machine.facts.past) == ((), last)
    play >> MAIL << "250 ok"
    assert play.machine.facts.past == ()


def test_a_failed_handshake_ends_the_session() -> None:
    play = at_handshake().apply(Closed(99.0, "the handshake failed"))
    assert (play.here, play.machine.facts.securing, play.machine.facts.tls) == (C.NONE, False, False)


def test_tls_from_the_first_octet_is_no_move() -> None:
    play = Playbook().secured().connect() << "220 hi"
    assert (play.machine.facts.tls, play.trace) == (True, "NONE > BANNER")


# -- capabilities


def test_capabilities_are_keywords_with_their_parameters() -> None:
    lines = ("mail.test hello", "SIZE 1000", "auth PLAIN", "AUTH=LOGIN PLAIN", "", "8BITMIME", "AUTH=")
    assert capabilities(lines) == {"SIZE": "1000", "AUTH": "PLAIN LOGIN", "8BITMIME": ""}
    assert capabilities(()) == {}


PATHS = [
    ("RCPT TO:<a@b>", "a@b"),
    ("rcpt to:<a@b> NOTIFY=NEVER", "a@b"),
    ("RCPT TO: <a@b>", "a@b"),
    ("RCPT TO:a@b", "a@b"),
    ("RCPT TO:<>", ""),
    ("RCPT", ""),
    ("RCPT TO:<a@b", "a@b"),
    ("RCPT TO:<\xe9@b>", "\xe9@b"),
]


@pytest.mark.parametrize(("line", "path"), PATHS)
def test_a_recipient_is_known_by_its_path(line: str, path: str) -> None:
    play = at_mail() >> line << "250 ok"
    (recipient,) = play.machine.facts.recipients
    assert recipient[:2] == (path, 250)
    assert (recipient.seconds, recipient.final) == (1.0, None)
    assert recipient.reply is play.last.reply
    assert play.machine.copy().facts.recipients[0] is recipient, "thousands of them need not be copied"


def test_a_recipient_has_what_its_rcpt_asked_for() -> None:
    play = at_mail() >> "RCPT TO:<a@b>  NOTIFY=NEVER ORCPT=rfc822;a@b " << "550 5.1.1 no"
    (recipient,) = play.machine.facts.recipients
    assert (recipient.parameters, recipient.accepted) == ("NOTIFY=NEVER ORCPT=rfc822;a@b", False)


FINALS = [
    (at_dot(lmtp(), accepted=3), ["250 a", "550 b", "450 c"], [250, 550, 450], None),
    (at_dot(lmtp(), accepted=3), ["250 a", "550 b"], [250, 550, None], None),
    (at_prdr_dot(2), ["353 each", "250 a", "450 b", "250 all"], [250, 450], 250),
    (at_prdr_dot(2), ["353 each", "250 a"], [250, None], None),
    (at_prdr_dot(2), ["250 all"], [250, 250], 250),
    (at_dot(accepted=2), ["550 no"], [550, 550], 550),
]


@pytest.mark.parametrize(("play", "replies", "finals", "whole"), FINALS)
def test_what_became_of_each_recipient(
    play: Playbook, replies: list[str], finals: list[int | None], whole: int | None
) -> None:
    for reply in replies:
        play << reply
    facts = play.machine.facts
    assert [each.final and each.final.code for each in facts.recipients] == finals
    assert (facts.verdict and facts.verdict.code) == whole
    assert all(each.final_seconds >= 1.0 for each in facts.recipients if each.final)


def test_a_refused_recipient_gets_no_verdict() -> None:
    play = at_mail(lmtp()) >> "RCPT TO:<a@b>" << "550 no" >> "RCPT TO:<c@d>" << "250 ok"
    play >> "DATA" << "354 go" >> "." << "250 queued"
    assert [each.final and each.final.code for each in play.machine.facts.recipients] == [None, 250]


def test_the_last_recipients_are_known_until_the_next_mail() -> None:
    play = at_message() >> "RSET" << "250 ok"
    facts = play.machine.facts
    assert ([each.path for each in facts.past], facts.recipients) == (["r0@mail.test"], ())
    play >> "MAIL FROM:<>" << "550 no"
    assert [each.path for each in facts.past] == ["r0@mail.test"]
    play >> "MAIL FROM:<>" << "250 ok"
    assert (facts.past, facts.verdict) == ((), None)


def test_a_read_may_hold_several_replies() -> None:
    play = connected() >> f"{MAIL}\nRCPT TO:<a@b>\nRCPT TO:<c@d>\nDATA"
    play.apply(Received(9.0, b"250 ok\r\n250 ok\r\n550 no\r\n354 go\r\n"))
    assert (play.here, play.owed, play.machine.facts.ok, play.machine.facts.bad) == (C.DATA, "", 1, 1)
