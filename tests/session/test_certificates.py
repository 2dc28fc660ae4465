"""What a certificate says, in the transcript as swaks says it; whatever the octets."""

from __future__ import annotations

import ssl

from hypothesis import given
from hypothesis import strategies as st

from servers import certificates
from smtpscope.session.certificates import described
from smtpscope.session.redact import Redactor
from smtpscope.session.transcript import transcript
from smtpscope.smtp.events import Opened, Secured


def der(*names: str, common_name: str | None = None) -> bytes:
    issued = certificates.authority().issue_cert(*names, common_name=common_name)
    return ssl.PEM_cert_to_DER_cert(issued.cert_chain_pems[0].bytes().decode())


def shown(*chain: bytes) -> list[str]:
    secured = Secured(0.1, "TLSv1.3", "TLS_AES_256_GCM_SHA384", 256, "mail.test", chain=chain)
    return transcript([Opened(0.0, "mail.test", 25), secured], redact=Redactor()).split("\n")[:-1]


def test_the_fields_of_a_certificate() -> None:
    it = described(der("mail.test", "192.0.2.7", common_name="mail.test"))
    assert it.common_name == "mail.test"
    assert it.names == ("DNS:mail.test", "IP:192.0.2.7")
    assert "smtpscope test CA" in it.issuer
    assert it.not_before is not None
    assert it.not_after is not None
    assert it.not_before < it.not_after
    assert len(it.fingerprint) == 64


def test_the_transcript_names_each_certificate_as_swaks_does() -> None:
    lines = shown(der("mail.test", "*.mail.test", common_name="mail.test"), der("ca.test"))
    assert lines[2].startswith("=== TLS peer[0]   subject=[CN=mail.test,")
    assert lines[3].startswith(
        "===               commonName=[mail.test], subjectAltName=[DNS:mail.test, DNS:*.mail.test]"
    )
    assert lines[3].endswith(" notAfter=[3000-01-01T00:00:00Z]")
    assert lines[4].startswith("=== TLS peer[1]   subject=[OU=")
    assert lines[-1].startswith("=== TLS peer certificate passed")


def test_no_control_character_of_a_certificate_gets_out() -> None:
    lines = shown(der("mail.test", common_name="\x1b]0;owned\x07\u202e"))
    assert all(line.isprintable() for line in lines)
    assert any("\\x1b]0;owned\\x07<U+202E>" in line for line in lines)


@given(octets=st.binary(max_size=200))
def test_octets_that_are_no_certificate_are_empty_fields(octets: bytes) -> None:
    it = described(octets)
    assert it.subject == ""
    assert it.not_after is None
    assert "no subject" in it.line


@given(at=st.integers(0, 400), octet=st.integers(0, 255))
def test_a_broken_certificate_raises_nothing(at: int, octet: int) -> None:
    data = bytearray(GOOD)
    data[at] = octet
    described(bytes(data)).line.encode("utf-8", "surrogateescape")


GOOD = der("mail.test", "192.0.2.7")
