"""What a TLS handshake came to, for people: the session's figures, both verdicts, all problems, and the certificates.

All of it comes from the recorded event and its time, so that a kept session says the same whenever it is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

from smtpscope.session.certificates import WEAK_CURVE, WEAK_RSA, Described, described
from smtpscope.session.known_certificates import Known
from smtpscope.session.notes import short_cipher
from smtpscope.session.redact import Redactor
from smtpscope.smtp.events import Secured
from smtpscope.visible import Spans, visible_text

SHOWN = 160
"""Cells of a foreign text that are shown."""
CERTIFICATES, NAMES, _FEW = 12, 60, 3
"""Of a chain, and names of one certificate, that are listed; and names in brief."""
SOON = 21
"""Days that a certificate may have left before that is a problem."""
_OLD = ("SSLv3", "TLSv1", "TLSv1.0", "TLSv1.1")
_GOOD = "good: an authority trusted here vouches for it, and it is in its time; whether it was revoked is not asked"
_EPHEMERAL = ("ECDHE", "DHE", "AECDH", "ADH")
_DAY = 86400
_LABEL = 11
"""Cells of what stands before a field, at least."""
_DEEPEST = 4
"""How far a chain's tree is moved in."""


class _Link(NamedTuple):
    """A certificate in the tree: 0 is the server's own, ``depth`` how far its issuers are from that, None beside it."""

    number: int
    depth: int | None
    it: Described


def tls_lines(secured: Secured | None, wall: float, earlier: Known | None, redactor: Redactor) -> list[Spans]:
    """The report on a handshake at ``wall``, seconds since the Unix epoch; 0 where that is not known.

    ``earlier`` is what the server showed the last time, None where it was never seen. Certificates of any octets do.
    """
    if secured is None:
        return [[("TLS is not in use on this connection.", "dim")]]
    show = _Show(redactor)
    links = _tree(secured.chain)
    bits = f", {secured.bits} bits" if secured.bits else ""
    lines: list[Spans] = [[(f"{show(secured.version)}, {show(secured.cipher)}{bits}", "strong")]]
    lines += _verdicts(secured, show)
    problems = list(_problems(secured, links, wall, show))
    if earlier is not None and (sentence := changed(earlier, secured.chain, wall)):
        problems.append(f"{sentence[:1].upper()}{sentence[1:]}. It was {visible_text(earlier.sha256, limit=64)}.")
    if problems:
        lines += [[], [("problems", "strong")], *([("x ", "bad"), (problem, "text")] for problem in problems)]
    for link in links[:CERTIFICATES]:
        lines += [[], *_certificate(link, secured, wall, show)]
    if (rest := len(links) - CERTIFICATES) > 0:
        lines += [[], [(f"{rest:,} more certificates are not listed", "dim")]]
    lines.append([])
    if earlier is not None and links and earlier.sha256 == links[0].it.fingerprint:
        lines.append([(f"The same certificate as on {_date(earlier.seen)}.", "dim")])
    lines += [[("! ", "warn"), (remark, "text")] for remark in _remarks(secured, links)]
    return [*lines, *_session(secured, show)]


def in_brief(secured: Secured, wall: float, redactor: Redactor) -> list[Spans]:
    """What is asked first: the verdicts, version and cipher, whose certificate, by whom, until when."""
    show = _Show(redactor)
    good_ca = "good: a trusted authority vouches for it"
    lines = [*_verdicts(secured, show, good_ca), _row("session", f"{show(secured.version)}, {show(secured.cipher)}")]
    if not secured.chain:
        return [*lines, _row("certificate", "none was shown", "bad")]
    it = _tree(secured.chain)[0].it
    subject = show(it.subject) or ("no subject" if it.subject_name else "cannot be read")
    lines.append(_row("certificate", subject))
    if it.names:
        more = f" and {len(it.names) - _FEW:,} more" if len(it.names) > _FEW else ""
        lines.append(_row("names", f"{', '.join(map(show, it.names[:_FEW]))}{more}"))
    lines.append(_row("issuer", "itself" if it.self_issued else show(it.issuer) or "cannot be read"))
    left, kind = _left(it, wall), "text"
    if left is not None:
        kind = "bad" if left < 0 else "warn" if left < SOON * _DAY else "good"
    return [*lines, _row("valid", f"until {_until(it, wall)}", kind)]


