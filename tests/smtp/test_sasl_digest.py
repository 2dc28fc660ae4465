"""DIGEST-MD5: the vectors of RFC 2831, the directives, and servers that do not prove themselves."""

from __future__ import annotations

import base64
import contextlib
from hashlib import md5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpscope.secret import Secret
from smtpscope.smtp.sasl import Broken, Login, Response, Steps, conclude, steps
from smtpscope.smtp.sasl_digest import digest, directives, session_key

NONCE, CNONCE = b"OA6MG9tEQGm2hh", b"OA6MHXh6VqTrRk"
CHALLENGE = b'realm="elwood.innosoft.com",nonce="OA6MG9tEQGm2hh",qop="auth",algorithm=md5-sess,charset=utf-8'


def test_the_exchange_of_rfc_2831_4() -> None:
    key = session_key(b"chris", b"elwood.innosoft.com", b"secret", NONCE, CNONCE, b"")
    uri = b"imap/elwood.innosoft.com"
    assert digest(key, NONCE, CNONCE, b"AUTHENTICATE:" + uri) == b"d388dad90d4bbd760a152321f2143af7"
    assert digest(key, NONCE, CNONCE, b":" + uri) == b"ea40f60335c427b5527b84dbabcdfffd"


def test_the_other_exchange_of_rfc_2831_4() -> None:
    nonce, cnonce = b"OA9BSXrbuRhWay", b"OA9BSuZWMSpW8m"
    key = session_key(b"chris", b"elwood.innosoft.com", b"secret", nonce, cnonce, b"")
    uri = b"acap/elwood.innosoft.com"
    assert digest(key, nonce, cnonce, b"AUTHENTICATE:" + uri) == b"6084c6db3fede7352c551284490fd0fc"
    assert digest(key, nonce, cnonce, b":" + uri) == b"2f0b3d7c3c2e486600ef710726aa2eae"


def begun(challenge: bytes = CHALLENGE, login: Login | None = None) -> tuple[Steps, dict[str, bytes]]:
    """An exchange with the server's last word to come, and what was said."""
    default = Login("chris", Secret("secret"), host="elwood.innosoft.com", nonce=CNONCE.decode())
    exchange = steps("DIGEST-MD5", login or default)
    assert next(exchange) is None
    response = exchange.send(challenge)
    assert response is not None
    assert response.secret
    return exchange, directives(base64.b64decode(response.encoded))


def verdict(said: dict[str, bytes], word: bytes = b"secret") -> bytes:
    """What a server says that knows the password."""
    key = session_key(
        said["username"], said.get("realm", b""), word, said["nonce"], said["cnonce"], said.get("authzid", b"")
    )
    assert said["response"] == digest(key, said["nonce"], said["cnonce"], b"AUTHENTICATE:" + said["digest-uri"])
    return b"rspauth=" + digest(key, said["nonce"], said["cnonce"], b":" + said["digest-uri"])


def test_what_is_said_is_what_was_asked() -> None:
    exchange, said = begun()
    assert {name: value for name, value in said.items() if name != "response"} == {
        "charset": b"utf-8",
        "username": b"chris",
        "realm": b"elwood.innosoft.com",
        "nonce": NONCE,
        "cnonce": CNONCE,
        "digest-uri": b"smtp/elwood.innosoft.com",
        "nc": b"00000001",
        "qop": b"auth",
    }
    assert exchange.send(verdict(said)) == Response(b"", False)
    conclude(exchange, b"")


def test_the_proof_may_come_with_the_success() -> None:
    exchange, said = begun()
    conclude(exchange, verdict(said))


def test_a_server_that_does_not_know_the_password_is_found_out() -> None:
    for answer in (b"rspauth=" + b"0" * 32, b"rspauth=", b"x=y", b"rspauth=\xff"):
        exchange, _ = begun()
        with pytest.raises(Broken, match=r"rspauth|directives"):
            exchange.send(answer)
    exchange, _ = begun()
    with pytest.raises(Broken, match="has not shown that it knows the password"):
        conclude(exchange, b"")


def test_authorization_identity_quotes_and_no_realm() -> None:
    login = Login('a"b\\c', Secret("secret"), authzid="bob", host="h", nonce="n")
    exchange, said = begun(b'nonce="x\\"y",qop="auth-int, auth"', login)
    assert (said["username"], said["nonce"], said["authzid"]) == (b'a"b\\c', b'x"y', b"bob")
    assert "realm" not in said
    assert "charset" not in said
    exchange.send(verdict(said))


@pytest.mark.parametrize("word", ["wörter", "日本"])
def test_other_characters_are_reckoned_with_in_latin_1_where_they_fit(word: str) -> None:
    _, said = begun(login=Login("jürgen", Secret(word), host="h", nonce="n"))
    assert said["username"] == "jürgen".encode()
    fits = word == "wörter"
    reckoned = word.encode("latin-1" if fits else "utf-8")
    inner = md5(b":".join(("jürgen".encode("latin-1"), said["realm"], reckoned))).digest()
    key = md5(inner + b":" + said["nonce"] + b":n").hexdigest().encode()
    assert said["response"] == digest(key, said["nonce"], b"n", b"AUTHENTICATE:smtp/h")


@pytest.mark.parametrize(
    ("challenge", "reason"),
    [
        (b"", "no nonce"),
        (b"realm=x", "no nonce"),
        (b'nonce="x",qop="auth-conf"', "no qop=auth"),
        (b"hello there", "directives"),
        (b'nonce="x', "directives"),
        (b'nonce="x" y', "directives"),
    ],
)
def test_a_challenge_that_is_none_ends_the_exchange(challenge: bytes, reason: str) -> None:
    with pytest.raises(Broken, match=reason):
        begun(challenge)


@given(st.binary(max_size=200))
def test_any_octets_are_directives_or_none(data: bytes) -> None:
    try:
        found = directives(data)
    except Broken:
        return
    assert all(name == name.lower() for name in found)


@pytest.mark.timeout(10)  # what goes back and forth in it takes minutes
def test_a_long_challenge_is_read_in_no_time() -> None:
    for data in (b"," * 200_000, b"a=b," * 50_000, b'a="' + b"\\" * 100_001, b" " * 100_000 + b"!"):
        with contextlib.suppress(Broken):
            directives(data)
