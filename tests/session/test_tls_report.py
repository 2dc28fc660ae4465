"""The report on TLS: every figure and fault in words, from the recorded event alone, whatever certificates say."""

from __future__ import annotations

import ssl
import warnings
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from time import process_time
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from smtpscope.secret import Secret
from smtpscope.session.certificates import described, pem
from smtpscope.session.known_certificates import Known
from smtpscope.session.redact import Redactor
from smtpscope.session.tls_report import _common_name, in_a_line, in_brief, tls_lines
from smtpscope.smtp.certificates import judge
from smtpscope.smtp.events import Secured

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
WALL = NOW.timestamp()
_KEY = ec.generate_private_key(ec.SECP256R1())
_WEAK = rsa.generate_private_key(65537, 1024)


def made(
    subject: str = "mx.example.org",
    issuer: str = "The Root",
    names: list[x509.GeneralName] | None = None,
    days: tuple[float, float] = (-10, 80),
    key: Any = _KEY,
) -> bytes:
    """A certificate in DER; who signs it does not matter here."""

    def name(text: str) -> x509.Name:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it is too long on purpose
            return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text, _validate=False)])

    builder = (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(name(issuer))
        .public_key(key.public_key())
        .serial_number(0xC0FFEE)
        .not_valid_before(NOW + timedelta(days=days[0]))
        .not_valid_after(NOW + timedelta(days=days[1]))
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def dns(*names: str) -> list[x509.GeneralName]:
    return [x509.DNSName(name) for name in names]


LEAF = made(names=[*dns("mx.example.org", "*.example.net"), x509.IPAddress(ip_address("192.0.2.7"))], issuer="Middle")
MIDDLE = made("Middle", "The Root")
ROOT = made("The Root", "The Root")


def secured(*chain: bytes, **given: Any) -> Secured:
    facts: dict[str, Any] = {
        "time": 1.0,
        "version": "TLSv1.3",
        "cipher": "TLS_AES_256_GCM_SHA384",
        "bits": 256,
        "server_name": "mx.example.org",
        "group": "X25519",
        "sni": "mx.example.org",
    }
    return Secured(**facts | {"chain": chain} | given)


def report(event: Secured | None, earlier: Known | None = None, redactor: Redactor | None = None) -> str:
    lines = tls_lines(event, WALL, earlier, redactor or Redactor())
    assert {kind for line in lines for _, kind in line} <= {"text", "dim", "strong", "good", "bad", "warn"}
    assert all(text.isprintable() for line in lines for text, _ in line)
    return "\n".join("".join(text for text, _ in line) for line in lines)


def test_a_good_session_is_told_in_full_and_has_no_problem() -> None:
    text = report(secured(LEAF, MIDDLE))
    for words in (
        "TLSv1.3, TLS_AES_256_GCM_SHA384, 256 bits",
        "group           X25519",
        "SNI sent        mx.example.org",
        "CA verdict      good",
        "name verdict    good: it is for mx.example.org",
        "1  CN=mx.example.org  the server's own",
        "issuer       CN=Middle",
        "names        mx.example.org  is it",
        "*.example.net  is another",
        "192.0.2.7  is another",
        "key          EC, secp256r1, 256 bits",
        "signature    ecdsa-with-SHA256",
        "serial       c0ffee",
        f"SHA-256      {described(LEAF).fingerprint}",
        "2026-11-12 to 2027-02-10, 80 days left",
        "  2  CN=Middle  its issuer",
        "issuer     CN=The Root",
    ):
        assert words in text
    assert "problems" not in text


def test_the_pin_is_that_of_the_public_key() -> None:
    """As ``openssl x509 -pubkey | openssl pkey -pubin -outform der | openssl dgst -sha256`` has it."""
    import base64
    import hashlib

    spki = _KEY.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    assert f"sha256//{base64.b64encode(hashlib.sha256(spki).digest()).decode()}" in report(secured(LEAF))


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (secured(LEAF, ca_faults=("the issuer is not known here: CN=Middle",)), "An intermediate certificate is miss"),
        (
            secured(ROOT, ca_faults=("it is self-signed",)),
            "The certificate is self-signed: it vouches for itself only.",
        ),
        (
            secured(made(key=ec.generate_private_key(ec.SECP192R1()))),
            "The key of the server's certificate is weak: EC, secp192r1, 192 bits, and 224 bits are the least.",
        ),
        (secured(made(days=(3, 90))), "The server's certificate is not valid yet: it begins on 2026-11-25."),
        (secured(made(key=_WEAK)), "The key of the server's certificate is weak: RSA, 1024 bits"),
        (secured(made(days=(-90, -3))), "The server's certificate has ended: 2026-11-19."),
        (secured(made(days=(-90, 5))), "The server's certificate ends in 5 days: 2026-11-27."),
        (secured(LEAF, made("Middle", "The Root", days=(-9, -1))), "Certificate 2 (CN=Middle) has ended"),
        (secured(b"no certificate"), "The server's certificate cannot be read."),
        (secured(), "The server showed no certificate."),
        (secured(LEAF, version="TLSv1"), "TLSv1 is not to be used any more (RFC 8996)."),
        (secured(LEAF, version="TLSv1.2", cipher="AES128-SHA"), "No forward secrecy"),
    ],
)
def test_each_problem_is_a_sentence(event: Secured, words: str) -> None:
    problems = report(event).partition("problems\n")[2].partition("\n\n")[0]
    assert f"x {words}" in problems


