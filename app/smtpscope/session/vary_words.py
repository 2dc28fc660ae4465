"""What follows from a variation, in a sentence."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from smtpscope.session.certificates import described
from smtpscope.session.exchanges import Exchange
from smtpscope.session.vary_runs import Run, Varied, code
from smtpscope.session.vary_values import TOKENS
from smtpscope.smtp.events import Secured
from smtpscope.smtp.sasl import CLEAR_TEXT
from smtpscope.visible import visible_text


def conclusion(varied: Varied, hide: Callable[[str], str] = str) -> str:
    """One sentence without its full stop; it claims nothing of values that were not tried.

    ``hide`` takes secrets out of the words of others in it.
    """
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
            return _sni(varied, hide)
    return _ehlo(varied, hide)


# -- logins


def _login(varied: Varied) -> str:
    kinds: dict[str, list[str]] = {}
    codes: dict[str, str] = {}
    for run in varied.made:
        kind = _kind(run)
        kinds.setdefault(kind, []).append(run.value)
        if run.login is not None:
            said = code(run.login)
            codes[kind] = codes[kind] if said in codes.get(kind, "").split(", ") else _also(codes.get(kind), said)
    parts = [_proved(varied, kinds, codes)] if "accepted" in kinds or "wrong" in kinds else []
    parts += [_unproved(varied, kind, kinds[kind], codes.get(kind, "")) for kind in _UNPROVED if kind in kinds]
    return "; ".join(parts) or f"no login was reached{_why(varied.made[0])}"


_UNPROVED = ("unproved", "unoffered", "unknown", "nowhere", "tls", "later", "unfinished")
"""What a login can come to that says nothing of the password, in the order in which it is told."""


def _unproved(varied: Varied, kind: str, values: list[str], codes: str) -> str:
    """What can be said of such logins; where the user name was varied the mechanism is what they have in common."""
    names = values if varied.thing == "auth" else [f"AUTH {_mechanism(varied.made[0])}"]
    match kind:
        case "unproved":
            return f"{_and(values)} was accepted without a proof that the server knows the password: do not trust it"
        case "unoffered":
            return f"{_and(names)} {_is(names)} not offered, and refused ({codes})"
        case "unknown":
            return f"the server does not know {_and(names)} ({codes})"
        case "nowhere":
            return f"the server takes no login here ({codes})"
        case "tls":
            return f"{_and(names)} {_is(names)} refused without TLS, or as too weak ({codes})"
        case "later":
            return f"the server cannot check logins now ({codes}): try later"
    return f"the login with {_and(values)} did not come to its end"


def _kind(run: Run) -> str:
    """What a login came to, by its code (RFC 4954 4 and 6)."""
    login = run.login
    if login is None:
        return "none"
    match login.code:
        case None | 334 | 501:  # 501 is the answer to our cancelling it
            return "unfinished"
        case 235:
            return "unproved" if run.failed else "accepted"
        case 504:
            return "unknown"
        case 500 | 502 | 503:
            return "nowhere"
        case 530 | 534 | 538:
            return "tls"
    if login.code // 100 == 4:
        return "later"
    offered = run.offered.get("AUTH", "").upper().split()
    return "unoffered" if offered and _mechanism(run) not in offered else "wrong"


def _proved(varied: Varied, kinds: dict[str, list[str]], codes: dict[str, str]) -> str:
    """What follows where the server has looked at the password."""
    accepted, wrong = kinds.get("accepted", []), kinds.get("wrong", [])
    used = wrong if varied.thing == "auth" else [_mechanism(varied.made[0])]
    it = "token" if {*accepted, *used} <= {*TOKENS} else "password"
    unsure = "" if not used or CLEAR_TEXT & {*used} else f", or {_and(used)} {_is(used)} not set up"
    if varied.thing == "user":
        if accepted:
            refused = f", and {_and(wrong)} {_is(wrong)} refused" if wrong else ""
            return f"the {it} is right, and the user name is {_and(accepted)}{refused}"
        said = f"no form of the user name is accepted with AUTH {_and(used)} ({codes['wrong']})"
        return f"{said}: the {it} is wrong, or the account is locked{unsure}"
    if accepted:
        missing = f", {_and(wrong)} {_is(wrong)} not set up (for this user, or at all)" if wrong else ""
        return f"the {it} is right: {_and(accepted)} {_is(accepted)} accepted{missing}"
    every = len(kinds) == 1 and len(wrong) > 1
    who = "every mechanism says so" if every else f"{_and(wrong)} {'says' if len(wrong) == 1 else 'say'} so"
    return f"user or {it} is wrong, or the account is locked{unsure}: {who} ({codes['wrong']})"


def _mechanism(run: Run) -> str:
    """That of a run's login, in capitals."""
    words = run.login.line.split() if run.login is not None else []
    return visible_text(words[1].upper(), limit=20) if len(words) > 1 else ""


def _also(before: str | None, said: str) -> str:
    return f"{before}, {said}" if before else said


# -- TLS


def _handshakes(varied: Varied, only: str, all_of_them: str) -> str:
    good, bad = _tried(varied)
    if good and bad:
        return f"{only} {_and(good)}: with {_and(bad)} the handshake fails{_old(good, bad)}{_untried(varied)}"
    if good:
        return f"{all_of_them} {_and(good)}{_old(good, bad)}{_untried(varied)}"
    if bad:
        return f"no handshake succeeds{_why(varied.made[0])}"
    return f"there was no handshake{_why(varied.made[0])}"


def _old(good: list[str], bad: list[str]) -> str:
    """What the RFCs say of obsolete values, where some are among those tried."""
    for old, rule in ((("TLSv1", "TLSv1.1"), "RFC 8996"), (("kRSA",), "RFC 9325 4.1")):
        if spoken := [value for value in good if value in old]:
            return f"; {_and(spoken)} should be refused ({rule})"
        if refused := [value for value in bad if value in old]:
            return f"; that {_and(refused)} {_is(refused)} refused is as it should be ({rule})"
    return ""


