"""Why a login was refused, as its steps tell: in words beside the reply, and never with a secret among them."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from session.test_login_fields import OPENED, b64
from session.wire_events import view_of
from smtpscope.secret import Secret
from smtpscope.session.log import Log
from smtpscope.session.login_fields import login_lines
from smtpscope.session.token_words import token_words
from smtpscope.smtp.events import Event, Opened, Received, Sent

NOW = 1_800_000_000.0
GOOGLE = b'{"status":"400","schemes":"Bearer","scope":"https://mail.google.com/"}'
RFC_7628 = b'{"status":"invalid_token","scope":"mail","openid-configuration":"https://id.test/.well-known/openid"}'


def jwt(claims: dict[str, Any]) -> bytes:
    parts = (json.dumps(each).encode() for each in ({"alg": "RS256"}, claims))
    return b".".join((*(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts), b"c2lnbmF0dXJl"))


def log_of(*lines: bytes, server: str = "mail.test") -> Log:
    """A login; lines of digits are the server's."""
    events: list[Event] = [Opened(0.0, server, 587, wall=NOW), *OPENED[1:]]
    for line in lines:
        if line[:3].isdigit():
            events.append(Received(1.0, line + b"\r\n"))
        else:
            start = line.rfind(b" ") + 1
            secrets = ((start, len(line)),) if start or not line.startswith(b"AUTH") else ()
            events.append(Sent(1.0, line + b"\r\n", secrets=secrets if line else ()))
    return view_of(events).log


def why(log: Log, octets: bytes) -> list[str]:
    """What stands beside the row with these octets."""
    row = next(row for row in range(len(log)) if octets in log.octets(row))
    opened = log.recorder[0]
    assert isinstance(opened, Opened)
    return ["".join(text for text, _ in line) for line in login_lines(log, row, log.redactor, opened)]


def xoauth2(token: bytes, user: bytes = b"alice@mail.test") -> bytes:
    return b"AUTH XOAUTH2 " + b64(b"user=" + user + b"\x01auth=Bearer " + token + b"\x01\x01")


def test_a_refused_token_is_explained_at_the_334_and_at_the_535() -> None:
    claims = {"exp": NOW - 3 * 3600, "upn": "bob@mail.test", "scope": "mail.read"}
    log = log_of(xoauth2(jwt(claims)), b"334 " + b64(GOOGLE), b"", b"535 5.7.8 no")
    error = [
        "! The server could not use the token: expired, malformed, of another user or scope (400).",
        "   try: a new token: most are good for an hour",
        "    or: a token of the scope https://mail.google.com/, which this one has not",
        "    or: the user name that the token was made for, a whole mail address mostly",
    ]
    ours = [
        "! The token expired 3 hours ago, 2027-01-15 05:00:00 UTC: get a new one.",
        "! The login is for alice@mail.test, the token for bob@mail.test.",
    ]
    assert why(log, b"334 ")[:4] == error
    assert why(log, b"AUTH XOAUTH2")[:2] == ours
    assert why(log, b"535 ") == [*ours, *error]


