from __future__ import annotations

import ipaddress
import warnings
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st
from OpenSSL.SSL import X509VerificationCodes as Code

from smtpscope.smtp.certificates import ChainError, identity_of, judge

_KEY = ec.generate_private_key(ec.SECP256R1())
_START, _END = datetime(2026, 1, 2, tzinfo=UTC), datetime(2026, 11, 19, 12, tzinfo=UTC)
_NOW = datetime(2026, 11, 1, tzinfo=UTC)


def _certificate(subject: str = "mx", names: list[x509.GeneralName] | None = None, issuer: str = "The Issuer") -> bytes:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names longer than the rules allow
        whose, by = (
            x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, n, _validate=False)]) for n in (subject, issuer)
        )
    builder = (
        x509.CertificateBuilder()
        .subject_name(whose)
        .issuer_name(by)
        .public_key(_KEY.public_key())
        .serial_number(7)
        .not_valid_before(_START)
        .not_valid_after(_END)
    )
    if names is not None:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(_KEY, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def _dns(*names: str) -> list[x509.GeneralName]:
    return [x509.DNSName(name) for name in names]


_GOOD = _certificate(names=_dns("localhost"))


@pytest.mark.parametrize(
    ("number", "now", "words"),
    [
        (
            Code.ERR_CERT_HAS_EXPIRED,
            _END + timedelta(days=3, hours=2),
            "the certificate expired 3 days ago (2026-11-19)",
        ),
        (Code.ERR_CERT_HAS_EXPIRED, _END + timedelta(hours=1), "the certificate expired 1 hour ago (2026-11-19)"),
        (Code.ERR_CERT_HAS_EXPIRED, _END + timedelta(seconds=5), "the certificate expired a moment ago (2026-11-19)"),
        (
            Code.ERR_CERT_NOT_YET_VALID,
            _START - timedelta(days=1),
            "the certificate is not valid before 2026-01-02 (in 1 day)",
        ),
        (Code.ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, _NOW, "the issuer is not known here: CN=The Issuer"),
        (
            Code.ERR_DEPTH_ZERO_SELF_SIGNED_CERT,
            _NOW,
            "the certificate is self-signed: nobody known here vouches for it",
        ),
        (Code.ERR_INVALID_PURPOSE, _NOW, "the certificate is not meant for servers"),
        (66, _NOW, "the key of the certificate is too weak"),
        (
            9999,
            _NOW,
            "the certificate is not made as the rules for certificates ask (OpenSSL's verify error 9999)",
        ),
    ],
)
def test_each_fault_of_the_chain_is_a_sentence(number: int, now: datetime, words: str) -> None:
    assert judge([_GOOD], "localhost", [ChainError(0, number, _GOOD)], now).faults == (words,)


def test_a_fault_of_an_issuer_says_whose_and_nothing_is_said_twice() -> None:
    errors = [
        ChainError(1, Code.ERR_CERT_HAS_EXPIRED, _certificate("Old Issuer")),
        ChainError(0, Code.ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, _GOOD),
        ChainError(0, Code.ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, _GOOD),
    ]
    assert judge([_GOOD], "localhost", errors, _END + timedelta(days=1)).ca == (
        "the issuer's certificate (CN=Old Issuer) expired 1 day ago (2026-11-19)",
        "the issuer is not known here: CN=The Issuer",
    )


_ADDRESSES: list[x509.GeneralName] = [
    x509.IPAddress(ipaddress.ip_address("192.0.2.7")),
    x509.IPAddress(ipaddress.ip_address("2001:db8::7")),
]


@pytest.mark.parametrize(
    ("names", "server_name", "fault"),
    [
        (_dns("mx.example.org"), "MX.example.org", None),
        (_dns("mx.example.org"), "mx.example.org.", None),
        (_dns("*.example.org"), "mx.example.org", None),
        (_dns("xn--bcher-kva.example"), "bücher.example", None),
        (_dns("*.test", "mx.example.org"), "mx.example.org", None),
        (_ADDRESSES, "192.0.2.7", None),
        (_ADDRESSES, "[2001:db8::7]", None),
        (_ADDRESSES, "192.0.2.8", "the certificate is for 192.0.2.7, 2001:db8::7, not for 192.0.2.8"),
        (_dns("192.0.2.7"), "192.0.2.7", "the certificate is for 192.0.2.7 (as a DNS name), not for 192.0.2.7"),
        (_dns("*.example.org"), "a.mx.example.org", "the certificate is for *.example.org, not for a.mx.example.org"),
        (_dns("elsewhere.test"), "localhost", "the certificate is for elsewhere.test, not for localhost"),
        (
            _dns(*(f"{letter}.test" for letter in "abcdefg")),
            "localhost",
            "the certificate is for a.test, b.test, c.test, d.test and 3 more, not for localhost",
        ),
        ([], "localhost", "the certificate is for no host, not for localhost"),
        (None, "mx", "the certificate names no host (only CN=mx, which does not count)"),
        (_dns("mx"), "m x", "m x is neither a host name nor an address, so no certificate can be for it"),
    ],
)
def test_the_name_is_judged_by_rfc_6125(
    names: list[x509.GeneralName] | None, server_name: str, fault: str | None
) -> None:
    assert judge([_certificate(names=names)], server_name, []) == ((), (fault,) if fault else ())


def test_a_server_without_a_certificate_is_not_good() -> None:
    fault = ("the server showed no certificate",)
    assert judge([], "localhost", []) == (fault, fault)
    assert judge([], "localhost", []).faults == fault


@pytest.mark.parametrize(
    "text",
    ["\x1b]0;owned\x07", "a\r\nSet-Title", "\u202ecod.exe", "\x9b31m", "x" * 5000, "[/]"],
    ids=["title", "line", "bidi", "C1", "long", "markup"],
)
def test_what_a_certificate_says_reaches_nobody_raw(text: str) -> None:
    der = _certificate(subject=text, issuer=text, names=None)
    errors = [
        ChainError(0, Code.ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, der),
        ChainError(1, Code.ERR_INVALID_CA, der),
    ]
    faults = judge([der], "localhost", errors).faults
    assert len(faults) == 3
    for fault in faults:
        assert fault.isprintable()
        assert len(fault) < 250


@settings(max_examples=300)
@given(st.data())
def test_no_bytes_make_the_judge_raise(data: st.DataObject) -> None:
    spoilt = bytearray(_GOOD)
    for _ in range(data.draw(st.integers(0, 4))):
        spoilt[data.draw(st.integers(0, len(spoilt) - 1))] = data.draw(st.integers(0, 255))
    number = data.draw(st.integers(0, 100))
    error = ChainError(data.draw(st.integers(0, 2)), number, bytes(spoilt))
    faults = judge([bytes(spoilt)], "localhost", [error]).faults
    assert faults
    assert all(fault.isprintable() and fault for fault in faults)


@given(st.text())
def test_any_server_name_is_an_identity_or_none(name: str) -> None:
    identity_of(name)
    assert all(fault.isprintable() for fault in judge([_GOOD], name, []).faults)
