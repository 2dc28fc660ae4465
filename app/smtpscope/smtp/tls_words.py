"""What went wrong with TLS, in words: alerts of both directions, OpenSSL's objections, and how far a handshake came."""

from __future__ import annotations

from dataclasses import dataclass, field

from OpenSSL import SSL

from smtpscope.smtp.certificates import ChainError
from smtpscope.smtp.tls_names import alert_name
from smtpscope.smtp.tls_options import TLSOptions
from smtpscope.visible import safe

# What the server means by an alert (RFC 8446 6.2, RFC 5246 7.2), to follow "the server broke off TLS: ".
_ALERTS = {
    10: "it did not expect our message",
    20: "it could not decrypt our data",
    21: "it could not decrypt our data",
    22: "our record is too long for it",
    40: "it shares no cipher, group or signature with us",
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
    70: "it speaks no TLS version that we offer ({versions})",
    71: "our ciphers are too weak for it",
    80: "it has an internal error",
    86: "it sees us fall back to an older version than need be",
    90: "it was told to stop",
    109: "it misses an extension in our hello",
    110: "it does not expect an extension in our hello",
    112: "it knows no host by the name that we asked for, {sni}",
    116: "it wants a client certificate",
    120: "it speaks no application protocol that we offer",
}
_NO_NAME = "it wants to be asked for a host by name (SNI), and we sent none"
_ANEW = "it wanted to negotiate anew, which is refused here"
_NO_RENEGOTIATION = 100
_USER_CANCELED = 90
_CERTIFICATE_WANTED = (40, 42, 46, 49, 116)
"""What servers say where a client certificate that they asked for did not come."""

# What OpenSSL on our side objects to, by its reason strings.
_OBJECTIONS = {
    "unsupported protocol": "the server chose a TLS version older than {oldest}",
    "wrong ssl version": "the server chose a TLS version that we did not offer",
    "wrong version number": "the server went on with something that is not TLS",
    "bad record type": "the server went on with something that is not TLS",
    "wrong cipher returned": "the server chose a cipher that we did not offer",
    "unknown cipher returned": "the server chose a cipher that we do not know",
    "no protocols available": "none of the TLS versions chosen ({versions}) can be spoken with these ciphers",
    "no ciphers available": "no cipher chosen here can be used with TLS {versions}",
    "unsafe legacy renegotiation disabled": "the server does not know secure renegotiation (RFC 5746)",
    "dh key too small": "the server's Diffie-Hellman key is too weak: "
    "--tls-cipher 'DEFAULT:@SECLEVEL=0' takes weak keys, to look at it",
    "ee key too small": "the server's key is too weak",
    "decryption failed or bad record mac": "a record from the server was damaged on the way",
    "data length too long": "the server sent a record longer than TLS permits",
    "encrypted length too long": "the server sent a record longer than TLS permits",
    "excessive message size": "the server sent a message that is longer than is taken here",
    "no suitable key share": "the server chose a group that we did not offer",
    "wrong curve": "the server chose a group that we did not offer",
    "wrong signature type": "the server signed in a way that we did not offer",
    "too many warn alerts": "the server sent too many warnings",
    "unexpected message": "the server sent a message out of turn",
    "nested asn1 error": "the server's certificate cannot be read",
    "ASN1 lib": "the server's certificate cannot be read",
    "unable to get certs public key": "the key in the server's certificate cannot be read",
    "bad signature": "the server's signature is wrong: it does not hold the key of its certificate",
}

# OpenSSL's words for where a handshake stands, as the message that passed last (RFC 8446 4, RFC 5246 7.4).
_MESSAGES = {
    "write client hello": "our ClientHello",
    "read server hello": "the ServerHello",
    "read encrypted extensions": "the EncryptedExtensions",
    "read server certificate": "the server's Certificate",
    "read server certificate verify": "the server's CertificateVerify",
    "read server key exchange": "the ServerKeyExchange",
    "read server certificate request": "the CertificateRequest",
    "read server done": "the ServerHelloDone",
    "read server session ticket": "the NewSessionTicket",
    "read finished": "the server's Finished",
    "write client certificate": "our Certificate",
    "write client key exchange": "our ClientKeyExchange",
    "write certificate verify": "our CertificateVerify",
    "write finished": "our Finished",
}
CLIENT_HELLO = _MESSAGES["write client hello"]
CERTIFICATE_REQUEST = _MESSAGES["read server certificate request"]


@dataclass
class Notes:
    """What OpenSSL's callbacks tell of one connection."""

    options: TLSOptions = field(default_factory=TLSOptions)
    errors: list[ChainError] = field(default_factory=list)
    alert: int | None = None
    """The server's."""
    warned: int | None = None
    """The server's last warning, which ends nothing."""
    our_alert: int | None = None
    sni: str = ""
    """The name that our hello asks for, empty for none."""
    ended: bool = False
    """Whether the server sent close_notify."""
    finished: bool = False
    """Whether the handshake is over."""
    last: str = ""
    """The last message of the handshake, ``our ClientHello``; empty before it."""
    asked: bool = False
    """Whether the server asked for a client certificate."""

    def passed(self, state: str) -> None:
        """A state of OpenSSL's: remember which message it tells of."""
        message = _MESSAGES.get(state.partition(" ")[2])
        if message is not None:
            self.last = message
            self.asked = self.asked or message == CERTIFICATE_REQUEST

    def heard(self, level: int, number: int, version: str) -> None:
        """An alert of the server's. In TLS 1.3 the level says nothing (RFC 8446 6)."""
        chosen = self.last not in ("", CLIENT_HELLO)
        if number == 0:
            self.ended = True
        elif level == 1 and (number == _USER_CANCELED or not (chosen and version == "TLSv1.3")):
            self.warned = number
        else:
            self.alert = number

    @property
    def where(self) -> str:
        """How far the handshake came, and what we had to say, to end a sentence with; empty where it has not begun."""
        if not self.last:
            return ""
        warned = f"; it had warned us with {alert_name(self.warned)}" if self.warned is not None else ""
        said = f"; we sent {alert_name(self.our_alert)}" if self.our_alert is not None else ""
        return f", after {self.last}{warned}{said}"


def why(error: SSL.Error, notes: Notes) -> str:
    """A pyOpenSSL error as a sentence without its full stop; an alert from the server says more than the error."""
    versions = notes.options.versions
    words = {"versions": versions, "oldest": versions.split(" ")[0].strip(","), "sni": safe(notes.sni)}
    if notes.alert is not None:
        return f"the server broke off TLS: {_meaning(notes).format(**words)} ({alert_name(notes.alert)})"
    if notes.ended and not notes.finished:
        return "the server ended TLS in the middle of the handshake (close_notify)"
    reasons = [str(entry[-1]) for entry in error.args[0]] if error.args and isinstance(error.args[0], list) else []
    for reason in reasons:
        if reason in _OBJECTIONS:
            return _OBJECTIONS[reason].format(**words)
    return f"the server's TLS is not as it should be ({next(filter(None, reasons), 'no reason known')})"


def _meaning(notes: Notes) -> str:
    assert notes.alert is not None
    if notes.asked and notes.options.cert is None and notes.alert in _CERTIFICATE_WANTED:
        return _ALERTS[116]
    if notes.alert == 112 and not notes.sni:
        return _NO_NAME
    if notes.finished and notes.our_alert == _NO_RENEGOTIATION:
        return _ANEW
    return _ALERTS.get(notes.alert, "it gave no reason known here")


def seconds(count: float) -> str:
    """A time in words."""
    return f"{count:g} second{'' if count == 1 else 's'}"
