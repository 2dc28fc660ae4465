"""Channel bindings: octets that both ends of one TLS session know, and nobody who sits between two (RFC 5056)."""

from __future__ import annotations

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from OpenSSL import SSL, crypto

KINDS = ("tls-exporter", "tls-unique", "tls-server-end-point")


def binding(engine: SSL.Connection, kind: str = "") -> tuple[str, bytes]:
    """The binding of one kind; if none is given, that which is the default of the session's TLS version (RFC 9266 3).

    ValueError for a kind that the session does not have.
    """
    kind = kind or ("tls-exporter" if _is_1_3(engine) else "tls-unique")
    match kind:
        case "tls-exporter":
            return kind, engine.export_keying_material(b"EXPORTER-Channel-Binding", 32, b"")
        case "tls-unique":
            if _is_1_3(engine):
                raise ValueError("TLS 1.3 has no tls-unique (RFC 9266 1): choose tls-exporter")
            if (finished := engine.get_finished()) is None:
                raise ValueError("the TLS session has no Finished message to bind to")
            return kind, finished
        case "tls-server-end-point":
            return kind, _end_point(engine)
    raise ValueError(f"{kind} is no channel binding that is known here: choose one of {', '.join(KINDS)}")


def _is_1_3(engine: SSL.Connection) -> bool:
    return engine.get_protocol_version_name() == "TLSv1.3"


def _end_point(engine: SSL.Connection) -> bytes:
    """The hash of the server's certificate, by its signature's own hash, SHA-256 in place of weak ones (RFC 5929 4)."""
    certificate = engine.get_peer_certificate()
    if certificate is None:
        raise ValueError("the server has shown no certificate to bind to")
    der = crypto.dump_certificate(crypto.FILETYPE_ASN1, certificate)
    try:
        algorithm = x509.load_der_x509_certificate(der).signature_hash_algorithm
    except (UnsupportedAlgorithm, ValueError):
        algorithm = None
    if algorithm is None:
        raise ValueError("the certificate's signature has no hash of its own: tls-server-end-point is not defined")
    weak = isinstance(algorithm, hashes.MD5 | hashes.SHA1)
    digest = hashes.Hash(hashes.SHA256() if weak else algorithm)
    digest.update(der)
    return digest.finalize()