def test_what_is_trusted_here_is_no_problem() -> None:
    text = report(secured(ROOT))
    assert "problems" not in text
    assert "! The certificate is self-signed, and trusted here" in text


def test_a_good_verdict_says_what_was_not_asked() -> None:
    assert "whether it was revoked is not asked" in report(secured(LEAF, MIDDLE))


@pytest.mark.parametrize(
    ("end", "words"),
    [
        (timedelta(days=-3, hours=-7), ", 3 days ago"),
        (timedelta(hours=-5), ", less than a day ago"),
        (timedelta(hours=5), ", less than a day left"),
        (timedelta(days=1, hours=5), ", 1 day left"),
    ],
)
def test_days_are_whole_ones_on_both_sides(end: timedelta, words: str) -> None:
    der = made(days=(-90, end / timedelta(days=1)))
    text = report(secured(der))
    assert f"{words}\n" in f"{text}\n"
    assert ("has ended" in text) == (end < timedelta())


def test_the_verdicts_come_first() -> None:
    """A small screen shows eight lines of it."""
    lines = report(secured(LEAF, MIDDLE)).split("\n")
    assert [line.split("  ")[0] for line in lines[1:3]] == ["CA verdict", "name verdict"]


@pytest.mark.parametrize("cipher", ["ECDHE-RSA-AES128-SHA", "DHE-RSA-AES128-SHA", "AECDH-AES256-SHA", "ADH-AES128-SHA"])
def test_keys_that_last_for_one_session_are_no_problem(cipher: str) -> None:
    assert "forward secrecy" not in report(secured(LEAF, version="TLSv1.2", cipher=cipher))


@pytest.mark.parametrize(
    ("group", "cipher", "words"),
    [
        ("X25519MLKEM768", "TLS_AES_128_GCM_SHA256", "X25519MLKEM768, a hybrid"),
        ("", "DHE-RSA-AES128-GCM-SHA256", "Diffie-Hellman with numbers of the server's own"),
        ("", "AES128-SHA", "none, or not known"),
    ],
)
def test_the_group_is_told_in_words(group: str, cipher: str, words: str) -> None:
    assert f"group           {words}" in report(secured(LEAF, group=group, cipher=cipher))


def test_fields_stand_apart_however_long_the_chain() -> None:
    chain = [made(str(number), str(number + 1)) for number in range(8)]
    lines = report(secured(*chain)).split("\n")
    assert sum("signature  ecdsa-with-SHA256" in line for line in lines) == 7
    assert max(len(line) for line in lines if "SHA-256" in line) < 8 + 3 + 16 + 64


def test_names_that_cannot_be_read_are_not_told_as_none() -> None:
    spoilt = made(names=dns("a" * 16)).replace(b"a" * 16, b"\xff" * 16)
    for octets in (spoilt, b"no certificate"):
        text = report(secured(octets))
        assert "names        cannot be read" in text
        assert "does not count" not in text
    assert "cannot be read to" not in report(secured(b"no certificate"))


def test_an_address_among_the_dns_names_is_told_as_that() -> None:
    text = report(secured(made(names=[*dns("192.0.2.7"), x509.RFC822Name("a@b.test")]), server_name="192.0.2.7"))
    assert "192.0.2.7 (as a DNS name)  is another" in text
    assert "not compared: email:a@b.test" in text


