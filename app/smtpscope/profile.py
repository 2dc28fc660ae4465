"""Profile: what the user gave on the command line, checked; and the readers of its single values.

Every reader raises ValueError with one plain sentence; text from the command line stands in it as given,
so whoever shows the sentence makes it safe first.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from typing import Literal

from smtpscope.secret import Secret
from smtpscope.smtp.tls_options import TLSOptions

Tls = Literal["none", "starttls", "implicit"]
Optional = Literal["", "any", "strict"]
Family = Literal[0, 4, 6]
Auto = Literal["none", "banner", "ehlo", "tls", "auth"]

AUTO: tuple[Auto, ...] = ("none", "banner", "ehlo", "tls", "auth")
"""How far a start runs by itself, each further than the one before."""

MECHANISMS = (
    "SCRAM-SHA-512-PLUS",
    "SCRAM-SHA-256-PLUS",
    "SCRAM-SHA-1-PLUS",
    "SCRAM-SHA-512",
    "SCRAM-SHA-256",
    "SCRAM-SHA-1",
    "DIGEST-MD5",
    "CRAM-MD5",
    "PLAIN",
    "LOGIN",
    "OAUTHBEARER",
    "XOAUTH2",
    "EXTERNAL",
    "ANONYMOUS",
)
"""The AUTH mechanisms that the command line knows."""

# Minimal systems have no services file; these names are swaks users' habit.
_PORTS = {"smtp": 25, "smtps": 465, "submissions": 465, "submission": 587, "lmtp": 24}
_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}
_QUOTED = re.compile(r'"(?:\\.|[^"\\])*"')


@dataclass(frozen=True, slots=True)
class Profile:
    """What a session starts from; nothing in it changes while the session runs."""

    server: str
    """A host name or an address without brackets; of no meaning with ``demo``."""
    port: int
    """1 to 65535; 0 with ``demo`` lets the practice server choose."""
    helo: str | None = None
    """The EHLO name, None for this host's own."""
    mail_from: str | None = None
    """The reverse-path without its brackets, empty for the null one, None if not given."""
    rcpt_to: tuple[str, ...] = ()
    """The forward-paths without their brackets."""
    tls: Tls = "none"
    tls_optional: Optional = ""
    """With ``starttls``: go on in clear where TLS is not offered (strict), or fails too (any); empty for neither."""
    tls_options: TLSOptions = field(default_factory=TLSOptions)
    """Everything else that was chosen for TLS, but the two below."""
    tls_get_peer_cert: str | None = None
    """Where the server's certificate is to be written, empty to print it on leaving."""
    tls_get_peer_chain: str | None = None
    tls_ca_path: str | None = None
    """A PEM file or a folder of trust anchors, None for the system's."""
    tls_insecure: bool = False
    """Go on after a failed certificate verdict without asking."""
    auth: tuple[str, ...] = ()
    """The mechanisms wanted, of MECHANISMS; empty for any."""
    login_wanted: bool = False
    user: str | None = None
    password: Secret | None = None
    password_source: str | None = None
    """Where the password is still to be read from, as ``--password`` takes it."""
    data: bytes | None = None
    """The message with CRLF line ends; None for a file or the test message."""
    data_path: str | None = None
    """The message's file, to be streamed."""
    timeout: float | None = None
    """Seconds for each reply, 0 for no limit, None for the stages of RFC 5321 4.5.3.2."""
    family: Family = 0
    """Of IP; 0 for either."""
    local_address: str | None = None
    """IP or IP:PORT to connect from, as ``parse_local`` reads it."""
    auto: Auto = "ehlo"
    """How far to run by itself at the start."""
    ascii: bool = False
    """Draw without box characters."""
    transcript: bool = True
    """Print the redacted transcript on leaving."""
    demo: bool = False
    """The server is the practice server, which is still to be started."""
    save: str | None = None
    """The file that the session is written to as it happens, None for none."""
    with_secrets: bool = False
    """Write secrets to a saved file as they are; never to the ring of kept sessions."""
    keep: bool = True
    """Leave something of this run in the state folder: the session, the server, addresses and typed lines."""