def test_where_the_tokens_come_from_is_said() -> None:
    log = log_of(b"AUTH OAUTHBEARER " + b64(b"n,a=alice,\x01auth=Bearer x\x01\x01"), b"334 " + b64(RFC_7628), b"AQ==")
    assert "    or: a token from where https://id.test/.well-known/openid says (openid-configuration)" in why(
        log, b"334"
    )


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("401", "does not accept the token: expired, revoked, malformed, or not made for it (401)."),
        ("insufficient_scope", "takes the token, but its scope does not do here (insufficient_scope)."),
        ("503", "could not check the token now: the same may work later (503)."),
        ("\x1b[2J", "refuses the token (\\x1b[2J)."),
        (["a"], "refuses the token (['a'])."),
        ("", "refuses the token."),
    ],
)
def test_every_status_has_words(status: Any, words: str) -> None:
    log = log_of(xoauth2(b"ya29"), b"334 " + b64(json.dumps({"status": status}).encode()))
    assert f"! The server {words}" in why(log, b"334 ")


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        (b"invalid-proof", "the proof is wrong, and so is the password"),
        (b"unknown-user", "the server does not know the user"),
        (b"other-error", "an error that RFC 5802 does not know"),
        (b"\x07", "an error that RFC 5802 does not know"),
    ],
)
def test_an_error_of_scram_is_put_into_words(word: bytes, meant: str) -> None:
    log = log_of(
        b"AUTH SCRAM-SHA-256 " + b64(b"n,,n=alice,r=abc"),
        b"334 " + b64(b"r=abcdef,s=c2FsdA==,i=4096"),
        b64(b"c=biws,r=abcdef,p=cHJvb2Y="),
        b"334 " + b64(b"e=" + word),
        b"",
        b"535 5.7.8 no",
    )
    (told,) = why(log, b"535 ")
    assert told.endswith(f": {meant}.")
    assert told.isprintable()
    assert why(log, b"334 " + b64(b"e=" + word))[0] == told


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"AUTH PLAIN " + b64(b"alice\0wonderland"), "PLAIN is authzid NUL user NUL password (RFC 4616 2); what we"),
        (b"AUTH PLAIN alicewonderland", "What we sent is not base64."),
        (
            b"AUTH PLAIN " + b64(b"\0alice \0wonderland"),
            'The user name begins or ends with a blank or a line end: "alice ".',
        ),
        (b"AUTH PLAIN " + b64(b"\0alice\n\0wonderland"), 'a line end: "alice\\n".'),
        (xoauth2(b""), "The token is empty."),
        (b"AUTH PLAIN " + b64(b"bob\0alice\0wonderland"), "The login of alice asks to act as bob (authzid)."),
        (b"AUTH SCRAM-SHA-1 " + b64(b"n,a=bob,n=alice,r=x"), "The login of alice asks to act as bob (authzid)."),
    ],
)
def test_what_is_odd_about_what_we_sent_is_said_beside_the_refusal(line: bytes, words: str) -> None:
    (told,) = why(log_of(line, b"535 5.7.8 no"), b"535 ")
    assert words in told
    assert "wonderland" not in told


def test_a_usual_refusal_has_nothing_to_add() -> None:
    assert why(log_of(b"AUTH PLAIN " + b64(b"\0alice\0wonderland"), b"535 5.7.8 no"), b"535 ") == []
    assert why(log_of(xoauth2(b"ya29.opaque"), b"535 5.7.8 no"), b"535 ") == []


def test_base64_in_a_refusal_is_told() -> None:
    log = log_of(b"AUTH LOGIN", b"334 UGFzc3dvcmQ6", b64(b"wonderland"), b"535 5.7.8 Error: failed: UGFzc3dvcmQ6")
    assert why(log, b"535 ") == ["The reply ends in base64 of: Password:"]
    error = why(log_of(xoauth2(b"ya29"), b"535 5.7.8 Error: failed: " + b64(GOOGLE)), b"535 ")
    assert error[0] == "! The server could not use the token: expired, malformed, of another user or scope (400)."
    for text in (b"535 5.7.8 Authentication disabled", b"535 5.7.8 no such accounts", b"535 \xff\xff AAAAAAAA"):
        assert why(log_of(xoauth2(b"ya29"), text), b"535 ") == []


def test_our_own_words_are_never_hidden_for_a_gap_in_them_would_tell_the_password() -> None:
    log = log_of(xoauth2(jwt({"exp": 1})), b"334 " + b64(GOOGLE), b"", b"535 no")
    log.redactor.know(Secret("token"))
    assert not any("[hidden]" in line for line in why(log, b"535 "))


def test_what_is_known_to_be_secret_is_hidden_in_what_the_server_says() -> None:
    error = json.dumps({"status": "ya29opaque", "scope": "for ya29opaque"}).encode()
    log = log_of(xoauth2(b"ya29opaque"), b"334 " + b64(error), b"", b"535 no")
    for octets in (b"334 ", b"535 "):
        told = " ".join(why(log, octets))
        assert "ya29opaque" not in told
        assert "[hidden]" in told


# -- a token's claims


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        ({"exp": NOW + 60, "upn": "ALICE@mail.test", "aud": "https://mail.test"}, []),
        ({"nbf": NOW + 300}, [
            "The token is not valid before 2027-01-15 08:05:00 UTC, in 5 minutes: is a clock wrong?"]),
        ({"preferred_username": "bob@x"}, ["The login is for alice@mail.test, the token for bob@x."]),
        ({"sub": "248289761001"}, []),
        ({"aud": ["https://api.other.test/v1", "account"]}, [
            "The token is meant for api.other.test (aud), the server is smtp.mail.test."]),
        ({"aud": "account"}, []),
        ({"iss": "https://accounts.google.com", "aud": "1.apps.googleusercontent.com"}, [
            "It is an ID token, which says who the user is: the login wants the access token."]),
    ],
)  # fmt: skip
def test_what_of_a_token_speaks_against_a_login(claims: dict[str, Any], words: list[str]) -> None:
    assert token_words(claims, "alice@mail.test", "smtp.mail.test", NOW) == words