def in_a_line(secured: Secured, wall: float, redactor: Redactor) -> str:
    """The same in one line: ``TLSv1.3 · AES_256_GCM · mail.test by Test CA · until 2026-12-22 (29 days)``."""
    show = _Show(redactor)
    parts = [show(secured.version), show(short_cipher(secured.cipher))]
    if secured.chain:
        it = _tree(secured.chain)[0].it
        name = it.common_name or (it.names[0].partition(":")[2] if it.names else it.subject)
        issuer = "itself" if it.self_issued else show(_common_name(it.issuer)) or "nobody"
        day, _, far = _until(it, wall).partition(", ")
        far = f" ({far.removesuffix(' left')})" if far else ""
        parts += [f"{show(name) or 'no name'} by {issuer}", f"until {day}{far}"]
    else:
        parts.append("no certificate was shown")
    return " · ".join(part for part in parts if part)


def _until(it: Described, wall: float) -> str:
    """The day of a certificate's end, and how far that is from ``wall``."""
    left = _left(it, wall)
    far = "" if left is None else f", {_days(left)} {'ago' if left < 0 else 'left'}"
    begins = it.not_before.timestamp() - wall if it.not_before and wall else 0.0
    return f"{_day(it.not_after)}{f', begins in {_days(begins)}' if begins > 0 else far}"


def _common_name(name: str) -> str:
    """The common name, or the organization, in a name as RFC 4514 writes it, else the whole."""
    found = [re.search(rf"(?:^|,){part}=((?:[^,\\]|\\.)+)", name) for part in ("CN", "O")]
    return next((each[1] for each in found if each), name)


class _Show:
    """Foreign text, made safe."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor

    def __call__(self, text: str) -> str:
        return visible_text(self._redactor.text(text), limit=SHOWN)


# -- the session


def _session(secured: Secured, show: _Show) -> Iterator[Spans]:
    yield _row("group", _group(secured, show))
    yield _row("SNI sent", show(secured.sni) or "none")
    yield _row("ALPN", "none offered: SMTP has no name there")
    yield _row("resumption", "none: every handshake here is a full one, so that the certificate is always shown")
    if secured.client_certificate:
        yield _row("our certificate", f"asked for, {show(secured.client_certificate)}")
    else:
        yield _row("our certificate", "not asked for")


def _group(secured: Secured, show: _Show) -> str:
    """The key exchange's group; OpenSSL names none where the server made its own, and RSA needs none."""
    if "MLKEM" in secured.group.upper():
        return f"{show(secured.group)}, a hybrid: an elliptic curve and ML-KEM, which quantum computers do not break"
    if secured.group:
        return show(secured.group)
    own = secured.cipher.startswith("DHE-")
    return "Diffie-Hellman with numbers of the server's own" if own else "none, or not known"


def _row(name: str, text: str, kind: str = "text", indent: str = "") -> Spans:
    return [(f"{indent}{name:<{max(_LABEL, 16 - len(indent))}}", "dim"), (text, kind)]


def _verdicts(secured: Secured, show: _Show, good_ca: str = _GOOD) -> Iterator[Spans]:
    for name, faults, good in (
        ("CA verdict", _ca_faults(secured), good_ca),
        ("name verdict", secured.name_faults, f"good: it is for {show(secured.server_name)}"),
    ):
        words = "; ".join(map(show, faults))
        yield _row(name, f"bad: {words}" if faults else good, "bad" if faults else "good")


def _ca_faults(secured: Secured) -> tuple[str, ...]:
    """Those of the chain, also of a session kept before they were told apart."""
    return secured.ca_faults or tuple(fault for fault in secured.faults if fault not in secured.name_faults)


# -- what is wrong


