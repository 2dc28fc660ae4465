"""SCRAM and SASLprep: the vectors of the RFCs, and servers that are none."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scramp import ScramMechanism  # type: ignore[import-untyped]
from scramp.core import saslprep  # type: ignore[import-untyped]

from smtpscope.secret import Secret
from smtpscope.smtp.sasl import Broken, Login, Response, Steps, conclude, steps
from smtpscope.smtp.saslprep import prepare, remark

ALGORITHMS = {"SCRAM-SHA-1": "sha1", "SCRAM-SHA-256": "sha256", "SCRAM-SHA-512": "sha512"}

# RFC 5802 5 and RFC 7677 3.
VECTORS = {
    "SCRAM-SHA-1": (
        "fyko+d2lbbFgONRv9qkxdawL",
        b"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
        b"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
        b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
    ),
    "SCRAM-SHA-256": (
        "rOprNGfwEbeRWgbNEkqO",
        b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
        b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
        b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
    ),
}


def said(response: Response | None) -> bytes:
    assert response is not None
    return base64.b64decode(response.encoded, validate=True)


def begun(mechanism: str = "SCRAM-SHA-1", **more: object) -> tuple[Steps, bytes]:
    """An exchange as in RFC 5802, with the server's first message to come; and the nonce."""
    nonce = VECTORS[mechanism][0] if mechanism in VECTORS else "abc"
    login = Login("user", Secret("pencil"), nonce=nonce, **more)  # type: ignore[arg-type]
    exchange = steps(mechanism, login)
    next(exchange)
    return exchange, nonce.encode()


@pytest.mark.parametrize("mechanism", VECTORS)
def test_the_exchanges_of_the_rfcs(mechanism: str) -> None:
    nonce, challenge, final, verdict = VECTORS[mechanism]
    exchange = steps(mechanism, Login("user", Secret("pencil"), nonce=nonce))
    first = next(exchange)
    assert first is not None
    assert (said(first), first.secret) == (b"n,,n=user,r=" + nonce.encode(), False)
    response = exchange.send(challenge)
    assert response is not None
    assert (said(response), response.secret) == (final, True)
    assert exchange.send(verdict) == Response(b"", False)
    conclude(exchange, b"")


@pytest.mark.parametrize("mechanism", VECTORS)
def test_the_server_s_proof_may_come_with_its_success(mechanism: str) -> None:
    exchange, _ = begun(mechanism)
    exchange.send(VECTORS[mechanism][1])
    conclude(exchange, VECTORS[mechanism][3])


