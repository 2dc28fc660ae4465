"""SASL exchanges as values: what each mechanism says to which challenge, and what of it is secret."""

from __future__ import annotations

import base64
import hashlib
import hmac
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpscope.secret import Secret
from smtpscope.smtp.sasl import (
    BEST,
    CLEAR_TEXT,
    MECHANISMS,
    Login,
    Response,
    Steps,
    choose,
    conclude,
    decode_challenge,
    steps,
)

ALICE = Login("alice", Secret("wonderland"))


def talk(mechanism: str, login: Login, *challenges: bytes) -> list[bytes | None]:
    """What the client says, decoded: its initial response, None for none, and the response to each challenge."""
    exchange = steps(mechanism, login)
    return [said(each) for each in (next(exchange), *(exchange.send(challenge) for challenge in challenges))]


def said(response: Response | None) -> bytes | None:
    return None if response is None else base64.b64decode(response.encoded, validate=True)


def is_over(exchange: Steps) -> bool:
    with pytest.raises(StopIteration):
        exchange.send(b"")
    return True


def test_plain_is_one_secret_response() -> None:
    exchange = steps("plain", ALICE)
    assert next(exchange) == Response(b"AGFsaWNlAHdvbmRlcmxhbmQ=", True)
    assert is_over(exchange)


def test_plain_is_that_of_rfc_4616() -> None:
    assert talk("PLAIN", Login("tim", Secret("tanstaaftanstaaf"))) == [b"\0tim\0tanstaaftanstaaf"]
    kurt = Login("Kurt", Secret("xipj3plmq"), authzid="Ursel")
    assert talk("PLAIN", kurt) == [b"Ursel\0Kurt\0xipj3plmq"]


def test_login_answers_by_position_and_hides_the_password_only() -> None:
    exchange = steps("LOGIN", ALICE)
    assert next(exchange) is None
    assert exchange.send(b"Username:") == Response(b"YWxpY2U=", False)
    assert exchange.send(b"Password:") == Response(b"d29uZGVybGFuZA==", True)
    assert is_over(exchange)


def test_login_gives_no_password_where_a_name_is_asked_for() -> None:
    assert talk("LOGIN", ALICE, b"PASSWORD:", b"Username:") == [None, b"wonderland", b"alice"]


def test_login_with_the_name_along_with_auth() -> None:
    along = Login("alice", Secret("wonderland"), initial=True)
    assert talk("LOGIN", along, b"Password:") == [b"alice", b"wonderland"]
    assert talk("LOGIN", along, b"User Name\0", b"Password:") == [b"alice", b"alice", b"wonderland"]


def test_cram_md5_is_that_of_rfc_2195() -> None:
    exchange = steps("CRAM-MD5", Login("tim", Secret("tanstaaftanstaaf")))
    assert next(exchange) is None
    response = exchange.send(b"<1896.697170952@postoffice.reston.mci.net>")
    assert response == Response(b"dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw", True)


def test_external_and_anonymous_say_who_it_is_and_hide_nothing() -> None:
    for mechanism, login, expected in [
        ("EXTERNAL", Login("", Secret("")), b""),
        ("EXTERNAL", Login("fred@example.com", Secret("")), b"fred@example.com"),
        ("EXTERNAL", Login("fred", Secret(""), authzid="bob"), b"bob"),
        ("ANONYMOUS", Login("sirhc", Secret("")), b"sirhc"),
    ]:
        response = next(steps(mechanism, login))
        assert response == Response(base64.b64encode(expected), False)


@given(
    user=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    octets=st.binary(),
    challenge=st.binary(),
)
def test_any_user_password_and_challenge_makes_an_exchange_that_a_server_can_read(
    user: str, octets: bytes, challenge: bytes
) -> None:
    login = Login(user, Secret(octets))
    if b"\0" not in octets:
        (initial,) = talk("PLAIN", login)
        assert initial is not None
        assert initial.split(b"\0") == [b"", user.encode(), octets]
    digest = hmac.new(octets, challenge, hashlib.md5).hexdigest()
    assert talk("CRAM-MD5", login, challenge) == [None, user.encode() + b" " + digest.encode()]


@pytest.mark.parametrize(("user", "word"), [("a\0b", b"c"), ("a", b"b\0c")])
def test_plain_has_no_room_for_a_nul(user: str, word: bytes) -> None:
    with pytest.raises(ValueError, match="NUL") as caught:
        next(steps("PLAIN", Login(user, Secret(word))))
    assert "c" not in str(caught.value).split()


def test_what_cannot_be_run_is_said_with_the_way_out() -> None:
    with pytest.raises(ValueError, match="AUTH GSSAPI cannot be run here: choose one of SCRAM-SHA-512-PLUS, "):
        steps("GSSAPI", ALICE)


def test_a_mechanism_without_a_proof_has_nothing_to_prove() -> None:
    for mechanism in ("PLAIN", "LOGIN", "CRAM-MD5", "EXTERNAL", "ANONYMOUS", "XOAUTH2", "OAUTHBEARER"):
        exchange = steps(mechanism, ALICE)
        next(exchange)
        conclude(exchange, b"")


@given(st.binary())
def test_a_challenge_is_what_was_encoded(challenge: bytes) -> None:
    assert decode_challenge(base64.b64encode(challenge).decode()) == challenge


@pytest.mark.parametrize("text", ["!!!", "abc", "YWJj\nYWJj", " YWJj", "é", "Username:", "YQ==YQ==", "YW=J", "YWJj="])
def test_what_is_no_base64_is_no_challenge(text: str) -> None:
    assert decode_challenge(text) is None


def test_nobody_sees_the_password_of_a_login() -> None:
    assert "wonderland" not in repr(ALICE) + str(ALICE)
    assert ALICE.nonce not in repr(ALICE)
    assert Login("alice", Secret("x")).nonce != ALICE.nonce


# -- which one


def test_the_best_mechanism_that_is_offered_wanted_and_known_is_chosen() -> None:
    assert choose("PLAIN LOGIN CRAM-MD5") == "CRAM-MD5"
    assert choose("plain login") == "PLAIN"
    assert choose("PLAIN LOGIN CRAM-MD5", ("login", "PLAIN")) == "LOGIN"
    assert choose("PLAIN SCRAM-SHA-1 SCRAM-SHA-256 CRAM-MD5") == "SCRAM-SHA-256"
    assert choose("GSSAPI NTLM") is None
    assert choose("GSSAPI", ("GSSAPI",)) is None
    assert choose("") is None
    assert set(MECHANISMS) >= CLEAR_TEXT


def test_of_two_the_better_one_is_chosen() -> None:
    for better, worse in pairwise(BEST):
        assert choose(f"{worse} {better}", tls=True) == better


def test_binding_to_tls_needs_tls() -> None:
    offered = "SCRAM-SHA-1 SCRAM-SHA-1-PLUS"
    assert choose(offered, tls=True) == "SCRAM-SHA-1-PLUS"
    assert choose(offered) == "SCRAM-SHA-1"
    assert choose(offered, ("SCRAM-SHA-1-PLUS",)) is None


@pytest.mark.parametrize("mechanism", ["XOAUTH2", "OAUTHBEARER", "EXTERNAL", "ANONYMOUS"])
def test_what_takes_no_password_is_chosen_only_by_name(mechanism: str) -> None:
    assert choose(mechanism, tls=True) is None
    assert choose(f"{mechanism} PLAIN") == "PLAIN"
    assert choose(f"{mechanism} PLAIN", (mechanism,)) == mechanism
