"""What a certificate says, for people to read; cryptography is loaded when the first one is looked at.

Whoever runs the server chose every field: they are raw, and shown through ``visible`` like anything foreign.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple, TypeVar

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

T = TypeVar("T")


class Described(NamedTuple):
    """The fields of one certificate; those that cannot be read are empty."""

    subject: str
    issuer: str
    common_name: str
    names: tuple[str, ...]
    """``DNS:mail.test``, ``IP:192.0.2.7``."""
    not_before: datetime | None
    not_after: datetime | None
    fingerprint: str
    """SHA-256 of the DER, in hexadecimal."""

    @property
    def line(self) -> str:
        """The certificate in one line."""
        until = f", until {self.not_after:%Y-%m-%d}" if self.not_after else ""
        names = f", {', '.join(self.names)}" if self.names else ""
        return f"{self.subject or 'no subject'}{names}, by {self.issuer or 'nobody'}{until}, {self.fingerprint[:16]}"


def described(der: bytes) -> Described:
    """What a certificate in DER says. Never raises, whatever the octets."""
    from cryptography import x509

    def read(field: Callable[[Certificate], T], default: T) -> T:
        try:
            return default if certificate is None else field(certificate)
        except Exception:  # cryptography raises many kinds, and no certificate may make us raise
            return default

    certificate: Certificate | None = None
    with warnings.catch_warnings():  # it warns of odd certificates on stderr, which is the screen
        warnings.simplefilter("ignore")
        try:
            certificate = x509.load_der_x509_certificate(der)
        except Exception:  # as above
            certificate = None
        common = x509.NameOID.COMMON_NAME
        return Described(
            read(lambda it: it.subject.rfc4514_string(), ""),
            read(lambda it: it.issuer.rfc4514_string(), ""),
            read(lambda it: str(it.subject.get_attributes_for_oid(common)[0].value), ""),
            read(_names, ()),
            read(lambda it: it.not_valid_before_utc, None),
            read(lambda it: it.not_valid_after_utc, None),
            sha256(der).hexdigest(),
        )


def _names(certificate: Certificate) -> tuple[str, ...]:
    from cryptography import x509

    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    hosts = [f"DNS:{name}" for name in names.get_values_for_type(x509.DNSName)]
    return (*hosts, *(f"IP:{address}" for address in names.get_values_for_type(x509.IPAddress)))
