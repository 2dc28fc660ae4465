"""What can be varied and its values: as they are typed and completed, those tried where none are given, what each
changes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from smtpscope.profile import Profile, check_text, is_address
from smtpscope.session.repeat import items_of
from smtpscope.session.vary_runs import LOGINS, THINGS, TLS
from smtpscope.smtp import dialing, sasl
from smtpscope.smtp.tls_options import NAMES, PROTOCOLS

if TYPE_CHECKING:
    from smtpscope.session.session import Session

STEPS = ("ehlo", "tls", "auth", "mail", "rcpt", "data")
"""How far a run can go: through the step, but to before DATA. With ``tls`` goes the EHLO in it."""
MOST = 20
"""Values."""
CIPHERS = ("ECDHE+AESGCM", "ECDHE+CHACHA20", "ECDHE+AES", "DHE", "kRSA", "TLS_AES_128_GCM_SHA256")
"""Families as OpenSSL names them (those of TLS 1.2), and a suite of TLS 1.3."""

TOKENS = ("OAUTHBEARER", "XOAUTH2")
"""Mechanisms that take a token where others take a password."""

_VERSIONS = {name: f"TLSv{name.removesuffix('.0')}" for name in NAMES.values()}
_WORDS = {f"TLSv{name.removesuffix('.0')}": word for word, name in NAMES.items()}
_NAMES = {"sni": ("none",), "ehlo": ("[literal]", "localhost")}


def least(thing: str, implicit: bool) -> int:
    """The first place in STEPS to which a run makes sense; ``implicit`` where TLS is there from the first octet on."""
    return 2 if thing in LOGINS else 1 if thing in TLS and not implicit else 0


def completions(text: str, offered: Sequence[str]) -> list[str]:
    """What ``text``, behind ``vary`` and a blank, can go on as; mechanisms that are ``offered`` come first."""
    thing, blank, rest = text.partition(" ")
    if not blank:
        return [f"{each} " for each in THINGS if each.startswith(text)]
    before, to, step = rest.rpartition("to ") if rest.startswith("to ") else rest.rpartition(" to ")
    if to:
        steps = STEPS[least(thing, implicit=False) :] if " " not in step else ()
        return [f"{thing} {before}{to}{each}" for each in steps if each.startswith(step)]
    word = re.split(r"[ ,]", rest)[-1]
    head, given = text.removesuffix(word), re.split(r"[ ,]+", rest.upper())[:-1]
    found = [each for each in _known(thing, offered) if each.upper() not in given]
    found = [each for each in found if each.upper().startswith(word.upper())]
    further = ["to "] if "to".startswith(word) and head.endswith(" ") else []
    return [head + each for each in [*found, *further]]


def _known(thing: str, offered: Sequence[str]) -> tuple[str, ...]:
    """Values that can be named without knowing the user or the server's name."""
    match thing:
        case "auth":
            names = dict.fromkeys([*(name.upper() for name in offered), *sasl.MECHANISMS])
            return tuple(name for name in names if name in sasl.MECHANISMS)
        case "tls":
            return tuple(_WORDS)
        case "cipher":
            return CIPHERS
    return _NAMES.get(thing, ())


def values_of(session: Session, thing: str, given: tuple[str, ...]) -> tuple[str, ...]:
    """The values to try, as they are shown."""
    found = given or _usual(session, thing)
    if thing == "auth":
        found = tuple(name.upper() for name in found)
        if unknown := [name for name in found if name not in sasl.MECHANISMS]:
            raise ValueError(f"AUTH {unknown[0]} cannot be run here: choose from {', '.join(sasl.MECHANISMS)}")
    elif thing == "tls":
        found = tuple(map(_version, found))
    elif thing == "ehlo":
        literal = dialing.address_literal(session.transport.local or "127.0.0.1")
        found = tuple(literal if name.lower() == "[literal]" else name for name in found)
    for value in found:
        if not value or re.search(r"[\s,]", check_text(value, THINGS[thing])):
            raise ValueError(f"a value of {THINGS[thing]} is one word: separate them by commas")
    found = tuple(dict.fromkeys(found))
    if len(found) > MOST:
        raise ValueError(f"vary takes {MOST} values at most")
    return found


def _usual(session: Session, thing: str) -> tuple[str, ...]:
    """The values where none were given."""
    profile, facts = session.profile, session.machine.facts
    host = profile.server
    match thing:
        case "auth":
            offered = facts.ext.get("AUTH", "").upper().split()
            token = shows_token(session)
            known = (
                name
                for name in (TOKENS if token else sasl.BEST)
                if name in offered and (facts.tls or not name.endswith("-PLUS"))
            )
            if found := tuple(known):
                return found
            first = "STARTTLS and EHLO" if "STARTTLS" in facts.ext else "say EHLO"
            what = "token" if token else "password"
            raise ValueError(f"no mechanism that takes a {what} is offered here: {first} first, or name mechanisms")
        case "user":
            local, at, domain = (profile.user or "").partition("@")
            domain = domain or (profile.mail_from or "").rpartition("@")[2] or host.partition(".")[2]
            if local and domain:
                return (f"{local}@{domain}", local) if at else (local, f"{local}@{domain}")
            raise ValueError("name the user names: vary user NAME,NAME")
        case "tls":
            return tuple(_WORDS)
        case "cipher":
            return CIPHERS
        case "sni":
            if not is_address(host) and host:
                return (host, "none")
            raise ValueError("name the server names: vary sni NAME,NAME")
    return (session.ehlo_name, "[literal]", "localhost")


def shows_token(session: Session) -> bool:
    """Whether the known credential is a token: the mechanism that was tried last tells, else the one wanted first."""
    lines = [item.data.split() for item in items_of(session) if "AUTH" in item.kinds]
    tried = [words[1].decode("latin-1") for words in lines if words[0].upper() == b"AUTH" and len(words) > 1]
    return any(name.upper() in TOKENS for name in (tried[-1:] or session.profile.auth[:1]))


def misused(session: Session, mechanisms: Sequence[str]) -> str:
    """What is to be said before a token goes out as a password, or the other way round; empty if none does."""
    token = shows_token(session)
    wrong = [name for name in mechanisms if name in (sasl.BEST if token else TOKENS)]
    it, other = ("token", "password") if token else ("password", "token")
    return f"the {it} is used as a {other} with {', '.join(wrong)}" if wrong else ""


def _version(text: str) -> str:
    """``1.2``, ``tlsv1_2`` and the like as TLSv1.2."""
    number = text.lower().removeprefix("tls").removeprefix("v").replace("_", ".")
    number = "1.0" if number == "1" else number
    if number not in _VERSIONS:
        raise ValueError(f"{text} is no TLS version: choose from {', '.join(_WORDS)}")
    return _VERSIONS[number]


def changes(profile: Profile, thing: str, value: str, quiet: bool) -> dict[str, Any]:
    """What of the profile a value changes.

    Where nothing is said in TLS but goodbye, a bad certificate is a result and no question.
    """
    tls: dict[str, Any] = {}
    match thing:
        case "user":
            return {"user": value}
        case "tls":
            tls = {"protocols": (_WORDS[value],)}
        case "cipher":
            tls = {"cipher": value, "protocols": PROTOCOLS[3:] if value.startswith("TLS_") else PROTOCOLS[2:3]}
        case "sni":
            tls = {"sni": "", "target": None} if value == "none" else {"sni": value, "target": value}
        case _:
            return {}
    return {"tls_options": replace(profile.tls_options, **tls), "tls_insecure": quiet or profile.tls_insecure}
