"""The engine under the TLS layer: pyOpenSSL's context, made as the user chose, and what its callbacks note."""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import certifi
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from OpenSSL import SSL, crypto

from smtpscope.smtp.certificates import ChainError
from smtpscope.smtp.tls_options import PROTOCOLS, TLSOptions
from smtpscope.smtp.tls_words import Notes
from smtpscope.visible import safe

_VERSIONS = dict(
    zip(PROTOCOLS, (SSL.TLS1_VERSION, SSL.TLS1_1_VERSION, SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION), strict=True)
)
_HOLES = {"tlsv1_1": SSL.OP_NO_TLSv1_1, "tlsv1_2": SSL.OP_NO_TLSv1_2}  # what can be left out between two others
_CERTIFICATES = (".pem", ".crt", ".cer")
_HASHED = re.compile(r"[0-9a-f]{8}\.\d+")
_LARGEST = 1024 * 1024  # octets of a key or certificate file


class TLSFailed(Exception):
    """There is no TLS; ``reason`` is one sentence that says why, without its full stop."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def make_context(options: TLSOptions) -> SSL.Context:
    """What ``options`` ask for, trusting the system's roots too; raises TLSFailed where that cannot be.

    Takes some 30 ms where the roots are one large file, so make one and keep it.
    """
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_options(SSL.OP_NO_RENEGOTIATION)  # so that a write never has to wait for a read
    context.set_verify(SSL.VERIFY_PEER, _note_verdict)
    context.set_info_callback(_note_progress)
    _offer(context, options)
    context.set_default_verify_paths()
    if not _system_has_roots():
        context.load_verify_locations(certifi.where())
    if options.ca_path is not None:
        _trust(context, options.ca_path)
    if options.cert is not None and options.key is not None:
        _present(context, options.cert, options.key, options.chain)
    if options.keylog is not None:
        context.set_keylog_callback(_keylog(options.keylog))
    return context


def _offer(context: SSL.Context, options: TLSOptions) -> None:
    """The versions and ciphers of our hello."""
    chosen = [_VERSIONS[each] for each in options.protocols]
    context.set_min_proto_version(min(chosen))
    context.set_max_proto_version(max(chosen))
    for name, option in _HOLES.items():
        if name not in options.protocols:
            context.set_options(option)
    names = (options.cipher or "").split(":")
    suites = [name for name in names if name.startswith("TLS_")]
    others = [name for name in names if name and not name.startswith("TLS_")]
    if min(chosen) < SSL.TLS1_2_VERSION and not any("@SECLEVEL" in name for name in others):
        others = [*(others or ["DEFAULT"]), "@SECLEVEL=0"]  # OpenSSL does not speak them at a higher level
    try:
        if suites:
            context.set_tls13_ciphersuites(":".join(suites).encode())
        if others:
            context.set_cipher_list(":".join(others).encode())
    except (SSL.Error, UnicodeError, ValueError):
        words = safe(options.cipher or "")
        raise TLSFailed(f"OpenSSL knows no cipher by {words}: --tls-cipher takes its names, joined by colons") from None


# -- whom we trust


def _system_has_roots() -> bool:
    paths = ssl.get_default_verify_paths()  # None for what does not exist; heeds SSL_CERT_FILE and SSL_CERT_DIR
    has_file = paths.cafile is not None and Path(paths.cafile).stat().st_size > 0
    return has_file or (paths.capath is not None and any(Path(paths.capath).iterdir()))


def _trust(context: SSL.Context, ca_path: str) -> None:
    path, found = Path(ca_path), False
    try:
        if path.is_dir():
            context.load_verify_locations(None, ca_path)  # finds files named by hash (openssl rehash)
            taken = [_taken(context, str(each)) for each in path.iterdir() if each.suffix in _CERTIFICATES]
            found = any(taken) or any(map(_HASHED.fullmatch, os.listdir(path)))
        else:
            found = _taken(context, ca_path)
    except (OSError, SSL.Error):
        found = False
    if not found:
        raise TLSFailed(f"no certificates can be read from {safe(ca_path)}: PEM is wanted, a file or a folder of them")


def _taken(context: SSL.Context, file: str) -> bool:
    try:
        context.load_verify_locations(file)
    except SSL.Error:
        return False
    return True


# -- who we are


def _present(context: SSL.Context, cert: str, key: str, chain: str | None) -> None:
    """Our own certificate, for servers that ask for one."""
    data = _octets(key)
    try:
        private = load_pem_private_key(data, None)
    except TypeError:  # it has a passphrase
        raise TLSFailed(f"the key in {safe(key)} is encrypted: --tls-key takes one without a passphrase") from None
    except Exception:  # cryptography raises many kinds
        raise TLSFailed(f"no key can be read from {safe(key)}: --tls-key takes a PEM file") from None
    ours, *others = _certificates(cert)
    others += _certificates(chain) if chain is not None else []
    try:
        context.use_certificate(ours)
        context.use_privatekey(private)  # type: ignore[arg-type] # of another kind: TypeError
        context.check_privatekey()
        for each in others:
            context.add_extra_chain_cert(each)
    except (SSL.Error, TypeError):
        raise TLSFailed(f"the key in {safe(key)} is not that of the certificate in {safe(cert)}") from None


def _certificates(path: str) -> list[x509.Certificate]:
    """All of a PEM file, at least one."""
    try:
        return x509.load_pem_x509_certificates(_octets(path))
    except TLSFailed:
        raise
    except Exception:  # cryptography raises many kinds
        raise TLSFailed(f"no certificate can be read from {safe(path)}: a PEM file is wanted") from None


def _octets(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(_LARGEST)
    except (OSError, ValueError) as error:
        raise TLSFailed(f"{safe(path)} cannot be read ({_words(error)})") from None


# -- what is written down


def _keylog(path: str) -> Callable[[SSL.Connection, bytes], None]:
    """A callback that appends each line that OpenSSL gives, in the NSS key log format, to a file of ours alone."""
    try:
        _append(path, b"")
    except (OSError, ValueError) as error:
        raise TLSFailed(f"the key log {safe(path)} cannot be written ({_words(error)})") from None

    def write(_connection: SSL.Connection, line: bytes) -> None:
        with suppress(OSError):  # a full disk: the session is worth more, and nothing may be raised into OpenSSL
            _append(path, line + b"\n")

    return write


def _append(path: str, data: bytes) -> None:
    never_waiting = getattr(os, "O_NONBLOCK", 0)  # for who reads a pipe that somebody has put there
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | never_waiting, 0o600)
    try:
        if hasattr(os, "fchmod"):
            os.fchmod(file, 0o600)  # one that was there before may be open to others
        os.write(file, data)
    finally:
        os.close(file)


def _words(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error)).lower()


# -- what OpenSSL calls


def _note_verdict(connection: SSL.Connection, certificate: crypto.X509, number: int, depth: int, _ok: int) -> bool:
    """OpenSSL asks here for each certificate and each fault; True lets it go on, so that all faults come out."""
    if number:
        notes: Notes = connection.get_app_data()
        notes.errors.append(ChainError(depth, number, crypto.dump_certificate(crypto.FILETYPE_ASN1, certificate)))
    return True


def _note_progress(connection: SSL.Connection, where: int, value: int) -> None:
    notes: Notes = connection.get_app_data()
    notes.passed(connection.get_state_string().decode("ascii", "replace"))  # when it goes on, stops or breaks off
    if where == SSL.SSL_CB_READ_ALERT:
        notes.heard(value >> 8, value & 0xFF, connection.get_protocol_version_name())
    elif where == SSL.SSL_CB_WRITE_ALERT and value & 0xFF:  # 0 is close_notify
        notes.our_alert = value & 0xFF
