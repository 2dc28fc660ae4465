"""The verdict on a server's certificates, in plain words (RFC 5280, RFC 6125).

OpenSSL says what is wrong with the chain, service-identity judges the name, and this room puts both into sentences.
Certificate fields are chosen by whoever runs the server: only printable characters of theirs get out.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple, TypeVar

from cryptography import x509
from OpenSSL.SSL import X509VerificationCodes as Code
from service_identity import CertificateError, VerificationError
from service_identity.hazmat import (
    DNS_ID,
    CertificatePattern,
    DNSPattern,
    IPAddress_ID,
    IPAddressPattern,
    verify_service_identity,
)

from smtpscope.visible import visible_text

T = TypeVar("T")

_NAMES_SHOWN = 4
_CELLS_SHOWN = 100
_KEY_TOO_SMALL, _ISSUER_KEY_TOO_SMALL, _DIGEST_TOO_WEAK = 66, 67, 68  # X509_V_ERR_*, which pyOpenSSL does not name

_NO_ISSUER = {
    Code.ERR_UNABLE_TO_GET_ISSUER_CERT,
    Code.ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
    Code.ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE,
    Code.ERR_CERT_UNTRUSTED,
    Code.ERR_SELF_SIGNED_CERT_IN_CHAIN,
}

_WORDS = {
    Code.ERR_DEPTH_ZERO_SELF_SIGNED_CERT: "{it} is self-signed: nobody known here vouches for it",
    Code.ERR_CERT_SIGNATURE_FAILURE: "the signature on {it} is wrong",
    Code.ERR_UNABLE_TO_DECRYPT_CERT_SIGNATURE: "the signature on {it} is wrong",
    Code.ERR_UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY: "the key of the issuer of {it} cannot be read",
    Code.ERR_ERROR_IN_CERT_NOT_BEFORE_FIELD: "{it} does not say readably from when it is valid",
    Code.ERR_ERROR_IN_CERT_NOT_AFTER_FIELD: "{it} does not say readably until when it is valid",
    Code.ERR_CERT_CHAIN_TOO_LONG: "the chain of certificates is too long",
    Code.ERR_CERT_REVOKED: "{it} has been revoked",
    Code.ERR_INVALID_CA: "{it} was used to issue another, and may not be",
    Code.ERR_KEYUSAGE_NO_CERTSIGN: "{it} was used to issue another, and may not be",
    Code.ERR_PATH_LENGTH_EXCEEDED: "the chain of certificates is longer than {it} permits",
    Code.ERR_INVALID_PURPOSE: "{it} is not meant for servers",
    Code.ERR_CERT_REJECTED: "{it} is marked here as not to be trusted",
    Code.ERR_UNHANDLED_CRITICAL_EXTENSION: "{it} has a condition that must be understood and is not",
    Code.ERR_INVALID_EXTENSION: "{it} has an extension that cannot be read",
    Code.ERR_PERMITTED_VIOLATION: "{it} has a name that its issuer may not certify",
    Code.ERR_EXCLUDED_VIOLATION: "{it} has a name that its issuer may not certify",
    _KEY_TOO_SMALL: "the key of {it} is too weak",
    _ISSUER_KEY_TOO_SMALL: "the key of {it} is too weak",
    _DIGEST_TOO_WEAK: "the signature on {it} is made with a digest that is too weak",
}


class ChainError(NamedTuple):
    """One fault as OpenSSL found it while it checked a chain."""

    depth: int
    """0 is the server's own certificate, its issuer's is 1."""
    number: int
    """X509_V_ERR_*."""
    certificate: bytes
    """DER of the certificate at fault."""


class Judged(NamedTuple):
    """The two verdicts, each as sentences without their full stop, empty where it is good."""

    ca: tuple[str, ...]
    """On the chain: who vouches for it, and its times."""
    name: tuple[str, ...]

    @property
    def faults(self) -> tuple[str, ...]:
        """Both, every fault once."""
        return tuple(dict.fromkeys(self.ca + self.name))


def identity_of(server_name: str) -> DNS_ID | IPAddress_ID | None:
    """What a certificate is compared with: an address, or a DNS name in its ASCII form; None if it is neither."""
    name = server_name.strip("[]").partition("%")[0].rstrip(".")
    try:
        return IPAddress_ID(name)
    except ValueError:
        pass
    try:
        return DNS_ID(name)
    except ValueError:
        return None


def judge(
    chain: Sequence[bytes], server_name: str, chain_errors: Iterable[ChainError], now: datetime | None = None
) -> Judged:
    """What is wrong with a chain, and with its name for ``server_name``.

    ``chain`` is DER, the server's own certificate first; ``now`` has a time zone. Never raises, whatever the bytes.
    """
    if not chain:
        return Judged(*[("the server showed no certificate",)] * 2)
    now = now or datetime.now(UTC)
    with warnings.catch_warnings():  # cryptography warns of odd certificates on stderr, which is the screen
        warnings.simplefilter("ignore")
        faults = dict.fromkeys(_chain_fault(error, now) for error in chain_errors)
        certificate = _load(chain[0])
        if certificate is None:
            unreadable = "the certificate cannot be read"
            return Judged((*faults, unreadable), (unreadable,))
        return Judged(tuple(faults), tuple(_name_faults(certificate, server_name)))


@lru_cache(maxsize=4)
def compared(der: bytes, server_name: str) -> tuple[tuple[str, bool], ...] | None:
    """Every alternative name of a certificate that a server can have, and whether ``server_name`` is that.

    None where they cannot be read.
    """
    with warnings.catch_warnings():  # as above
        warnings.simplefilter("ignore")
        certificate = _load(der)
        if certificate is None:
            return None
        try:
            hosts, addresses = _alternative_names(certificate)
        except x509.ExtensionNotFound:
            return ()
        except Exception:  # as in _load
            return None
    wanted = identity_of(server_name)
    patterns: list[tuple[str, CertificatePattern | None]] = [(_as_named(host), _pattern(host)) for host in hosts]
    patterns += [(str(address), IPAddressPattern(address)) for address in addresses]
    found = _matching([pattern for _, pattern in patterns if pattern is not None], wanted)
    return tuple((name, id(pattern) in found) for name, pattern in patterns)


def _matching(patterns: Sequence[CertificatePattern], wanted: DNS_ID | IPAddress_ID | None) -> set[int]:
    """The ids of those that match."""
    if wanted is None or not patterns:
        return set()
    try:
        return {id(match.cert_pattern) for match in verify_service_identity(patterns, [wanted], [])}
    except (VerificationError, CertificateError):
        return set()


def _load(der: bytes) -> x509.Certificate | None:
    try:
        return x509.load_der_x509_certificate(der)
    except Exception:  # cryptography raises many kinds, and here no certificate may make us raise
        return None


def _read(certificate: x509.Certificate | None, field: Callable[[x509.Certificate], T]) -> T | None:
    """One field, or None if it, or the certificate, cannot be read."""
    try:
        return field(certificate) if certificate else None
    except Exception:  # as above
        return None


def _chain_fault(error: ChainError, now: datetime) -> str:
    certificate = _load(error.certificate)
    it = "the certificate" if error.depth == 0 else f"the issuer's certificate ({_subject(certificate)})"
    if error.number in _NO_ISSUER:
        return f"the issuer is not known here: {_issuer(certificate)}"
    if error.number == Code.ERR_CERT_HAS_EXPIRED:
        end = _read(certificate, lambda it: it.not_valid_after_utc)
        return f"{it} expired {_span(now - end)} ago ({end:%Y-%m-%d})" if end else f"{it} has expired"
    if error.number == Code.ERR_CERT_NOT_YET_VALID:
        start = _read(certificate, lambda it: it.not_valid_before_utc)
        since = f"before {start:%Y-%m-%d} (in {_span(start - now)})" if start else "yet"
        return f"{it} is not valid {since}"
    if error.number in _WORDS:
        return _WORDS[error.number].format(it=it)
    return f"{it} is not made as the rules for certificates ask (OpenSSL's verify error {error.number})"


def _name_faults(certificate: x509.Certificate, server_name: str) -> list[str]:
    """What is wrong with the names of a certificate; a common name does not count as one (RFC 6125 6.4.4)."""
    wanted = identity_of(server_name)
    if wanted is None:
        return [f"{_shown(server_name)} is neither a host name nor an address, so no certificate can be for it"]
    try:
        hosts, addresses = _alternative_names(certificate)
    except x509.ExtensionNotFound:
        return [f"the certificate names no host (only {_subject(certificate)}, which does not count)"]
    except Exception:  # as in _load
        return ["the names in the certificate cannot be read"]
    patterns: list[CertificatePattern] = [pattern for host in hosts if (pattern := _pattern(host))]
    patterns += map(IPAddressPattern, addresses)
    if not _matching(patterns, wanted):
        listed = _listed([*map(_as_named, hosts), *map(str, addresses)])
        return [f"the certificate is for {listed}, not for {_shown(server_name)}"]
    return []


def _alternative_names(certificate: x509.Certificate) -> tuple[list[str], list[IPv4Address | IPv6Address]]:
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    addresses = names.get_values_for_type(x509.IPAddress)
    return names.get_values_for_type(x509.DNSName), [
        ip for ip in addresses if isinstance(ip, IPv4Address | IPv6Address)
    ]


def _pattern(host: str) -> DNSPattern | None:
    """A name to match with, or None for one that can match nothing: it must not spoil the names beside it."""
    try:
        return DNSPattern.from_bytes(host.encode())
    except CertificateError:
        return None


def _as_named(host: str) -> str:
    """A DNS name as it is shown; one that is an address is none that counts, and looks like one that does."""
    return f"{host} (as a DNS name)" if isinstance(identity_of(host), IPAddress_ID) else host


def _listed(names: Sequence[str]) -> str:
    if not names:
        return "no host"
    rest = len(names) - _NAMES_SHOWN
    shown = ", ".join(_shown(name) for name in names[:_NAMES_SHOWN])
    return f"{shown} and {rest} more" if rest > 0 else shown


def _subject(certificate: x509.Certificate | None) -> str:
    return _named(_read(certificate, lambda it: it.subject.rfc4514_string()))


def _issuer(certificate: x509.Certificate | None) -> str:
    return _named(_read(certificate, lambda it: it.issuer.rfc4514_string()))


def _named(name: str | None) -> str:
    return "a name that cannot be read" if name is None else _shown(name) or "a name that is empty"


def _span(span: timedelta) -> str:
    """A length of time in its largest unit: ``3 days``, ``1 hour``."""
    seconds = abs(int(span.total_seconds()))
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= size:
            count = seconds // size
            return f"{count} {unit}{'s' if count > 1 else ''}"
    return "a moment"


def _shown(text: str) -> str:
    return visible_text(text, limit=_CELLS_SHOWN)
