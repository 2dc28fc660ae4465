"""SASL exchanges as values: what each mechanism says to which challenge, and what of it is secret."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpscope.smtp.sasl import CLEAR_TEXT, MECHANISMS, Response, choose, decode_challenge, steps


def test_plain_is_one_secret_response() -> None:
    exchange = steps("plain", "alice", b"wonderland")
    assert next(exchange) == Response(b"AGFsaWNlAHdvbmRlcmxhbmQ=", True)  # RFC 4616 2: NUL alice NUL wonderland
    with pytest.raises(StopIteration):
        exchange.send(b"")


def test_login_answers_by_position_and_hides_the_password_only() -> None:
    exchange = steps("LOGIN", "alice", b"wonderland")
    assert next(exchange) is None
    assert exchange.send(b"Username:") == Response(b"YWxpY2U=", False)
    assert exchange.send(b"Password:") == Response(b"d29uZGVybGFuZA==", True)
    with pytest.raises(StopIteration):
        exchange.send(b"Username:")


def test_login_gives_no_password_where_a_name_is_asked_for() -> None:
    exchange = steps("LOGIN", "alice", b"wonderland")
    next(exchange)
    assert exchange.send(b"PASSWORD:") == Response(b"d29uZGVybGFuZA==", True)
    assert exchange.send(b"Username:") == Response(b"YWxpY2U=", False)


def test_cram_md5_is_that_of_rfc_2195() -> None:
    exchange = steps("CRAM-MD5", "tim", b"tanstaaftanstaaf")
    assert next(exchange) is None
    response = exchange.send(b"<1896.697170952@postoffice.reston.mci.net>")
    assert response == Response(b"dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw", True)


@given(
    user=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    password=st.binary(),
    challenge=st.binary(),
)
def test_any_user_password_and_challenge_makes_an_exchange_that_a_server_can_read(
    user: str, password: bytes, challenge: bytes
) -> None:
    if b"\0" not in password:
        initial = next(steps("PLAIN", user, password))
        assert initial is not None
        assert base64.b64decode(initial.encoded).split(b"\0") == [b"", user.encode(), password]
    exchange = steps("CRAM-MD5", user, password)
    next(exchange)
    response = exchange.send(challenge)
    assert response is not None
    digest = hmac.new(password, challenge, hashlib.md5).hexdigest()
    assert base64.b64decode(response.encoded) == user.encode() + b" " + digest.encode()


@pytest.mark.parametrize(("user", "password"), [("a\0b", b"c"), ("a", b"b\0c")])
def test_plain_has_no_room_for_a_nul(user: str, password: bytes) -> None:
    with pytest.raises(ValueError, match="NUL") as caught:
        next(steps("PLAIN", user, password))
    assert "c" not in str(caught.value).split()


def test_what_cannot_be_run_is_said_with_the_way_out() -> None:
    with pytest.raises(ValueError, match="AUTH SCRAM-SHA-256 cannot be run here: choose one of CRAM-MD5, PLAIN, LOGIN"):
        steps("SCRAM-SHA-256", "alice", b"wonderland")


@given(st.binary())
def test_a_challenge_is_what_was_encoded(challenge: bytes) -> None:
    assert decode_challenge(base64.b64encode(challenge).decode()) == challenge


@pytest.mark.parametrize("text", ["!!!", "abc", "YWJj\nYWJj", " YWJj", "é", "Username:"])
def test_what_is_no_base64_is_no_challenge(text: str) -> None:
    assert decode_challenge(text) is None


def test_the_best_mechanism_that_is_offered_wanted_and_known_is_chosen() -> None:
    assert choose("PLAIN LOGIN CRAM-MD5") == "CRAM-MD5"
    assert choose("plain login") == "PLAIN"
    assert choose("PLAIN LOGIN CRAM-MD5", ("login", "PLAIN")) == "LOGIN"
    assert choose("SCRAM-SHA-256 XOAUTH2") is None
    assert choose("SCRAM-SHA-256", ("SCRAM-SHA-256",)) is None
    assert choose("") is None
    assert set(MECHANISMS) >= CLEAR_TEXT