def parse_target(text: str, default_port: int) -> tuple[str, int]:
    """HOST, HOST:PORT, [ADDRESS], [ADDRESS]:PORT or a bare IPv6 address, as (host without brackets, port)."""
    host, colon, port = text, "", ""
    if bracketed := re.fullmatch(r"\[([^\[\]]*)\](?:(:)(.*))?", text, re.DOTALL):
        host, colon, port = bracketed[1], bracketed[2] or "", bracketed[3] or ""
    elif not is_address(text):
        host, colon, port = text.partition(":")
        if ":" in port:
            raise ValueError(f"{text} is not an IPv6 address, and HOST:PORT has one colon: write [ADDRESS]:PORT.")
    if bracketed and not is_address(host):
        raise ValueError(f"{text} has no IP address between its brackets.")
    if not bracketed and not is_address(host):
        _check_host(host)
    return host, parse_port(port) if colon else default_port


def is_address(text: str) -> bool:
    """Whether ``text`` is an IPv4 or IPv6 address, the latter with or without a zone."""
    import ipaddress

    try:
        ipaddress.ip_address(check_text(text, "address"))
    except ValueError:
        return False
    return True


def _check_host(host: str) -> None:
    if not host:
        raise ValueError("The server's name is empty: write HOST or HOST:PORT.")
    check_text(host, "server's name")
    if re.search(r"^-|[\s/@<>\[\]\"',;]", host):
        raise ValueError(f"{host} is not a host name: write HOST or HOST:PORT.")
    try:
        # The length first: the codec takes time with the square of it.
        fits = len(host) <= 253 and host.encode("idna")
    except UnicodeError:
        fits = False
    if not fits:
        raise ValueError(f"{host[:80]} is not a host name: a part of it is empty, too long or not allowed.")


def parse_port(text: str) -> int:
    """A port's number, 1 to 65535, or the name of its service."""
    if re.fullmatch(r"[0-9]{1,5}", text):
        if 1 <= int(text) <= 65535:
            return int(text)
    elif text in _PORTS:
        return _PORTS[text]
    elif re.fullmatch(r"[A-Za-z0-9_-]*[A-Za-z][A-Za-z0-9_-]*", text):
        import socket

        try:
            return socket.getservbyname(text, "tcp")
        except OSError:
            pass
    raise ValueError(f"{text or 'An empty word'} is not a port: a number from 1 to 65535 or a service's name.")


def parse_local(text: str) -> tuple[str, int]:
    """IP or IP:PORT of our own end, as (address, port); port 0 for any."""
    host, port = parse_target(text, 0)
    if not is_address(host):
        raise ValueError(f"{text} is not an address of this machine: -li takes IP or IP:PORT.")
    return host, port


def parse_seconds(text: str) -> float:
    """30, 30s, 2m or 1h in seconds; 0 stands for no limit."""
    given = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)([smh]?)", text)
    if given is None:
        raise ValueError(f"{text} is not a time: write 30, 30s, 2m or 1h, or 0 for no limit.")
    return float(given[1]) * _UNITS[given[2]]


def parse_mechanisms(text: str) -> tuple[str, ...] | None:
    """A list such as ``plain,CRAM-MD5`` in capitals, or None if that is not what ``text`` is."""
    names = tuple(name.strip().upper() for name in text.split(","))
    return names if all(name in MECHANISMS for name in names) else None


def parse_mailbox(text: str) -> str:
    """An address for a path, without the angle brackets it may have been given in; ``<>`` gives the empty one."""
    check_text(text, "address")
    bare = text.strip()
    if bare.startswith("<") and bare.endswith(">"):
        bare = bare[1:-1]
    if re.search(r"[<>]", _QUOTED.sub("", bare)):
        raise ValueError(f"{text} would break out of its angle brackets: give the bare address.")
    return bare


def check_text(text: str, what: str) -> str:
    """``text`` itself, if nothing in it could end a line, hide on a screen or fail to be encoded."""
    for character in text:
        category = unicodedata.category(character)
        if category == "Cs":
            raise ValueError(f"The {what} is not text in this terminal's encoding.")
        if category in ("Cc", "Zl", "Zp"):
            raise ValueError(f"The {what} has a line break or a control character in it (U+{ord(character):04X}).")
    return text
