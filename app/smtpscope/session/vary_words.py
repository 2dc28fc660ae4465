"""What follows from a variation, in a sentence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from smtpscope.session.certificates import described
from smtpscope.session.vary_table import Run, Varied, code
from smtpscope.visible import visible_text


def conclusion(varied: Varied) -> str:
    """One sentence without its full stop; it claims nothing of values that were not tried."""
    if not varied.made:
        return "nothing was tried"
    match varied.thing:
        case "auth" | "user":
            return _login(varied)
        case "tls":
            return _handshakes(varied, "the server speaks only", "the server speaks")
        case "cipher":
            return _handshakes(varied, "the server takes only", "the server takes")
        case "sni":
            return _sni(varied)
    return _ehlo(varied)


# -- logins


def _login(varied: Varied) -> str:
    kinds: dict[str, list[str]] = {}
    codes: dict[str, str] = {}
    for run in varied.made:
        kind = _kind(run)
        kinds.setdefault(kind, []).append(run.value)
        if run.login is not None:
            codes[kind] = code(run.login)
    parts = [_proved(varied, kinds, codes)] if "accepted" in kinds or "wrong" in kinds else []
    if names := kinds.get("unproved"):
        parts.append(f"{_and(names)} was accepted without a proof that the server knows the password: do not trust it")
    if names := kinds.get("unknown"):
        parts.append(f"the server does not know {_and(names)} ({codes['unknown']})")
    if names := kinds.get("tls"):
        parts.append(f"{_and(names)} {_is(names)} refused without TLS, or as too weak ({codes['tls']})")
    if "later" in kinds:
        parts.append(f"the server cannot check logins now ({codes['later']}): try later")
    if names := kinds.get("unfinished"):
        parts.append(f"the login with {_and(names)} did not come to its end")
    if not parts:
        parts.append(f"no login was reached{_why(varied.made[0])}")
    return "; ".join(parts)


def _kind(run: Run) -> str:
    login = run.login
    if login is None:
        return "none"
    match login.code:
        case None | 334 | 501:  # 501 is the answer to our cancelling it (RFC 4954 4)
            return "unfinished"
        case 235:
            return "unproved" if run.failed else "accepted"
        case 500 | 502 | 503 | 504:
            return "unknown"
        case 530 | 534 | 538:
            return "tls"
        case 421 | 432 | 454:
            return "later"
    return "later" if login.code // 100 == 4 else "wrong"


def _proved(varied: Varied, kinds: dict[str, list[str]], codes: dict[str, str]) -> str:
    """What follows where the server has looked at the password."""
    accepted, wrong = kinds.get("accepted", []), kinds.get("wrong", [])
    if varied.thing == "user":
        if accepted:
            refused = f", and {_and(wrong)} {_is(wrong)} refused" if wrong else ""
            return f"the password is right, and the user name is {_and(accepted)}{refused}"
        return (
            f"no form of the user name is accepted ({codes['wrong']}): the password is wrong, or the account is locked"
        )
    if accepted:
        missing = f", {_and(wrong)} {_is(wrong)} not set up for this user, or not at all" if wrong else ""
        return f"the password is right: {_and(accepted)} {_is(accepted)} accepted{missing}"
    every = len(kinds) == 1 and len(wrong) > 1
    who = "every mechanism says so" if every else f"{_and(wrong)} {'says' if len(wrong) == 1 else 'say'} so"
    return f"user or password is wrong, or the account is locked: {who} ({codes['wrong']})"


# -- TLS


def _handshakes(varied: Varied, only: str, all_of_them: str) -> str:
    good, bad = _tried(varied)
    if good and bad:
        return f"{only} {_and(good)}: with {_and(bad)} the handshake fails"
    if good:
        return f"{all_of_them} {_and(good)}"
    if bad:
        return f"no handshake succeeds{_why(varied.made[0])}"
    return f"there was no handshake{_why(varied.made[0])}"


def _tried(varied: Varied) -> tuple[list[str], list[str]]:
    """The values with which a handshake was finished, and those with which one failed."""
    shook = [(run.value, run.handshake.good) for run in varied.made if run.handshake is not None]
    return [value for value, good in shook if good], [value for value, good in shook if not good]


def _sni(varied: Varied) -> str:
    good, bad = _tried(varied)
    if not good:
        return _handshakes(varied, "", "")
    names: dict[bytes, list[str]] = {}
    for run in varied.made:
        secured = run.handshake.secured if run.handshake is not None else None
        if secured is not None:
            names.setdefault(secured.chain[0] if secured.chain else b"", []).append(run.value)
    fails = f"; with {_and(bad)} the handshake fails" if bad else ""
    if len(names) == 1:
        return f"the certificate is the same with {_and(good)}{fails}"
    each = (f"{_and(asked)} {'gets' if len(asked) == 1 else 'get'} {_certificate(der)}" for der, asked in names.items())
    return f"the certificate depends on the name asked for: {', '.join(each)}{fails}"


def _certificate(der: bytes) -> str:
    if not der:
        return "none"
    it = described(der)
    names = [name.removeprefix("DNS:") for name in it.names]
    return f"that of {visible_text(', '.join(names[:3]) or it.common_name or it.fingerprint[:16], limit=80)}"


# -- the EHLO name


def _ehlo(varied: Varied) -> str:
    refused = {run.value: _refusal(run) for run in varied.made if _refusal(run)}
    accepted = [run.value for run in varied.made if run.value not in refused]
    if not refused:
        return f"the EHLO name makes no difference: {_and(accepted)} {_is(accepted)} accepted"
    if not accepted:
        if len(set(refused.values())) == 1 and len(refused) > 1:
            return f"the EHLO name makes no difference: with each there is {next(iter(refused.values()))}"
        return f"none of the names is accepted: {_each(refused)}"
    short = [name for name in refused if not _literal(name) and not _full(name)]
    literals = [name for name in refused if _literal(name)]
    full = [name for name in refused if _full(name)]
    if short and not full and any(map(_full, accepted)) and all(map(_dotted, accepted)):
        also = " and takes no address literal" if literals else ""
        return f"the server wants a full domain name{also}: {_each(refused)}"
    if literals and not short and not full:
        return f"the server takes no address literal: {_each(refused)}"
    return f"the EHLO name matters: {_and(accepted)} {_is(accepted)} accepted, {_each(refused)}"


def _refusal(run: Run) -> str:
    """What was refused first: ``504 5.5.2 to RCPT``; empty if nothing was."""
    each = run.refused
    if each is not None:
        return f"{code(each)} to {'the connection' if each.kind == 'BANNER' else visible_text(each.verb, limit=20)}"
    owed = run.connection is not None and not run.of("BANNER")
    lost = run.failed or (run.connection is not None and any(one.ended is None for one in run.connection.exchanges))
    return "no answer" if owed or lost else ""


def _literal(name: str) -> bool:
    return name.startswith("[")


def _full(name: str) -> bool:
    return not _literal(name) and _dotted(name)


def _dotted(name: str) -> bool:
    """A domain of more than one label, or a literal."""
    return _literal(name) or "." in name.strip(".")


# -- words


def _why(run: Run) -> str:
    words = run.failed or _refusal(run)
    return f": {words}" if words else ""


def _and(names: Sequence[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def _is(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"


def _each(refused: dict[str, str]) -> str:
    by_words: dict[str, list[str]] = {}
    for name, words in refused.items():
        by_words.setdefault(words, []).append(name)
    return ", ".join(_got(names, words) for words, names in by_words.items())


def _got(names: Iterable[str], words: str) -> str:
    names = list(names)
    return f"{_and(names)} {'gets' if len(names) == 1 else 'get'} {words}"
