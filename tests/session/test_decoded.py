"""What the base64 of a login says, beneath it: everything but the secrets."""

from __future__ import annotations

import base64

import pytest

from session.wire_events import view_of
from smtpscope.session.log import Log
from smtpscope.session.rows import Kind
from smtpscope.smtp.events import Event, Link, LinkStatus, Opened, Received, Sent

GREETED: list[Event] = [
    Opened(0.0, "mail.test", 25),
    Link(0.0, LinkStatus.CONNECTED, "connected"),
    Received(0.0, b"220 hi\r\n"),
    Sent(1.0, b"EHLO me\r\n"),
    Received(1.0, b"250-hi\r\n250 AUTH PLAIN LOGIN CRAM-MD5\r\n"),
]


def b64(data: bytes) -> bytes:
    return base64.b64encode(data)


def asked(text: bytes) -> Received:
    return Received(2.0, b"334 " + b64(text) + b"\r\n")


def said(line: bytes, secret: bytes = b"") -> Sent:
    start = line.find(secret)
    return Sent(2.0, line + b"\r\n", secrets=((start, start + len(secret)),) if secret else ())


def rows(*events: Event) -> list[str]:
    log = view_of([*GREETED, *events]).log
    return ["".join(text for text, _ in log.spans(row)) for row in log.shown][6:]


def test_plain_shows_who_and_not_the_password() -> None:
    token = b64(b"\0alice\0wonderland")
    assert rows(said(b"AUTH PLAIN " + token, token)) == ["AUTH PLAIN [hidden]", "= \\0alice\\0[hidden]"]


def test_login_shows_the_questions_and_the_name() -> None:
    password = b64(b"wonderland")
    assert rows(
        said(b"AUTH LOGIN"), asked(b"Username:"), said(b64(b"alice")), asked(b"Password:"), said(password, password)
    ) == [
        "AUTH LOGIN",
        "334 VXNlcm5hbWU6",
        "= Username:",
        "YWxpY2U=",
        "= alice",
        "334 UGFzc3dvcmQ6",
        "= Password:",
        "[hidden]",
        "= [hidden]",
    ]


def test_cram_md5_shows_challenge_and_name() -> None:
    answer = b64(b"alice " + b"0123456789abcdef" * 2)
    assert rows(said(b"AUTH CRAM-MD5"), asked(b"<1.2@mail.test>"), said(answer, answer))[1:] == [
        "334 PDEuMkBtYWlsLnRlc3Q+",
        "= <1.2@mail.test>",
        "[hidden]",
        "= alice [hidden]",
    ]


def test_scram_shows_all_but_the_proof() -> None:
    first, final = b64(b"n,,n=alice,r=nonce"), b64(b"c=biws,r=nonceserver,p=cHJvb2Y=")
    shown = rows(
        said(b"AUTH SCRAM-SHA-256 " + first, first),
        asked(b"r=nonceserver,s=c2FsdA==,i=4096"),
        said(final, final),
    )
    assert [row for row in shown if row.startswith("=")] == [
        "= n,,n=alice,r=nonce",
        "= r=nonceserver,s=c2FsdA==,i=4096",
        "= c=biws,r=nonceserver,p=[hidden]",
    ]


def test_a_bearer_token_is_hidden_and_its_user_is_not() -> None:
    token = b64(b"user=alice@example.org\x01auth=Bearer secret-token\x01\x01")
    assert (
        rows(said(b"AUTH XOAUTH2 " + token, token))[1] == "= user=alice@example.org\\x01auth=Bearer [hidden]\\x01\\x01"
    )


@pytest.mark.parametrize("mechanism", [b"LOGIN", b"X-OTHER", b"CRAM-MD5", b"SCRAM-SHA-1", b"PLAIN"])
def test_a_secret_in_another_form_is_hidden_whole(mechanism: bytes) -> None:
    token = b64(b"hunter2\0wonderland!")
    assert rows(said(b"AUTH " + mechanism + b" " + token, token))[1:] == ["= [hidden]"]


def test_a_password_that_the_server_says_back_in_base64_is_hidden() -> None:
    token = b64(b"\0alice\0wonderland")
    shown = rows(said(b"AUTH PLAIN " + token, token), asked(b"is it wonderland?"))
    assert shown[-1] == "= is it [hidden]?"
    assert "wonderland" not in "".join(shown)


def test_what_is_no_base64_or_answers_nothing_has_no_row() -> None:
    assert rows(said(b"AUTH LOGIN"), Received(2.0, b"334 what?\r\n"), said(b"*")) == ["AUTH LOGIN", "334 what?", "*"]
    assert rows(said(b"AUTH PLAIN ="), Received(2.0, b"334 \r\n")) == ["AUTH PLAIN =", "334 "]
    assert rows(said(b"NOOP YWxpY2U="), Received(2.0, b"250 YWxpY2U=\r\n")) == ["NOOP YWxpY2U=", "250 YWxpY2U="]


def test_the_secret_of_a_kept_session_is_not_made_up() -> None:
    assert rows(said(b"AUTH PLAIN ********", b"********")) == ["AUTH PLAIN [hidden]"]


def test_it_folds_away_and_comes_back() -> None:
    token = b64(b"\0alice\0wonderland")
    log: Log = view_of([*GREETED, said(b"AUTH PLAIN " + token, token), Received(2.0, b"235 ok\r\n")]).log
    head = len(log.shown) - 3
    assert [log.kind[row] for row in log.shown[head:]] == [Kind.SENT, Kind.DECODED, Kind.RECEIVED]
    log.toggle(head, False)
    assert [log.kind[row] for row in log.shown[head:]] == [Kind.SENT, Kind.RECEIVED]
    assert log.place(log.groups[log.shown[head]].rows[0]) == head + 1
    assert log.groups[log.shown[head]].open