def test_a_server_that_does_not_know_the_password_is_found_out() -> None:
    wrong = b"v=" + base64.b64encode(bytes(20))
    for verdict in (wrong, b"v=", b"v=!!!", b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ", b"x=y"):
        exchange, _ = begun()
        exchange.send(VECTORS["SCRAM-SHA-1"][1])
        with pytest.raises(Broken, match="the server's signature is wrong: it does not know the password"):
            exchange.send(verdict)


def test_a_server_that_accepts_without_its_proof_is_found_out() -> None:
    exchange, _ = begun()
    with pytest.raises(Broken, match="has not shown that it knows the password"):
        conclude(exchange, b"")
    exchange, _ = begun()
    exchange.send(VECTORS["SCRAM-SHA-1"][1])
    with pytest.raises(Broken, match="has not shown that it knows the password"):
        conclude(exchange, b"")


def test_an_error_of_the_server_s_is_answered_and_is_no_proof() -> None:
    exchange, _ = begun()
    exchange.send(VECTORS["SCRAM-SHA-1"][1])
    assert exchange.send(b"e=invalid-proof") == Response(b"", False)
    with pytest.raises(Broken):
        conclude(exchange, b"")


BAD_FIRST = {
    b"r=NONCE,s=QSXCR+Q6sek8bf92,i=4096": "nonce",
    b"r=other,s=QSXCR+Q6sek8bf92,i=4096": "nonce",
    b"s=QSXCR+Q6sek8bf92,i=4096": "nonce",
    b"r=NONCE1,i=4096": "salt",
    b"r=NONCE1,s=,i=4096": "salt",
    b"r=NONCE1,s=!!,i=4096": "salt",
    b"r=NONCE1,s=QSXCR+Q6sek8bf92": "iterations",
    b"r=NONCE1,s=QSXCR+Q6sek8bf92,i=0": "iterations",
    b"r=NONCE1,s=QSXCR+Q6sek8bf92,i=-1": "iterations",
    b"r=NONCE1,s=QSXCR+Q6sek8bf92,i=999999999": "iterations",
    b"r=NONCE1,s=QSXCR+Q6sek8bf92,i=" + b"9" * 10000: "iterations",
    b"m=ext,r=NONCE1,s=QSXCR+Q6sek8bf92,i=4096": "extension",
    b"e=unknown-user": "does not know the user",
    b"": "attributes",
    b"hello": "attributes",
    b"\xff=1": "attributes",
}


@pytest.mark.parametrize("challenge", BAD_FIRST)
def test_a_first_message_that_is_none_ends_the_exchange(challenge: bytes) -> None:
    exchange, nonce = begun()
    with pytest.raises(Broken, match=BAD_FIRST[challenge]):
        exchange.send(challenge.replace(b"NONCE", nonce))


@given(st.lists(st.binary(max_size=60), min_size=1, max_size=3))
def test_no_server_can_do_more_than_break_the_exchange(challenges: list[bytes]) -> None:
    for mechanism in ("SCRAM-SHA-256", "DIGEST-MD5"):
        exchange, _ = begun(mechanism)
        try:
            for challenge in challenges:
                exchange.send(challenge)
        except (Broken, StopIteration):
            pass


# -- a server's view of it


def server_says(mechanism: str, first: bytes, final: bytes, salted: bytes, challenge: bytes) -> bytes:
    """Whether a server takes it (RFC 5802 3), by its own reckoning: the signature it answers with."""
    algorithm = ALGORITHMS[mechanism]
    bare, without, proof = first.split(b",", 2)[2], final[: final.rindex(b",p=")], final[final.rindex(b",p=") + 3 :]
    spoken = b",".join((bare, challenge, without))
    key = hmac.digest(salted, b"Client Key", algorithm)
    stored = hashlib.new(algorithm, key).digest()
    signature = hmac.digest(stored, spoken, algorithm)
    client_key = bytes(a ^ b for a, b in zip(base64.b64decode(proof), signature, strict=True))
    assert hashlib.new(algorithm, client_key).digest() == stored
    return b"v=" + base64.b64encode(hmac.digest(hmac.digest(salted, b"Server Key", algorithm), spoken, algorithm))


@pytest.mark.parametrize("mechanism", ALGORITHMS)
@pytest.mark.parametrize(
    ("more", "header"),
    [
        ({}, b"n,,"),
        ({"unbound": True}, b"y,,"),
        ({"authzid": "a,b=c"}, b"n,a=a=2Cb=3Dc,"),
        ({"binding": ("tls-unique", b"123")}, b"p=tls-unique,,"),
    ],
)
def test_what_is_bound_is_said_twice(mechanism: str, more: dict[str, object], header: bytes) -> None:
    name = mechanism + ("-PLUS" if "binding" in more else "")
    login = Login("us,er=", Secret("pencil"), nonce="abc", **more)  # type: ignore[arg-type]
    exchange = steps(name, login)
    first = said(next(exchange))
    assert first == header + b"n=us=2Cer=3D,r=abc"
    challenge = b"r=abcdef,s=QSXCR+Q6sek8bf92,i=4096"
    final = said(exchange.send(challenge))
    bound = b"123" if "binding" in more else b""
    assert final.startswith(b"c=" + base64.b64encode(header + bound) + b",r=abcdef,p=")
    salted = hashlib.pbkdf2_hmac(ALGORITHMS[mechanism], b"pencil", base64.b64decode(b"QSXCR+Q6sek8bf92"), 4096)
    exchange.send(server_says(mechanism, first, final, salted, challenge))


def test_binding_without_tls_is_refused_before_anything_is_said() -> None:
    with pytest.raises(ValueError, match="start TLS first"):
        next(steps("SCRAM-SHA-256-PLUS", Login("user", Secret("pencil"))))


# -- SASLprep

UNASSIGNED = "\ua4c7"


def test_unassigned_code_points_are_for_names_only() -> None:
    assert prepare(UNASSIGNED, query=True) == UNASSIGNED
    with pytest.raises(ValueError, match="SASLprep"):
        prepare(UNASSIGNED)


@pytest.mark.parametrize(
    ("given", "expected"),
    [("I\u00adX", "IX"), ("user", "user"), ("USER", "USER"), ("\u00aa", "a"), ("\u2168", "IX"), ("a\u00a0b", "a b")],
)
def test_saslprep_is_that_of_rfc_4013(given: str, expected: str) -> None:
    assert prepare(given) == expected


@pytest.mark.parametrize("given", ["\u0007", "\u0627\u0031", "\ue000", "\udcff"])
def test_what_saslprep_does_not_allow(given: str) -> None:
    with pytest.raises(ValueError, match="SASLprep does not allow") as caught:
        prepare(given)
    assert given not in str(caught.value)


@given(st.text(max_size=20))
def test_saslprep_of_a_server_is_ours(text: str) -> None:
    try:
        theirs = saslprep(text)
    except Exception:
        with pytest.raises(ValueError, match="SASLprep"):
            prepare(text)
    else:
        assert prepare(text) == theirs


@pytest.mark.parametrize("mechanism", ALGORITHMS)
@pytest.mark.parametrize("word", ["pencil", "wörter", "I\u00adX", "\u2168 \u00a0"])
def test_a_server_that_is_not_ours_takes_any_password(mechanism: str, word: str) -> None:
    server_side = ScramMechanism(mechanism)
    known = server_side.make_auth_info(word)
    server = server_side.make_server(lambda _: known)
    exchange = steps(mechanism, Login("user", Secret(word)))
    server.set_client_first(said(next(exchange)).decode())
    server.set_client_final(said(exchange.send(server.get_server_first().encode())).decode())
    assert exchange.send(server.get_server_final().encode()) == Response(b"", False)


def test_octets_that_are_no_text_are_reckoned_with_as_they_are() -> None:
    octets = b"\xff\x07pencil"
    exchange = steps("SCRAM-SHA-1", Login("user", Secret(octets), nonce="abc"))
    first, challenge = said(next(exchange)), b"r=abcdef,s=QSXCR+Q6sek8bf92,i=10"
    final = said(exchange.send(challenge))
    salted = hashlib.pbkdf2_hmac("sha1", octets, base64.b64decode(b"QSXCR+Q6sek8bf92"), 10)
    exchange.send(server_says("SCRAM-SHA-1", first, final, salted, challenge))


def test_what_becomes_of_other_characters_is_said_without_them() -> None:
    assert remark("SCRAM-SHA-1", "pencil") == remark("PLAIN", "pencil") == ""
    assert remark("PLAIN", "wörter") == "sent in UTF-8 as given, without SASLprep"
    assert remark("SCRAM-SHA-1", "wörter") == "left as it is by SASLprep (RFC 4013), and then reckoned with"
    assert remark("SCRAM-SHA-1", "I\u00adX") == "changed by SASLprep (RFC 4013), and then reckoned with"
    assert remark("SCRAM-SHA-256-PLUS", "\ue000x").startswith("reckoned with as given: SASLprep does not allow")
    assert "Latin-1" in remark("DIGEST-MD5", "wörter")