def _untried(varied: Varied) -> str:
    """What is to be said of values with which no handshake began."""
    runs = [run for run in varied.made if run.handshake is None or _dropped(run)]
    return f"; with {_and([run.value for run in runs])} there was none{_why(runs[0])}" if runs else ""


def _tried(varied: Varied) -> tuple[list[str], list[str]]:
    """The values with which a handshake was finished, and those with which one failed."""
    shook = [(run.value, run.handshake.good) for run in varied.made if run.handshake is not None and not _dropped(run)]
    return [value for value, good in shook if good], [value for value, good in shook if not good]


def _sni(varied: Varied, hide: Callable[[str], str]) -> str:
    good, bad = _tried(varied)
    if not good:
        return _handshakes(varied, "", "")
    certificates: dict[str, list[str]] = {}
    chains = set()
    for run in varied.made:
        secured = run.handshake.secured if run.handshake is not None else None
        if secured is not None:
            chains.add(secured.chain[:1])
            certificates.setdefault(_certificate(secured, hide), []).append(run.value)
    fails = f"; with {_and(bad)} the handshake fails" if bad else ""
    if len(certificates) > 1:
        each = (f"{_and(asked)} {'gets' if len(asked) == 1 else 'get'} {it}" for it, asked in certificates.items())
        return f"the certificate depends on the name asked for: {', '.join(each)}{fails}"
    (it,) = certificates
    if len(chains) > 1:
        return f"{_and(good)} get certificates of their own, each {it}{fails}"
    return f"the certificate is the same with {_and(good)}: {it}{fails}"


def _certificate(secured: Secured, hide: Callable[[str], str]) -> str:
    """Whose it is, and whether it is good."""
    if not secured.chain:
        return "none"
    it = described(secured.chain[0])
    names = [name.removeprefix("DNS:") for name in it.names]
    whose = visible_text(hide(", ".join(names[:3]) or it.common_name or it.fingerprint[:16]), limit=80)
    return f"that of {whose} ({'bad' if secured.faults else 'good'})"


# -- the EHLO name


def _ehlo(varied: Varied, hide: Callable[[str], str]) -> str:
    said = [run for run in varied.made if (run.of("EHLO") or run.of("HELO")) and not _dropped(run)]
    refused = {run.value: _refusal(run) for run in said if _refusal(run)}
    passing = {run.value: refused[run.value] for run in said if run.refused and _passes(run.refused)}
    lasting = {name: words for name, words in refused.items() if name not in passing}
    accepted = [run for run in said if run.value not in refused]
    parts = [_names(accepted, lasting)] if accepted or lasting else []
    if len(accepted) > 1 and (words := _offered(accepted, hide)):
        parts.append(words)
    if passing:
        parts.append(f"{_each(passing)}, which may pass and need not come of the name")
    for run in varied.made:
        if run not in said:
            why = "there was no connection" if run.unreached else _refusal(run)
            parts.append(
                f"{run.value} came to no end: dropped" if _dropped(run) else f"{run.value} was not said: {why}"
            )
    return "; ".join(parts)


def _names(runs: list[Run], refused: dict[str, str]) -> str:
    """What follows from the names that were accepted, as far as those ``runs`` went, and from those refused."""
    accepted = [run.value for run in runs]
    if not refused:
        if len(accepted) == 1:
            return f"{accepted[0]} is accepted{_how_far(runs)}"
        return f"the EHLO name makes no difference: {_and(accepted)} are accepted{_how_far(runs)}"
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


def _how_far(runs: list[Run]) -> str:
    """Where nothing was asked after which servers judge a name, that is said."""
    if any(run.of("RCPT") for run in runs):
        return ""
    return " as far as this went, and many servers judge the name no sooner than at RCPT"


def _offered(runs: list[Run], hide: Callable[[str], str]) -> str:
    """The keywords that only some of the names are offered; empty if each is offered the same."""
    offers = [frozenset(run.offered) for run in runs]
    some = sorted(frozenset.union(*offers) - frozenset.intersection(*offers))
    if not some:
        return ""
    shown = [visible_text(hide(keyword), limit=20) for keyword in some[:3]]
    return f"not each is offered {_and([*shown, *([f'{len(some) - 3} more'] if len(some) > 3 else [])])}"


def _passes(exchange: Exchange) -> bool:
    return exchange.code is not None and exchange.code // 100 == 4


def _refusal(run: Run) -> str:
    """What was refused first: ``504 5.5.2 to RCPT``; empty if nothing was."""
    each = run.refused
    if each is not None:
        return f"{code(each)} to {'the connection' if each.kind == 'BANNER' else visible_text(each.verb, limit=20)}"
    return "no answer" if run.failed or _owed(run) else ""


def _owed(run: Run) -> bool:
    """Whether the server owes an answer; that to QUIT is no matter."""
    each = run.connection.exchanges if run.connection is not None else []
    return not run.of("BANNER") or any(one.ended is None for one in each if one.kind != "QUIT")


def _dropped(run: Run) -> bool:
    """Whether the user closed the connection before all was answered."""
    return run.connection is not None and run.connection.dropped and run.refused is None and _owed(run)


def _literal(name: str) -> bool:
    return name.startswith("[")


def _full(name: str) -> bool:
    return not _literal(name) and _dotted(name)


def _dotted(name: str) -> bool:
    """A domain of more than one label, or a literal."""
    return _literal(name) or "." in name.strip(".")


# -- words


def _why(run: Run) -> str:
    words = "dropped" if _dropped(run) else run.failed or _refusal(run)
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