def _problems(secured: Secured, links: list[_Link], wall: float, show: _Show) -> Iterator[str]:
    if secured.version in _OLD:
        yield f"{show(secured.version)} is not to be used any more (RFC 8996)."
    elif secured.version == "TLSv1.2" and secured.cipher and not secured.cipher.startswith(_EPHEMERAL):
        yield "No forward secrecy: who gets the server's key later can read what was recorded before."
    if not links:
        yield "The server showed no certificate."
    for link in links:
        it, who = link.it, _who(link, show)
        if not it.subject_name:
            yield f"{who} cannot be read."
        if it.weak_key:
            least = WEAK_CURVE if it.key.startswith("EC") else WEAK_RSA
            yield f"The key of {_lower(who)} is weak: {it.key}, and {least} bits are the least."
        if it.weak_signature and not it.self_issued:  # nobody relies on the signature of a root
            yield f"The signature on {_lower(who)} is weak: {show(it.signature)}."
        if (left := _left(it, wall)) is not None and left < SOON * _DAY:
            yield f"{who} {'has ended' if left < 0 else f'ends in {_days(left)}'}: {_day(it.not_after)}."
        if it.not_before and 0 < wall < it.not_before.timestamp():
            yield f"{who} is not valid yet: it begins on {_day(it.not_before)}."
    yield from _chain_problems(secured, links, show)


def _chain_problems(secured: Secured, links: list[_Link], show: _Show) -> Iterator[str]:
    chain = [link for link in links if link.depth is not None]
    if not chain or not chain[-1].it.subject_name:
        return
    top = chain[-1].it
    if chain[0].it.self_issued and _ca_faults(secured):
        yield "The certificate is self-signed: it vouches for itself only."
    elif not top.self_issued and any("issuer is not known" in fault for fault in _ca_faults(secured)):
        yield (
            f"An intermediate certificate is missing, or its root is not known here: {show(top.issuer)} "
            "vouches for the last one that the server sends."
        )


def _remarks(secured: Secured, links: list[_Link]) -> Iterator[str]:
    """What is not as it should be, and does no harm."""
    chain = [link for link in links if link.depth is not None]
    if len(chain) > 1 and chain[-1].it.self_issued:
        yield "The server sends its root along, which is of no use: a root counts only where it is known already."
    if len(chain) == 1 and chain[0].it.self_issued and not _ca_faults(secured):
        yield "The certificate is self-signed, and trusted here: it is among the authorities."
    if [link.number for link in chain] != list(range(len(chain))):
        yield "The certificates are not in the order of the chain, which older clients want."
    for link in links:
        if link.depth is None:
            yield f"Certificate {link.number + 1} does not belong to the chain: it vouches for none of the others."


def changed(earlier: Known | None, chain: Sequence[bytes], wall: float) -> str:
    """That a server shows another certificate than before, as a sentence without its full stop; empty if it does not.

    ``earlier`` is what it showed then, ``wall`` the time of now in seconds since the Unix epoch.
    """
    it = described(chain[0]) if chain else None
    if earlier is None or it is None or earlier.sha256 == it.fingerprint:
        return ""
    key = "its key is the same" if earlier.pin and earlier.pin == it.pin else "its key is another one, too"
    late = wall and earlier.until and earlier.until - wall < 30 * _DAY
    renewed = f"; the old one ends or ended on {_date(earlier.until)}" if earlier.until else ""
    hint = ", so this may be its renewal" if late else ""
    return f"the certificate has changed since {_date(earlier.seen)}: {key}{renewed}{hint}"


# -- the certificates


@lru_cache(maxsize=4)
def _tree(chain: tuple[bytes, ...]) -> list[_Link]:
    """The server's own certificate, then its issuers as far as they were sent, then what belongs to neither."""
    left = {number: described(der) for number, der in enumerate(chain)}
    links: list[_Link] = []
    number: int | None = 0 if left else None
    while number is not None:
        it = left.pop(number)
        links.append(_Link(number, len(links), it))
        above = (other for other, each in left.items() if each.subject_name == it.issuer_name and not it.self_issued)
        number = next(above, None) if it.issuer_name else None
    return links + [_Link(number, None, it) for number, it in left.items()]