ENTRA = {"iss": "https://sts.windows.net/1111/", "aud": "https://outlook.office365.com", "upn": "a@contoso.test"}


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        ({"scp": "SMTP.Send User.Read"}, []),
        ({"scp": "Mail.Send"}, ["The token's scope has no SMTP.Send in it, but Mail.Send."]),
        ({"roles": ["SMTP.SendAsApp"], "idtyp": "app", "upn": None}, []),
        ({"roles": ["Mail.Send"], "upn": None}, ["The application's token has no role SMTP.SendAsApp."]),
        ({"scp": "SMTP.Send", "aud": "00000003-0000-0000-c000-000000000000"}, [
            "The token is for Microsoft Graph (aud), not for mail: ask for the scope "
            "https://outlook.office.com/SMTP.Send."]),
    ],
)  # fmt: skip
def test_what_microsofts_tokens_lack(claims: dict[str, Any], words: list[str]) -> None:
    assert token_words({**ENTRA, **claims}, "a@contoso.test", "smtp.office365.com", NOW) == words


def test_an_address_in_place_of_a_name_says_nothing_of_the_audience() -> None:
    assert token_words({"aud": "https://mail.test"}, "", "192.0.2.7", NOW) == []
    assert token_words({"aud": "https://mail.test"}, "", "localhost", NOW) == []


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(), lambda each: st.lists(each, max_size=3)
)
NAMES = st.sampled_from(["exp", "nbf", "iat", "aud", "iss", "scp", "scope", "roles", "upn", "sub", "idtyp", "at_hash"])


@given(st.dictionaries(NAMES, JSON, max_size=6), st.text(max_size=5))
def test_claims_may_be_of_any_type_and_cannot_draw(claims: dict[str, Any], user: str) -> None:
    for sentence in token_words({**claims, "iss": claims.get("iss", ENTRA["iss"])}, user, "mail.test", NOW):
        assert sentence.isprintable()
        assert len(sentence) < 300


@pytest.mark.parametrize("depth", [100, 400, 480, 900])
def test_a_deep_token_or_error_is_told_or_not_and_nothing_breaks(depth: int) -> None:
    deep = b'{"a":' + b"[" * depth + b"]" * depth + b',"exp":1}'
    head = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=")
    token = head + b"." + base64.urlsafe_b64encode(deep).rstrip(b"=") + b".x"
    log = log_of(xoauth2(token), b"334 " + b64(deep), b"", b"535 no")
    assert why(log, b"AUTH XOAUTH2")
    assert why(log, b"334 ")
    why(log, b"535 ")


@pytest.mark.parametrize(
    "claims",
    [
        b'{"upn":"\\ud800x","exp":true,"nbf":null}',
        b'{"exp":NaN,"nbf":Infinity,"iat":-Infinity}',
        b'{"exp":1' + b"0" * 400 + b',"nbf":-1e300}',
        b'{"aud":[1,{"a":[]},null,"https://[::1"],"iss":["x"],"scp":{"a":1},"roles":7}',
        b'{"upn":"' + b"x" * 40_000 + b'"}',
        b'{"upn":"\xff\xfe"}',
        b'{"' + b"x" * 5_000 + b'":"\\u001b[2J\\u202e"}',
        b'{"exp":1,"exp":9999999999}',
    ],
)
def test_a_hostile_token_is_told_or_not_and_cannot_draw(claims: bytes) -> None:
    head = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=")
    log = log_of(xoauth2(head + b"." + base64.urlsafe_b64encode(claims).rstrip(b"=") + b".x"), b"535 no")
    for octets in (b"AUTH XOAUTH2", b"535 "):
        told = why(log, octets)
        assert all(line.isprintable() and len(line) < 300 for line in told)


def test_a_server_that_asks_without_end_costs_little_and_says_no_more_than_is_read() -> None:
    asked = b"334 " + b64(b"e=no") + b"\r\n"
    last = Received(1.0, asked * 20_000 + b"535 5.7.8 no\r\n")
    log = view_of([*OPENED, Sent(1.0, b"AUTH SCRAM-SHA-1\r\n"), last]).log
    started = time.process_time()
    lines = login_lines(log, len(log) - 1, log.redactor)
    assert time.process_time() - started < 0.1
    assert len(lines) < 200
