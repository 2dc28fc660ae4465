"""What is shown of a step: each field by name, the secret ones marked; and tokens that are read, whatever they are."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpscope.secret import Secret
from smtpscope.smtp.sasl import MECHANISMS, Login, jwt_claims, steps
from smtpscope.smtp.sasl_fields import LONGEST_CLAIM, MOST_CLAIMS, Field, describe, secret_spans

WORD = "wonderland"


def jwt(claims: Any, header: Any = None) -> bytes:
    parts = (json.dumps(each).encode() for each in (header or {"alg": "RS256", "typ": "JWT"}, claims))
    return b".".join((*(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts), b"c2lnbmF0dXJl"))


def shown(fields: list[Field]) -> list[tuple[str, bytes]]:
    return [(name, b"****" if secret else value) for name, value, secret in fields]


@pytest.mark.parametrize(
    ("mechanism", "data", "expected"),
    [
        ("PLAIN", b"\0alice\0wonderland", [("user", b"alice"), ("password", b"****")]),
        ("plain", b"bob\0alice\0x", [("authzid", b"bob"), ("user", b"alice"), ("password", b"****")]),
        ("PLAIN", b"alice wonderland", [("response", b"****")]),
        ("PLAIN", b"alice\0wonderland\0", [("response", b"****")]),
        ("PLAIN", b"\0alice\0", [("user", b"alice"), ("password", b"****")]),
        ("CRAM-MD5", b"my secret word", [("response", b"****"), ("digest", b"****")]),
        ("OAUTHBEARER", b"n,a=x,ya29\x01auth=Bearer b\x01\x01", [
            ("user", b"x"), ("field", b"****"), ("scheme", b"Bearer"), ("token", b"****"),
        ]),
        ("CRAM-MD5", b"the user b913a602c7eda7a495b4e6e7334d3890", [("user", b"the user"), ("digest", b"****")]),
        ("DIGEST-MD5", b"password=secret", [("password", b"****")]),
        ("SCRAM-SHA-1", b"z=secret", [("z", b"****")]),
        ("EXTERNAL", b"bob", [("authzid", b"bob")]),
        ("ANONYMOUS", b"me@here.test", [("trace", b"me@here.test")]),
        (
            "SCRAM-SHA-256",
            b"n,a=b=2Co=3Db,n=al=2Cice,r=fyko",
            [("channel binding", b"none"), ("authzid", b"b,o=b"), ("user", b"al,ice"), ("nonce", b"fyko")],
        ),
        (
            "SCRAM-SHA-256-PLUS",
            b"p=tls-unique,,n=alice,r=fyko",
            [("channel binding", b"tls-unique"), ("user", b"alice"), ("nonce", b"fyko")],
        ),
        (
            "SCRAM-SHA-256-PLUS",
            b"c=" + base64.b64encode(b"p=tls-unique,,\x01\xff") + b",r=fyko3rf,p=abc=",
            [("channel binding", b"tls-unique 01ff"), ("nonce", b"fyko3rf"), ("proof", b"****")],
        ),
        (
            "SCRAM-SHA-1",
            b"c=eSws,r=fyko3rf,p=abc=",
            [
                ("channel binding", b"we could, the server does not offer it"),
                ("nonce", b"fyko3rf"),
                ("proof", b"****"),
            ],
        ),
        (
            "DIGEST-MD5",
            b'username="alice",realm="mail.test",nc=00000001,response=d388dad90d4bbd76',
            [("username", b"alice"), ("realm", b"mail.test"), ("nc", b"00000001"), ("response", b"****")],
        ),
        ("XOAUTH2", b"user=alice\x01auth=Bearer ya29\x01\x01", [
            ("user", b"alice"), ("scheme", b"Bearer"), ("token", b"****"),
        ]),
        ("OAUTHBEARER", b"n,a=al=2Cice,\x01host=h\x01port=25\x01auth=Bearer ya29\x01\x01", [
            ("user", b"al,ice"), ("host", b"h"), ("port", b"25"), ("scheme", b"Bearer"), ("token", b"****"),
        ]),
        ("OAUTHBEARER", b"\x01", [("acknowledged", b"the error")]),
        ("OAUTHBEARER", b"ya29", [("response", b"****")]),
        ("GSSAPI", b"\x60\x82", [("response", b"****")]),
        ("SCRAM-SHA-1", b"", []),
    ],
)  # fmt: skip
def test_what_we_say(mechanism: str, data: bytes, expected: list[tuple[str, bytes]]) -> None:
    assert shown(describe(mechanism, True, data)) == expected


@pytest.mark.parametrize(
    ("mechanism", "data", "expected"),
    [
        ("LOGIN", b"Username:", [("challenge", b"Username:")]),
        ("CRAM-MD5", b"<1896@mail.test>", [("challenge", b"<1896@mail.test>")]),
        (
            "SCRAM-SHA-256",
            b"r=fyko3rf,s=QSXCR,i=4096",
            [("nonce", b"fyko3rf"), ("salt", b"QSXCR"), ("iterations", b"4096")],
        ),
        ("SCRAM-SHA-256", b"v=rmF9", [("signature", b"****")]),
        ("SCRAM-SHA-256", b"e=invalid-proof", [("error", b"invalid-proof")]),
        ("SCRAM-SHA-256", b"hello", [("challenge", b"hello")]),
        ("DIGEST-MD5", b'realm="a",qop="auth",nonce="x"', [("realm", b"a"), ("qop", b"auth"), ("nonce", b"x")]),
        ("DIGEST-MD5", b"rspauth=ea40f60335c4", [("rspauth", b"****")]),
        (
            "XOAUTH2",
            b'{"status":"400","schemes":"Bearer","scope":"https://mail.google.com/"}',
            [("error", b"status: 400"), ("error", b"scope: https://mail.google.com/"), ("error", b"schemes: Bearer")],
        ),
        ("OAUTHBEARER", b'{"status":', [("challenge", b'{"status":')]),
    ],
)
def test_what_the_server_says(mechanism: str, data: bytes, expected: list[tuple[str, bytes]]) -> None:
    assert shown(describe(mechanism, False, data)) == expected


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (b"Username:", Field("user", b"x")),
        (b"User Name\0", Field("user", b"x")),
        (b"Password:", Field("password", b"x", True)),
        (b"your username and password", Field("password", b"x", True)),
        (b"who?", Field("response", b"x", True)),
        (b"", Field("response", b"x", True)),
    ],
)
def test_login_is_told_by_what_was_asked_and_hidden_if_that_is_not_clear(asked: bytes, expected: Field) -> None:
    assert describe("LOGIN", True, b"x", asked) == [expected]


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_no_field_of_an_exchange_of_ours_that_is_not_secret_holds_the_password(mechanism: str) -> None:
    login = Login("alice", Secret(WORD), binding=("tls-unique", b"1"), nonce="abc", host="h", port=25)
    exchange, asked = steps(mechanism, login), b""
    response = next(exchange)
    server = {"DIGEST-MD5": b'nonce="x"', "CRAM-MD5": b"<1@h>"}.get(mechanism, b"r=abcd,s=QSXCR+Q6sek8bf92,i=1")
    while True:
        if response is not None and response.encoded:
            fields = describe(mechanism, True, base64.b64decode(response.encoded), asked)
            assert all(field.secret or WORD.encode() not in field.value for field in fields)
            assert fields
            assert any(field.secret for field in fields) <= response.secret
        elif response is not None:
            return
        asked = {"LOGIN": b"Username:" if asked == b"" else b"Password:"}.get(mechanism, server)
        try:
            response = exchange.send(asked)
        except Exception:
            return


@pytest.mark.parametrize(
    ("mechanism", "data", "expected"),
    [
        ("PLAIN", b"\0alice\0alice", b"\0alice\0*****"),
        ("PLAIN", b"\0a\0", b"\0a\0"),
        ("PLAIN", b"alice", b"*****"),
        ("CRAM-MD5", b"b0 " + b"b0" * 16, b"b0 " + b"*" * 32),
        ("CRAM-MD5", b"my secret word", b"*" * 14),
        ("XOAUTH2", b"user=ya\x01auth=Bearer ya\x01\x01", b"user=ya\x01auth=Bearer **\x01\x01"),
        ("XOAUTH2", b"user=ya\x01auth=Bearer ya \x01\x01", b"user=ya\x01auth=Bearer ***\x01\x01"),
        ("XOAUTH2", b"user=a\x01auth=Bearer y a\x01\x01", b"user=a\x01auth=Bearer ***\x01\x01"),
        ("OAUTHBEARER", b"n,,\x01auth=y a\x01\x01", b"n,,\x01auth=***\x01\x01"),
        ("DIGEST-MD5", b'username="a",x="1\\"2"', b"*" * 21),
        ("SCRAM-SHA-1", b"c=biws,r=p,p=p", b"c=biws,r=p,p=*"),
        ("SCRAM-SHA-1", b"n,,n=a,r=b", b"n,,n=a,r=b"),
    ],
)
def test_where_the_secret_stands(mechanism: str, data: bytes, expected: bytes) -> None:
    hidden = bytearray(data)
    for start, end in secret_spans(mechanism, data):
        hidden[start:end] = b"*" * (end - start)
    assert bytes(hidden) == expected


@given(st.sampled_from([*MECHANISMS, "GSSAPI"]), st.binary(max_size=80))
def test_secrets_stand_one_behind_the_other(mechanism: str, data: bytes) -> None:
    last = 0
    for start, end in secret_spans(mechanism, data):
        assert last <= start <= end <= len(data)
        last = end


# -- tokens


def test_the_claims_and_the_end_of_a_token() -> None:
    claims = {"iss": "https://id.test", "aud": ["mail"], "n": None, "exp": 1_700_000_000}
    claims |= {"nbf": 1_799_999_000, "iat": 1_800_090_000}
    data = b"user=alice\x01auth=Bearer " + jwt(claims) + b"\x01\x01"
    fields = describe("XOAUTH2", True, data, now=1_800_000_000)
    assert [field.value.decode() for field in fields if field.name == "claim"] == [
        "exp: 1700000000 (2023-11-14 22:13:20 UTC, expired 3 years ago)",
        "nbf: 1799999000 (2027-01-15 07:43:20 UTC, 16 minutes ago)",
        "iat: 1800090000 (2027-01-16 09:00:00 UTC, 1 day from now)",
        'aud: ["mail"]',
        "iss: https://id.test",
        "n: null",
    ]
    earlier = describe("XOAUTH2", True, data, now=1_600_000_000)
    told = [field.value for field in earlier]
    assert b"exp: 1700000000 (2023-11-14 22:13:20 UTC, in 3 years)" in told
    assert b"nbf: 1799999000 (2027-01-15 07:43:20 UTC, not before 6 years from now)" in told
    assert [field.name for field in fields if field.secret] == ["token"]


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"ya29.a0AfH6SMB",
        b"..",
        b"a.b.c.d.e",
        jwt([1, 2]),
        jwt("text"),
        jwt({}, {"typ": "JWT"}),
        b"eyJhbGciOiJub25lIn0.!!!.x",
        b"eyJhbGciOiJub25lIn0." + base64.urlsafe_b64encode(b"[" * 30_000).rstrip(b"=") + b".x",
        b"eyJhbGciOiJub25lIn0." + base64.urlsafe_b64encode(b'{"a":' + b"9" * 9_000 + b"}").rstrip(b"=") + b".x",
        jwt({"a": "x" * 70_000}),
        b"eyJhbGciOiJub25lIn0.\xff\xfe.x",
    ],
)
def test_what_is_no_jwt_has_no_claims(octets: bytes) -> None:
    assert jwt_claims(octets) is None


def test_the_example_of_rfc_7519_3_1() -> None:
    octets = (
        b"eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9"
        b".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
        b".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    )
    assert jwt_claims(octets) == {"iss": "joe", "exp": 1300819380, "http://example.com/is_root": True}


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(), st.lists, max_leaves=20))
def test_whatever_a_claim_is_it_takes_little_room(value: Any) -> None:
    for name in ("exp", "sub"):
        fields = describe("XOAUTH2", True, b"user=a\x01auth=Bearer " + jwt({name: value}) + b"\x01\x01", now=1.0)
        (claim,) = [field for field in fields if field.name == "claim"]
        assert len(claim.value.decode(errors="surrogatepass")) <= LONGEST_CLAIM


def test_many_claims_are_not_all_shown() -> None:
    data = b"user=a\x01auth=Bearer " + jwt({str(n): n for n in range(1000)}) + b"\x01\x01"
    assert len([field for field in describe("XOAUTH2", True, data) if field.name == "claim"]) == MOST_CLAIMS


@given(st.sampled_from([*MECHANISMS, "GSSAPI"]), st.booleans(), st.binary(max_size=80), st.binary(max_size=10))
def test_any_octets_are_described(mechanism: str, ours: bool, data: bytes, asked: bytes) -> None:
    fields = describe(mechanism, ours, data, asked)
    assert bool(fields) == bool(data)