def _certificate(link: _Link, secured: Secured, wall: float, show: _Show) -> Iterator[Spans]:
    it = link.it
    indent = "  " * min(link.depth or 0, _DEEPEST)
    role = "the server's own" if link.depth == 0 else "its issuer" if link.depth else "beside the chain"
    yield [(f"{indent}{link.number + 1}  ", "dim"), (show(it.subject) or "no subject", "strong"), (f"  {role}", "dim")]
    indent += "   "
    yield _row("issuer", "itself" if it.self_issued else show(it.issuer) or "cannot be read", indent=indent)
    if link.depth == 0:
        yield from _names(secured, it, indent, show)
    elif it.names:
        yield _row("names", ", ".join(map(show, it.names[:NAMES])), indent=indent)
    yield _validity(it, wall, indent)
    yield _row("key", show(it.key) or "cannot be read", "bad" if it.weak_key else "text", indent)
    weak = it.weak_signature and not it.self_issued
    yield _row("signature", show(it.signature) or "cannot be read", "bad" if weak else "text", indent)
    yield _row("serial", show(it.serial) or "cannot be read", indent=indent)
    yield _row("SHA-256", it.fingerprint, indent=indent)
    yield _row("SPKI pin", f"sha256//{it.pin}" if it.pin else "cannot be read", indent=indent)


def _validity(it: Described, wall: float, indent: str) -> Spans:
    left, kind, words = _left(it, wall), "text", ""
    if left is not None:
        kind = "bad" if left < 0 else "warn" if left < SOON * _DAY else "good"
        words = f", {_days(left)} {'ago' if left < 0 else 'left'}"
    if it.not_before and 0 < wall < it.not_before.timestamp():
        kind, words = "bad", f", begins in {_days(it.not_before.timestamp() - wall)}"
    span = f"{_day(it.not_before)} to {_day(it.not_after)}" if it.not_before or it.not_after else "cannot be read"
    return _row("valid", f"{span}{words}", kind, indent)


def _names(secured: Secured, it: Described, indent: str, show: _Show) -> Iterator[Spans]:
    """The alternative names one by one: each is the server's name, or is not."""
    from smtpscope.smtp.certificates import compared  # heavy, and only needed here

    names = compared(secured.chain[0], secured.server_name)
    others = [name for name in it.names if not name.startswith("DNS:") and (not name.startswith("IP:") or "/" in name)]
    if names is None:
        yield _row("names", "cannot be read", "bad", indent)
        return
    if not names:
        yield _row("names", "none that a server can have; a common name does not count", "bad", indent)
    title = "names"
    for name, matches in sorted(names, key=lambda pair: not pair[1])[:NAMES]:
        verdict: tuple[str, str] = ("is it", "good") if matches else ("is another", "dim")
        shown = show(name) or "an empty name"
        yield [*_row(title, f"{shown}  ", "good" if matches else "text", indent), verdict]
        title = ""
    if (rest := len(names) - NAMES) > 0:
        yield _row("", f"{rest:,} more names are not listed", "dim", indent)
    if others:
        yield _row(title, f"not compared: {', '.join(map(show, others[:NAMES]))}", "dim", indent)


def _who(link: _Link, show: _Show) -> str:
    return "The server's certificate" if link.depth == 0 else f"Certificate {link.number + 1} ({show(link.it.subject)})"


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def _left(it: Described, wall: float) -> float | None:
    """Seconds from ``wall`` to the end, negative after it; None where one of them is not known."""
    return it.not_after.timestamp() - wall if it.not_after and wall else None


def _days(seconds: float) -> str:
    """A span of either direction in whole days."""
    days = int(abs(seconds) // _DAY)
    return f"{days:,} day{'' if days == 1 else 's'}" if days else "less than a day"


def _day(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d}" if moment else "a time that cannot be read"


def _date(seconds: float) -> str:
    return _day(datetime.fromtimestamp(seconds, UTC))
