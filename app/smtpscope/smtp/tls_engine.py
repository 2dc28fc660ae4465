"""The engine under the TLS layer: pyOpenSSL's context, what its callbacks tell, and its errors in words."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from pathlib import Path

import certifi
from OpenSSL import SSL, crypto

from smtpscope.smtp.certificates import ChainError
from smtpscope.smtp.tls_options import TLSOptions
from smtpscope.visible import safe

# What the server means by an alert (RFC 8446 6.2, RFC 5246 7.2), to follow "the server broke off TLS: ".
_ALERTS = {
    10: "it did not expect our message",
    20: "it could not decrypt our data",
    21: "it could not decrypt our data",
    22: "our record is too long for it",
    40: "it shares no cipher, group or signature with us, or wants a client certificate",
    42: "it does not like our certificate",
    43: "it does not know this kind of client certificate",
    44: "our certificate has been revoked",
    45: "our certificate has expired",
    46: "it does not accept our certificate",
    47: "it finds a value of ours out of place",
    48: "it does not know the issuer (CA) of our certificate",
    49: "it denies us access",
    50: "it cannot read our message",
    51: "a signature or check value of ours is wrong to it",
    70: "it speaks no TLS version that we offer (1.2 and 1.3)",
    71: "our ciphers are too weak for it",
    80: "it has an internal error",
    86: "it sees us fall back to an older version than need be",
    90: "it was told to stop",
    109: "it misses an extension in our hello",
    112: "it knows no host by the name that we asked for",
    116: "it wants a client certificate",
    120: "it speaks no application protocol that we offer",
}

# What OpenSSL on our side objects to, by its reason strings.
_OBJECTIONS = {
    "unsupported protocol": "the server chose a TLS version older than 1.2",
    "wrong ssl version": "the server chose a TLS version that we did not offer",
    "wrong version number": "the server went on with something that is not TLS",
    "bad record type": "the server went on with something that is not TLS",
    "wrong cipher returned": "the server chose a cipher that we did not offer",
    "unknown cipher returned": "the server chose a cipher that we do not know",
    "unsafe legacy renegotiation disabled": "the server does not know secure renegotiation (RFC 5746)",
    "dh key too small": "the server's Diffie-Hellman key is too weak",
    "ee key too small": "the server's key is too weak",
    "decryption failed or bad record mac": "a record from the server was damaged on the way",
    "unexpected message": "the server sent a message out of turn",
    "nested asn1 error": "the server's certificate cannot be read",
    "ASN1 lib": "the server's certificate cannot be read",
    "unable to get certs public key": "the key in the server's certificate cannot be read",
    "bad signature": "the server's signature is wrong: it does not hold the key of its certificate",
}


class TLSFailed(Exception):
    """There is no TLS; ``reason`` is one sentence that says why, without its full stop."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass
class Notes:
    """What OpenSSL's callbacks tell of one connection."""

    errors: list[ChainError] = field(default_factory=list)
    alert: int | None = None


def make_context(options: TLSOptions) -> SSL.Context:
    """TLS 1.2 and newer, trusting the system's roots and ``options.ca_path``; raises TLSFailed if that is unreadable.

    Takes some 30 ms where the roots are one large file, so make one and keep it.
    """
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_options(SSL.OP_NO_RENEGOTIATION)  # so that a write never has to wait for a read
    context.set_verify(SSL.VERIFY_PEER, _note_verdict)
    context.set_info_callback(_note_alert)
    context.set_default_verify_paths()
    if not _system_has_roots():
        context.load_verify_locations(certifi.where())
    if options.ca_path is not None:
        _trust(context, options.ca_path)
    return context


def _system_has_roots() -> bool:
    paths = ssl.get_default_verify_paths()  # None for what does not exist; heeds SSL_CERT_FILE and SSL_CERT_DIR
    has_file = paths.cafile is not None and Path(paths.cafile).stat().st_size > 0
    return has_file or (paths.capath is not None and any(Path(paths.capath).iterdir()))


def _trust(context: SSL.Context, ca_path: str) -> None:
    path = Path(ca_path)
    try:
        if path.is_dir():
            context.load_verify_locations(None, ca_path)  # finds files named by hash (openssl rehash)
            for file in (*path.glob("*.pem"), *path.glob("*.crt")):
                context.load_verify_locations(str(file))
        else:
            context.load_verify_locations(ca_path)
    except SSL.Error:
        raise TLSFailed(f"no certificates can be read from {safe(ca_path)}") from None


def _note_verdict(connection: SSL.Connection, certificate: crypto.X509, number: int, depth: int, _ok: int) -> bool:
    """OpenSSL asks here for each certificate and each fault; True lets it go on, so that all faults come out."""
    if number:
        notes: Notes = connection.get_app_data()
        notes.errors.append(ChainError(depth, number, crypto.dump_certificate(crypto.FILETYPE_ASN1, certificate)))
    return True


def _note_alert(connection: SSL.Connection, where: int, value: int) -> None:
    if where == SSL.SSL_CB_READ_ALERT and value & 0xFF:  # 0 is close_notify, which is told apart by reading
        notes: Notes = connection.get_app_data()
        notes.alert = value & 0xFF


def why(error: SSL.Error, notes: Notes) -> str:
    """A pyOpenSSL error as a sentence without its full stop; an alert from the server says more than the error."""
    if notes.alert is not None:
        meaning = _ALERTS.get(notes.alert, "it gave no reason known here")
        return f"the server broke off TLS: {meaning} (alert {notes.alert})"
    reasons = [str(entry[-1]) for entry in error.args[0]] if error.args and isinstance(error.args[0], list) else []
    for reason in reasons:
        if reason in _OBJECTIONS:
            return _OBJECTIONS[reason]
    return f"the server's TLS is not as it should be ({reasons[0] if reasons else 'no reason known'})"
