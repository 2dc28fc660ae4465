"""What a certificate says, for people to read; cryptography is loaded when the first one is looked at.

Whoever runs the server chose every field: they are raw, and shown through ``visible`` like anything foreign.
"""

from __future__ import annotations

import base64
import textwrap
import warnings
from collections.abc import Callable, Iterable
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple, TypeVar

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

T = TypeVar("T")

WEAK_RSA, WEAK_CURVE = 2048, 224
"""Bits of the smallest key that is not weak (NIST SP 800-57 part 1, 5.6.3)."""
_WEAK_DIGESTS = ("md2", "md5", "sha1")


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
    pin: str
    """SHA-256 of the public key's DER (SPKI), in base64."""
    key: str
    """``RSA, 2048 bits``."""
    weak_key: bool
    signature: str
    """``sha256WithRSAEncryption``."""
    weak_signature: bool
    serial: str
    """In hexadecimal."""
    subject_name: bytes
    """DER, to be compared with others' ``issuer_name``."""
    issuer_name: bytes

    @property
    def self_issued(self) -> bool:
        """Whether it names itself as its issuer."""
        return bool(self.subject_name) and self.subject_name == self.issuer_name

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
            read(_pin, ""),
            *read(_key, ("", False)),
            *read(_signature, ("", False)),
            read(lambda it: f"{it.serial_number:x}", ""),
            read(lambda it: it.subject.public_bytes(), b""),
            read(lambda it: it.issuer.public_bytes(), b""),
        )


def _pin(certificate: Certificate) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(sha256(key).digest()).decode()


def _key(certificate: Certificate) -> tuple[str, bool]:
    """The public key in words, and whether it is weak."""
    from cryptography.hazmat.primitives.asymmetric.dsa import DSAPublicKey
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    key = certificate.public_key()
    if isinstance(key, EllipticCurvePublicKey):
        return f"EC, {key.curve.name}, {key.key_size} bits", key.key_size < WEAK_CURVE
    if isinstance(key, RSAPublicKey | DSAPublicKey):
        kind = "RSA" if isinstance(key, RSAPublicKey) else "DSA"
        return f"{kind}, {key.key_size} bits", key.key_size < WEAK_RSA
    return type(key).__name__.removesuffix("PublicKey"), False


def _signature(certificate: Certificate) -> tuple[str, bool]:
    """The signature's algorithm, and whether its digest is weak."""
    identifier = certificate.signature_algorithm_oid
    name = identifier._name if identifier._name != "Unknown OID" else identifier.dotted_string
    try:
        digest = certificate.signature_hash_algorithm
    except Exception:  # one that is not known here
        digest = None
    return name, digest is not None and digest.name in _WEAK_DIGESTS


def pem(chain: Iterable[bytes]) -> str:
    """Certificates in DER as one text that every tool can read (RFC 7468 5)."""
    bodies = ("\n".join(textwrap.wrap(base64.b64encode(der).decode(), 64)) for der in chain)
    return "".join(f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n" for body in bodies)


def _names(certificate: Certificate) -> tuple[str, ...]:
    from cryptography import x509

    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    kinds: tuple[tuple[str, type[x509.GeneralName]], ...] = (
        ("DNS", x509.DNSName),
        ("IP", x509.IPAddress),
        ("email", x509.RFC822Name),
        ("URI", x509.UniformResourceIdentifier),
    )
    return tuple(f"{kind}:{name.value}" for kind, type_ in kinds for name in names if isinstance(name, type_))
