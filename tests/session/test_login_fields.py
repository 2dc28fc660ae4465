"""Each step of a login is told field by field, on both sides, and no secret is among what is shown."""

from __future__ import annotations

import base64
import json

import pytest

from session.wire_events import view_of
from smtpscope.session.log import Kind, Log
from smtpscope.session.login_fields import login_fields, login_lines
from smtpscope.session.redact import Redactor
from smtpscope.smtp.events import Event, Link, LinkStatus, Opened, Received, Sent

OPENED: list[Event] = [
    Opened(0.0, "mail.test", 25),
    Link(0.0, LinkStatus.CONNECTED, "connected"),
    Received(0.0, b"220 hi\r\n"),
]


def b64(data: bytes) -> bytes:
    return base64.b64encode(data)


def exchange(line: bytes, *steps: bytes) -> Log:
    """A login of our steps and the server's, in turn, as our side marks its secrets."""
    events, server = [*OPENED, _sent(line)], True
    for step in steps:
        events.append(Received(1.0, b"334 " + b64(step) + b"\r\n") if server else _sent(b64(step)))
        server = not server
    return view_of([*events, Received(1.0, b"235 2.7.0 welcome\r\n")]).log


def _sent(line: bytes) -> Sent:
    start = line.rfind(b" ") + 1
    command = line.startswith(b"AUTH ")
    hidden = ((start, len(line)),) if not command or line.count(b" ") == 2 else ()
    return Sent(1.0, line + b"\r\n", secrets=hidden)


def shown(log: Log, kind: Kind = Kind.SENT) -> list[list[str]]:
    """The lines of every step of one side."""
    rows = [row for row in log.shown if log.kind[row] == kind]
    lines = [[_text(line) for line in login_lines(log, row, Redactor())] for row in rows]
    return [each for each in lines if each]


def _text(line: list[tuple[str, str]]) -> str:
    return " ".join("".join(text for text, _ in line).split())


def test_plain_in_one_step() -> None:
    log = exchange(b"AUTH PLAIN " + b64(b"bob\0alice\0wonderland"))
    assert shown(log) == [
        [
            "! The login of alice asks to act as bob (authzid).",
            "authzid bob",
            "user alice",
            "password [hidden]",
        ]
    ]
    assert shown(log, Kind.DECODED) == shown(log)


def test_login_is_told_by_what_was_asked() -> None:
    log = exchange(b"AUTH LOGIN", b"Username:", b"alice", b"Password:", b"wonderland")
    assert shown(log) == [["user alice"], ["password [hidden]"]]
    assert shown(log, Kind.RECEIVED) == [["challenge Username:"], ["challenge Password:"]]


def test_scram_on_both_sides() -> None:
    log = exchange(
        b"AUTH SCRAM-SHA-256 " + b64(b"y,,n=alice,r=abc"),
        b"r=abcdef,s=c2FsdA==,i=4096",
        b"c=eSws,r=abcdef,p=cHJvb2Y=",
        b"v=c2lnbmVk",
    )
    unbound = "channel binding we could, the server does not offer it"
    assert shown(log) == [[unbound, "user alice", "nonce abc"], [unbound, "nonce abcdef", "proof [hidden]"]]
    assert shown(log, Kind.RECEIVED) == [
        ["nonce abcdef", "salt c2FsdA==", "iterations 4096"],
        ["signature [hidden]"],
    ]


def test_a_refused_token_on_both_sides() -> None:
    claims = {"iss": "https://id.test", "exp": 1_700_000_000}
    parts = (base64.urlsafe_b64encode(json.dumps(each).encode()).rstrip(b"=") for each in ({"alg": "RS256"}, claims))
    word = b".".join((*parts, b"c2ln"))
    error = b'{"status":"invalid_token","scope":"mail"}'
    log = exchange(
        b"AUTH OAUTHBEARER " + b64(b"n,a=alice,\x01host=h\x01port=587\x01auth=Bearer " + word + b"\x01\x01"),
        error,
        b"\x01",
    )
    first, last = shown(log)
    assert first[:5] == ["user alice", "host h", "port 587", "scheme Bearer", "token [hidden]"]
    assert first[5:] == ["claim exp: 1700000000 (2023-11-14 22:13:20 UTC)", "claim iss: https://id.test"]
    assert last == ["acknowledged the error"]
    assert shown(log, Kind.RECEIVED) == [
        [
            "! The server does not accept the token: expired, revoked, malformed, or not made for it (invalid_token).",
            "try: a new token: most are good for an hour",
            "or: a token of the scope mail",
            "or: the user name that the token was made for, a whole mail address mostly",
            "error status: invalid_token",
            "error scope: mail",
        ]
    ]
    row = next(row for row in log.shown if login_fields(log, row))
    assert b"expired" in login_fields(log, row, now=1_800_000_000)[5].value


@pytest.mark.parametrize("payload", [b"\x1b[2J", "\u202e".encode(), b"\xff[red]"])
def test_what_a_server_says_cannot_draw(payload: bytes) -> None:
    log = exchange(b"AUTH XOAUTH2 eA==", json.dumps({"status": payload.decode("latin-1")}).encode())
    log2 = exchange(b"AUTH LOGIN", payload)
    for each in (log, log2):
        text = "".join(line for lines in shown(each, Kind.RECEIVED) for line in lines)
        assert text
        assert text.isprintable()


def test_what_the_server_says_back_is_hidden() -> None:
    log = exchange(b"AUTH LOGIN", b"is it wonderland?")
    redactor = Redactor()
    redactor.learn(Sent(0.0, b"wonderland", secrets=((0, 10),)))
    (row,) = (row for row in log.shown if log.kind[row] == Kind.RECEIVED and login_fields(log, row))
    assert _text(login_lines(log, row, redactor)[0]) == "challenge is it [hidden]?"


def test_other_rows_have_no_fields() -> None:
    log = exchange(b"AUTH PLAIN ************")
    assert [row for row in range(len(log)) if login_fields(log, row)] == []  # of a kept session
    log = view_of([*OPENED, Sent(1.0, b"NOOP YWxpY2U=\r\n"), Received(1.0, b"334 YWxpY2U=\r\n")]).log
    assert [row for row in range(len(log)) if login_fields(log, row)] == []
    assert login_fields(log, -1) == login_fields(log, 10**6) == []