def test_thousands_of_names_are_compared_in_no_time() -> None:
    """The tab is made anew each second; 5,000 names one by one took half of one."""
    names = dns(*(f"h{number}.test" for number in range(5000)), "mx.example.org")
    event = secured(made(names=names))
    report(event)
    began = process_time()
    assert "mx.example.org  is it" in report(event)
    assert process_time() - began < 0.2


def test_a_weak_digest_counts_on_a_server_and_not_on_a_root() -> None:
    with_sha256, with_sha1 = (bytes.fromhex(f"2a864886f70d0101{digest}") for digest in ("0b", "05"))
    weak = made(key=_WEAK).replace(with_sha256, with_sha1)
    root = made("The Root", "The Root", key=_WEAK).replace(with_sha256, with_sha1)
    assert "The signature on the server's certificate is weak: sha1WithRSAEncryption." in report(secured(weak))
    assert "The signature on certificate 2" not in report(secured(LEAF, root))


def test_both_verdicts_are_told_apart() -> None:
    faults = judge([LEAF], "localhost", [])
    event = secured(LEAF, server_name="localhost", faults=faults.faults, ca_faults=faults.ca, name_faults=faults.name)
    text = report(event)
    assert "CA verdict      good" in text
    assert "name verdict    bad: the certificate is for mx.example.org, *.example.net, 192.0.2.7, not for loc" in text
    assert "is it" not in text.replace("it is in its time", "")


def test_a_record_of_before_the_verdicts_were_told_apart_is_still_bad() -> None:
    assert "CA verdict      bad: the certificate expired" in report(secured(LEAF, faults=("the certificate expired",)))


def test_the_chain_is_a_tree_whatever_order_it_comes_in() -> None:
    text = report(secured(LEAF, ROOT, MIDDLE, made("Someone", "Else")))
    at = [text.index(words) for words in ("1  CN=mx", "  3  CN=Middle", "    2  CN=The Root", "4  CN=Someone")]
    assert at == sorted(at)
    assert "! The certificates are not in the order of the chain" in text
    assert "! Certificate 4 does not belong to the chain" in text
    assert "! The server sends its root along" in text
    assert "problems" not in text


def test_a_certificate_that_changed_is_told_with_its_key() -> None:
    it = described(LEAF)
    same = Known(it.fingerprint, it.pin, 0.0, WALL - 86400)
    assert "The same certificate as on 2026-11-21." in report(secured(LEAF), same)
    renewed = report(secured(LEAF), Known("ab" * 32, it.pin, WALL + 86400, WALL - 86400))
    assert "x The certificate has changed since 2026-11-21: its key is the same; the old one ends or" in renewed
    assert "so this may be its renewal" in renewed
    other = report(secured(LEAF), Known("ab" * 32, "x", WALL + 86400 * 300, WALL - 86400))
    assert "its key is another one, too" in other
    assert "renewal" not in other


def test_without_tls_or_a_known_time_nothing_is_made_up() -> None:
    assert report(None) == "TLS is not in use on this connection."
    lines = tls_lines(secured(made(days=(-90, -3))), 0.0, None, Redactor())
    text = "".join(words for line in lines for words, _ in line)
    assert " left" not in text
    assert " ago" not in text


def test_a_client_certificate_that_was_asked_for_is_told() -> None:
    assert "our certificate asked for, not sent" in report(secured(LEAF, client_certificate="not sent"))
    assert "our certificate not asked for" in report(secured(LEAF))


def test_a_secret_that_a_certificate_says_back_is_hidden() -> None:
    redactor = Redactor()
    redactor.know(Secret("wonderland"))
    text = report(secured(made("cn-wonderland", names=dns("wonderland.test"))), redactor=redactor)
    assert "wonderland" not in text


@pytest.mark.parametrize(
    "text",
    ["\x1b]0;owned\x07", "good.test\0.evil.test", "\u202ecod", "x" * 5000, "[/]", "a\nb"],
    ids=["title", "NUL", "bidi", "long", "markup", "line"],
)
def test_a_hostile_name_is_shown_and_does_nothing(text: str) -> None:
    shown = report(secured(made(text, issuer=text, names=dns("a.test"))))
    assert "a.test" in shown
    assert len(shown) < 6000


