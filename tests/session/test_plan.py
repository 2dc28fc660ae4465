"""The next step and the filled lines: what space does in every state, and what a verb's key writes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

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
)
from smtpscope.profile import Profile
from smtpscope.secret import Secret
from smtpscope.session.plan import filled, lies_ahead, mechanism, next_step, wants_tls
from smtpscope.smtp.command import SMTPCommand
from smtpscope.smtp.events import Closed, Connect, Issued, Link, LinkStatus, StartTls, Step

C = SMTPCommand

PLAIN = Profile("mail.test", 25, mail_from="a@me.test", rcpt_to=("r0@mail.test", "r1@mail.test"))
LOGIN = replace(PLAIN, login_wanted=True, user="alice", password=Secret("wonderland"))
TLS = replace(PLAIN, tls="starttls")
CLEAR = "250-mail.test\n250 AUTH PLAIN LOGIN"
"""No STARTTLS on offer."""


def logging_in(offer: str = EHLO) -> Playbook:
    return connected(offer, login=True)


def logged_in(offer: str = CLEAR) -> Playbook:
    return logging_in(offer) >> "AUTH PLAIN AA==" << "235 ok"


STATES: dict[str, tuple[Callable[[], Playbook], Profile, Step | None, str]] = {
    # NONE
    "not connected": (Playbook, PLAIN, Connect(), "connect to mail.test:25"),
    "practising": (Playbook, Profile("127.0.0.1", 0, demo=True), Connect(), "connect to the practice server"),
    "closed": (lambda: at_mail().apply(Closed(9.0, "dropped")), PLAIN, Connect(), "connect to mail.test:25"),
    "after QUIT": (lambda: connected() >> "QUIT" << "221 Bye", PLAIN, Connect(), "connect to mail.test:25"),
    "after 421": (lambda: at_mail() << "421 enough", PLAIN, Connect(), "connect to mail.test:25"),
    "finding host": (
        lambda: Playbook().apply(Link(1.0, LinkStatus.FINDINGHOST)), PLAIN, None, "waiting for the connection"
    ),
    "connecting": (
        lambda: Playbook().apply(Link(1.0, LinkStatus.CONNECTING)), PLAIN, None, "waiting for the connection"
    ),
    "securing": (
        lambda: Playbook().apply(Link(1.0, LinkStatus.SECURING)), PLAIN, None, "waiting for the connection"
    ),
    "no greeting yet": (lambda: Playbook().connect(), PLAIN, None, "waiting for the greeting"),
    # BANNER
    "banner": (greeted, PLAIN, C.EHLO, "EHLO me.test"),
    "greeting refused": (lambda: Playbook().connect() << "554 no", PLAIN, C.QUIT, "QUIT"),
    "greeting refused for now": (lambda: Playbook().connect() << "450 no", PLAIN, C.QUIT, "QUIT"),
    "EHLO refused 500": (lambda: greeted() >> "EHLO me" << "500 no", PLAIN, C.HELO, "HELO me.test"),
    "EHLO refused 502": (lambda: greeted() >> "EHLO me" << "502 no", PLAIN, C.HELO, "HELO me.test"),
    "EHLO refused 504": (lambda: greeted() >> "EHLO me" << "504 no", PLAIN, C.HELO, "HELO me.test"),
    "EHLO refused 550": (lambda: greeted() >> "EHLO me" << "550 no", PLAIN, C.HELO, "HELO me.test"),
    "EHLO refused 451": (
        lambda: greeted() >> "EHLO me" << "451 no", PLAIN, None, "EHLO was refused: e with another name, h HELO, q QUIT"
    ),
    "EHLO refused 501": (
        lambda: greeted() >> "EHLO me" << "501 no", PLAIN, None, "EHLO was refused: e with another name, h HELO, q QUIT"
    ),
    "EHLO refused later": (
        lambda: connected() >> "EHLO me" << "502 no", PLAIN, None,
        "EHLO was refused: e with another name, h HELO, q QUIT",
    ),
    "HELO refused": (
        lambda: greeted() >> "HELO me" << "550 no", PLAIN, None, "HELO was refused: h with another name, q QUIT"
    ),
    "HELO accepted": (lambda: connected("250 hi", hello="HELO"), PLAIN, C.MAIL, "MAIL FROM:<a@me.test>"),
    "after the handshake": (lambda: at_handshake().secured(), TLS, C.EHLO, "EHLO me.test"),
    # STARTTLS
    "STARTTLS offered, not wanted": (connected, PLAIN, C.MAIL, "MAIL FROM:<a@me.test>"),
    "STARTTLS offered and wanted": (connected, TLS, StartTls(), "STARTTLS"),
    "STARTTLS offered, credentials": (logging_in, LOGIN, StartTls(), "STARTTLS"),
    "STARTTLS wanted, not offered": (
        lambda: connected(CLEAR), TLS, None,
        "STARTTLS is not offered: t sends it anyway, m MAIL in clear, q QUIT",
    ),
    "STARTTLS refused": (
        lambda: connected() >> "STARTTLS" << "454 no", TLS, None,
        "the last command was refused: choose what comes next, or q QUIT",
    ),
    "STARTTLS not offered, -tlso": (
        lambda: connected(CLEAR), replace(TLS, tls_optional="any"), C.MAIL, "MAIL FROM:<a@me.test>"
    ),
    "STARTTLS not offered, -tlsos": (
        lambda: connected(CLEAR), replace(TLS, tls_optional="strict"), C.MAIL, "MAIL FROM:<a@me.test>"
    ),
    "STARTTLS refused, -tlso": (
        lambda: connected() >> "STARTTLS" << "454 no", replace(TLS, tls_optional="any"), C.MAIL, "MAIL FROM:<a@me.test>"
    ),
    "STARTTLS refused, -tlsos": (
        lambda: connected() >> "STARTTLS" << "454 no", replace(TLS, tls_optional="strict"), None,
        "the last command was refused: choose what comes next, or q QUIT",
    ),
    "handshake": (at_handshake, TLS, None, "the TLS handshake is running"),
    # AUTH
    "AUTH in TLS": (lambda: in_tls(greeted(login=True) >> "EHLO me" << EHLO), LOGIN, C.AUTH, "AUTH PLAIN"),
    "AUTH, no STARTTLS on offer": (lambda: logging_in(CLEAR), LOGIN, C.AUTH, "AUTH PLAIN"),
    "AUTH, the best first": (
        lambda: logging_in("250-hi\n250 AUTH LOGIN PLAIN CRAM-MD5"), LOGIN, C.AUTH, "AUTH CRAM-MD5"
    ),
    "AUTH, as asked for": (
        lambda: logging_in("250-hi\n250 AUTH LOGIN PLAIN CRAM-MD5"), replace(LOGIN, auth=("LOGIN",)), C.AUTH,
        "AUTH LOGIN",
    ),
    "AUTH, not the one asked for": (
        lambda: logging_in(CLEAR), replace(LOGIN, auth=("CRAM-MD5",)), None,
        "only AUTH PLAIN LOGIN is offered: a sends it anyway, m MAIL without login, q QUIT",
    ),
    "AUTH not offered": (
        lambda: logging_in("250 hi"), LOGIN, None,
        "AUTH is not offered: a sends it anyway, m MAIL without login, q QUIT",
    ),
    "AUTH refused": (
        lambda: logging_in(CLEAR) >> "AUTH PLAIN AA==" << "535 no", LOGIN, None,
        "AUTH was refused: a again, m MAIL without login, q QUIT",
    ),
    "AUTH refused for now": (
        lambda: logging_in(CLEAR) >> "AUTH PLAIN AA==" << "454 later", LOGIN, None,
        "AUTH was refused for now: a again, m MAIL without login, q QUIT",
    ),
    "AUTH cancelled": (
        lambda: logging_in(CLEAR) >> "AUTH PLAIN" << "334 " >> "*" << "501 cancelled", LOGIN, None,
        "AUTH was cancelled: a again, m MAIL without login, q QUIT",
    ),
    "AUTH cancelled, then refused": (
        lambda: logging_in(CLEAR) >> "AUTH PLAIN" << "334 " >> "*" << "501 cancelled" >> "AUTH PLAIN AA==" << "535 no",
        LOGIN, None, "AUTH was refused: a again, m MAIL without login, q QUIT",
    ),
    "AUTH inside a transaction": (
        lambda: at_rcpt() >> "AUTH PLAIN AA==" << "503 no", LOGIN, None,
        "AUTH was refused inside a transaction: x RSET, then a; r RCPT, q QUIT",
    ),
    "AUTH before EHLO": (lambda: greeted() >> "AUTH PLAIN AA==" << "503 no", LOGIN, C.EHLO, "EHLO me.test"),
    "AUTH again in a transaction of who is logged in": (
        lambda: logged_in() >> "MAIL FROM:<a@me.test>" << "250 ok" >> "AUTH PLAIN AA==" << "503 no", LOGIN,
        C.RCPT, "RCPT TO:<r0@mail.test>",
    ),
    "AUTH refused, then NOOP": (
        lambda: logging_in(CLEAR) >> "AUTH PLAIN AA==" << "535 no" >> "NOOP" << "250 ok", LOGIN, C.MAIL,
        "MAIL FROM:<a@me.test>",
    ),
    "challenge": (
        lambda: logging_in(CLEAR) >> "AUTH PLAIN" << "334 ", LOGIN, None,
        "the server waits for a response: type it, or * to cancel",
    ),
    "AUTH again, refused": (
        lambda: logged_in() >> "AUTH PLAIN AA==" << "503 no", LOGIN, C.MAIL, "MAIL FROM:<a@me.test>",
    ),
    "logged in": (logged_in, LOGIN, C.MAIL, "MAIL FROM:<a@me.test>"),
    # the transaction
    "MAIL owed": (lambda: connected() >> "MAIL FROM:<a@me.test>", PLAIN, None, "waiting for MAIL"),
    "MAIL refused": (
        lambda: connected() >> "MAIL FROM:<a@me.test>" << "550 no", PLAIN, None,
        "MAIL was refused: m again, a AUTH, x RSET, q QUIT",
    ),
    "MAIL accepted": (at_mail, PLAIN, C.RCPT, "RCPT TO:<r0@mail.test>"),
    "one RCPT accepted": (at_rcpt, PLAIN, C.RCPT, "RCPT TO:<r1@mail.test>"),
    "one RCPT refused": (
        lambda: at_mail() >> "RCPT TO:<r0@mail.test>" << "550 no", PLAIN, C.RCPT, "RCPT TO:<r1@mail.test>"
    ),
    "all RCPT accepted": (lambda: at_rcpt(accepted=2), PLAIN, C.DATA, "DATA"),
    "last RCPT refused": (
        lambda: at_rcpt() >> "RCPT TO:<r1@mail.test>" << "550 no", PLAIN, C.DATA, "DATA"
    ),
    "all RCPT refused": (
        lambda: at_mail() >> "RCPT TO:<r0@mail.test>" << "550 no" >> "RCPT TO:<r1@mail.test>" << "450 no",
        PLAIN, C.RSET, "RSET: no recipient was accepted",
    ),
    "another RCPT by hand": (
        lambda: at_mail() >> "RCPT TO:<x@mail.test>" << "250 ok", PLAIN, C.RCPT, "RCPT TO:<r0@mail.test>"
    ),
    "the same recipient twice": (
        at_rcpt, replace(PLAIN, rcpt_to=("r0@mail.test", "r0@mail.test")), C.RCPT, "RCPT TO:<r0@mail.test>"
    ),
    "RSET refused": (
        lambda: at_rcpt() >> "RSET" << "500 no", PLAIN, None, "RSET was refused: choose what comes next, or q QUIT"
    ),
    "RSET accepted": (lambda: at_rcpt() >> "RSET" << "250 ok", PLAIN, C.MAIL, "MAIL FROM:<a@me.test>"),
    "DATA refused": (
        lambda: at_rcpt() >> "DATA" << "451 no", PLAIN, None, "DATA was refused: r RCPT, x RSET, q QUIT"
    ),
    "DATA refused without recipients": (
        lambda: at_mail() >> "DATA" << "503 no", PLAIN, None, "DATA was refused: r RCPT, x RSET, q QUIT"
    ),
    "VRFY refused": (
        lambda: at_rcpt() >> "VRFY x" << "550 no", PLAIN, None,
        "the last command was refused: choose what comes next, or q QUIT",
    ),
    "354": (at_data, PLAIN, C.SEND_STREAM, "send the message text, dot held"),
    "text out": (at_stream, PLAIN, C.DOT, "the dot"),
    "dot owed": (at_dot, PLAIN, None, "waiting for DOT"),
    "message accepted": (at_message, PLAIN, C.QUIT, "QUIT"),
    "message refused": (lambda: at_dot() << "554 no", PLAIN, C.QUIT, "QUIT"),
    "BDAT begun": (at_chunk, PLAIN, None, "a BDAT transaction: send the next chunk, x RSET, q QUIT"),
    "BDAT refused": (
        lambda: at_broken() >> "NOOP" << "250 ok", PLAIN, None,
        "a BDAT transaction: send the next chunk, x RSET, q QUIT",
    ),
    "QUIT owed": (lambda: connected() >> "QUIT", PLAIN, None, "waiting for QUIT"),
}  # fmt: skip


@pytest.mark.parametrize("state", STATES)
def test_the_next_step_in_each_state(state: str) -> None:
    play, profile, step, label = STATES[state]
    found = next_step(play().machine, profile, "me.test")
    assert (found.step, found.label) == (step, label)
    assert found.cursor is None


@pytest.mark.parametrize("state", [state for state, row in STATES.items() if isinstance(row[2], C)])
def test_the_line_of_a_step_is_what_its_label_says(state: str) -> None:
    play, profile, step, label = STATES[state]
    line = next_step(play().machine, profile, "me.test").line
    assert line == {C.SEND_STREAM: ": stream", C.DOT: ".", C.RSET: "RSET"}.get(step, label)  # type: ignore[arg-type]


def test_every_state_in_which_one_can_rest_is_in_the_table() -> None:
    rest = {play().here for play, *_ in STATES.values()}
    assert rest == {C.NONE, C.BANNER, C.EHLO, C.CONNECTED, C.MAIL, C.RCPT, C.DATA, C.SEND_STREAM, C.SEND_MESSAGE}


def test_a_login_is_never_tried_twice_by_itself() -> None:
    """Neither after EHLO anew, nor behind TLS, nor after a transaction (lock-outs)."""
    refused = logging_in() >> "AUTH PLAIN AA==" << "535 no"
    for play in (refused >> "EHLO me" << CLEAR, refused >> "RSET" << "250 ok"):
        assert next_step(play.machine, LOGIN, "me.test").step is C.MAIL


@pytest.mark.parametrize(
    ("play", "given", "line", "cursor"),
    [
        (connected, {"mail_from": None}, "MAIL FROM:<>", 11),
        (connected, {"mail_from": ""}, "MAIL FROM:<>", None),
        (at_mail, {"rcpt_to": ()}, "RCPT TO:<>", 9),
    ],
    ids=["no reverse-path given", "the null reverse-path", "no forward-path given"],
)
def test_where_an_argument_is_missing_the_cursor_stands_in_its_place(
    play: Callable[[], Playbook], given: dict[str, Any], line: str, cursor: int | None
) -> None:
    found = next_step(play().machine, replace(PLAIN, **given), "me.test")
    assert (found.line, found.cursor) == (line, cursor)


def test_with_a_recipient_by_hand_and_none_given_data_is_next() -> None:
    assert next_step(at_rcpt().machine, replace(PLAIN, rcpt_to=()), "me.test").step is C.DATA


FILLED: dict[str, tuple[Callable[[], Playbook], dict[str, Any], str, str, int | None]] = {
    "EHLO": (greeted, {}, "EHLO", "EHLO me.test", None),
    "HELO": (greeted, {}, "HELO", "HELO me.test", None),
    "STARTTLS": (connected, {}, "STARTTLS", "STARTTLS", None),
    "AUTH offered": (lambda: connected(CLEAR), {}, "AUTH", "AUTH PLAIN", None),
    "AUTH not offered": (greeted, {}, "AUTH", "AUTH PLAIN", None),
    "AUTH asked for": (greeted, {"auth": ("CRAM-MD5", "LOGIN")}, "AUTH", "AUTH CRAM-MD5", None),
    "MAIL": (connected, {}, "MAIL", "MAIL FROM:<a@me.test>", None),
    "MAIL, nothing given": (connected, {"mail_from": None}, "MAIL", "MAIL FROM:<>", 11),
    "MAIL, null": (connected, {"mail_from": ""}, "MAIL", "MAIL FROM:<>", None),
    "RCPT": (at_mail, {}, "RCPT", "RCPT TO:<r0@mail.test>", None),
    "RCPT, the second": (at_rcpt, {}, "RCPT", "RCPT TO:<r1@mail.test>", None),
    "RCPT, all sent": (lambda: at_rcpt(accepted=2), {}, "RCPT", "RCPT TO:<r1@mail.test>", None),
    "RCPT, nothing given": (at_mail, {"rcpt_to": ()}, "RCPT", "RCPT TO:<>", 9),
    "RCPT, next message": (at_message, {}, "RCPT", "RCPT TO:<r0@mail.test>", None),
    "VRFY": (connected, {}, "VRFY", "VRFY r0@mail.test", None),
    "VRFY, nothing given": (connected, {"rcpt_to": ()}, "VRFY", "VRFY ", None),
    "EXPN": (connected, {}, "EXPN", "EXPN r0@mail.test", None),
    "DATA": (at_rcpt, {}, "DATA", "DATA", None),
    "DOT": (at_stream, {}, "DOT", ".", None),
    "RSET": (at_mail, {}, "RSET", "RSET", None),
    "NOOP": (at_mail, {}, "NOOP", "NOOP", None),
    "BDAT": (at_rcpt, {}, "BDAT", "BDAT 0 LAST", 5),
    "QUIT": (at_mail, {}, "QUIT", "QUIT", None),
}


@pytest.mark.parametrize("name", FILLED)
def test_what_a_verbs_key_fills(name: str) -> None:
    play, given, verb, line, cursor = FILLED[name]
    found = filled(verb, play().machine, replace(PLAIN, **given), "me.test")
    assert (found.line, found.cursor) == (line, cursor)


def test_when_tls_is_on_the_way() -> None:
    assert [wants_tls(each) for each in (PLAIN, TLS, LOGIN, replace(PLAIN, auto="tls"))] == [False, True, True, True]


def test_no_mechanism_that_was_not_asked_for_or_is_not_offered() -> None:
    facts = connected("250-hi\n250 AUTH plain XOAUTH2").machine.facts
    assert mechanism(facts, LOGIN) == "PLAIN"
    assert mechanism(facts, replace(LOGIN, auth=("LOGIN",))) is None
    assert mechanism(connected("250 hi").machine.facts, LOGIN) is None


def test_what_lies_ahead() -> None:
    road = [
        C.NONE,
        C.BANNER,
        C.EHLO,
        C.AUTH,
        C.CONNECTED,
        C.MAIL,
        C.RCPT,
        C.DATA,
        C.SEND_STREAM,
        C.DOT,
        C.SEND_MESSAGE,
        C.QUIT,
    ]
    for at, here in enumerate(road):
        ahead = {node for node in C if lies_ahead(here, None, node)}
        assert ahead == {*road[at + 1 :], *([C.NONE] if here is not C.NONE else [])}
    assert lies_ahead(C.CONNECTED, StartTls(), C.AUTH)
    assert not lies_ahead(C.CONNECTED, StartTls(), C.HELO)


def test_a_login_that_is_under_way_is_waited_for() -> None:
    play = logging_in(CLEAR).apply(Issued(9.0, C.AUTH, "AUTH PLAIN", "alice")) >> "AUTH PLAIN AA=="
    assert next_step(play.machine, LOGIN, "me.test").label == "waiting for AUTH"