def test_many_names_and_certificates_are_cut() -> None:
    names = dns(*(f"h{number}.test" for number in range(3000)))
    assert "2,940 more names are not listed" in report(secured(made(names=names)))
    assert "8 more certificates are not listed" in report(secured(*(made(str(number)) for number in range(20))))


@settings(max_examples=200)
@given(st.data())
def test_no_certificate_makes_it_raise(data: st.DataObject) -> None:
    spoilt = bytearray(LEAF)
    for _ in range(data.draw(st.integers(0, 4))):
        spoilt[data.draw(st.integers(0, len(spoilt) - 1))] = data.draw(st.integers(0, 255))
    chain = data.draw(st.permutations([bytes(spoilt), MIDDLE, data.draw(st.binary(max_size=50))]))
    assert report(secured(*chain, server_name=data.draw(st.text(max_size=20)), version=data.draw(st.text())))


@given(st.lists(st.binary(min_size=1, max_size=200), max_size=3))
def test_pem_is_what_others_read(chain: list[bytes]) -> None:
    text = pem(chain)
    blocks = [f"{block}-----END CERTIFICATE-----\n" for block in text.split("-----END CERTIFICATE-----\n")[:-1]]
    assert [ssl.PEM_cert_to_DER_cert(block) for block in blocks] == chain


# -- in brief


def brief_of(event: Secured, redactor: Redactor | None = None) -> str:
    lines = in_brief(event, WALL, redactor or Redactor())
    assert all(text.isprintable() for line in lines for text, _ in line)
    return "\n".join("".join(text for text, _ in line) for line in lines)


def test_in_brief_are_verdicts_session_names_issuer_and_end() -> None:
    said = brief_of(secured(LEAF, MIDDLE))
    assert "CA verdict      good" in said
    assert "name verdict    good: it is for mx.example.org" in said
    assert "TLSv1.3, TLS_AES_256_GCM_SHA384" in said
    assert "certificate     CN=mx.example.org" in said
    assert "issuer          CN=Middle" in said
    assert "DNS:mx.example.org, DNS:*.example.net" in said
    assert "valid           until 2027-02-10, 80 days left" in said
    bad = brief_of(secured(made(days=(-10, -3)), ca_faults=("it has expired",), faults=("it has expired",)))
    assert "CA verdict      bad: it has expired" in bad
    assert "until 2026-11-19, 3 days ago" in bad
    assert "begins in 2 days" in brief_of(secured(made(days=(2, 30))))


def test_one_line_says_the_same() -> None:
    end = "until 2027-02-10 (80 days)"
    assert in_a_line(secured(LEAF), WALL, Redactor()) == f"TLSv1.3 · AES_256_GCM · mx.example.org by Middle · {end}"
    organization = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Some CA")]).rfc4514_string()
    assert _common_name(f"OU=Testing,{organization}") == "Some CA"
    assert "The Root by itself" in in_a_line(secured(ROOT), WALL, Redactor())
    older = in_a_line(secured(LEAF, version="TLSv1.2", cipher="ECDHE-RSA-AES256-GCM-SHA384"), WALL, Redactor())
    assert older.startswith("TLSv1.2 · ECDHE-RSA-AES256-GCM-SHA384 · ")
    assert in_a_line(secured(), WALL, Redactor()).endswith("no certificate was shown")


def test_no_certificate_and_no_secret_breaks_what_is_brief() -> None:
    assert "none was shown" in brief_of(secured())
    assert "cannot be read" in brief_of(secured(b"no certificate"))
    assert in_a_line(secured(b"no certificate"), 0.0, Redactor())
    redactor = Redactor()
    redactor.know(Secret("wonderland"))
    event = secured(made("wonderland", "\x1b]0;x\a wonderland", [*dns("wonderland")]))
    assert "wonderland" not in brief_of(event, redactor)
    line = in_a_line(event, WALL, redactor)
    assert line.isprintable()
    assert "wonderland" not in line


def test_what_is_asked_first_stands_first() -> None:
    said = report(secured(LEAF, ROOT))
    order = ["issuer", "names", "valid", "key", "serial", "SPKI pin", "ALPN", "resumption"]
    assert [*map(said.index, order)] == sorted(map(said.index, order))
    chain = report(secured(made(issuer="The Root", names=dns("mx.example.org")), ROOT))
    assert chain.index("valid") < chain.index("sends its root along")
