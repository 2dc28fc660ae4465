"""How a login is done, where it is not as usual: the words of ``:auth``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from smtpscope.profile import MECHANISMS
from smtpscope.visible import unescape

BINDINGS = ("tls-exporter", "tls-server-end-point", "tls-unique")
_OPTIONS = ("user=", "authzid=", "initial=", "binding=", "steps")
_ANSWERS = {"yes": True, "no": False}
_SERVER_FIRST = frozenset({"CRAM-MD5", "DIGEST-MD5"})
_ONE_NAME = frozenset({"LOGIN", "CRAM-MD5", "XOAUTH2", "OAUTHBEARER", "ANONYMOUS"})
WITHOUT_PASSWORD = frozenset({"EXTERNAL", "ANONYMOUS"})
USAGE = "auth MECHANISM user=NAME authzid=NAME initial=yes|no binding=KIND steps"


class Way(NamedTuple):
    """As ``command_auth`` takes it; with ``steps`` each step of ours waits for the user before it goes."""

    authzid: str = ""
    initial: bool | None = None
    binding: str = ""
    steps: bool = False


USUAL = Way()


class Login(NamedTuple):
    """What ``:auth`` asks for; ``user`` None for the one that is known."""

    mechanism: str
    user: str | None
    way: Way


def parse(words: Sequence[str], usual: str) -> Login:
    """The words behind ``auth``; ``usual`` is the mechanism where they name none. ValueError says what is wrong."""
    mechanism, user, way = "", None, Way()
    for word in words:
        name, equals, value = word.partition("=")
        text = unescape(value).decode("utf-8", "surrogateescape")
        if word == "steps":
            way = way._replace(steps=True)
        elif not equals and not mechanism:
            mechanism = _mechanism(word)
        elif name == "user" and equals:
            user = text
        elif name == "authzid" and equals:
            way = way._replace(authzid=text)
        elif name == "initial" and value in _ANSWERS:
            way = way._replace(initial=_ANSWERS[value])
        elif name == "binding" and value in BINDINGS:
            way = way._replace(binding=value)
        elif name in ("initial", "binding") and equals:
            raise ValueError(f"{name}= takes {' or '.join(_ANSWERS if name == 'initial' else BINDINGS)}")
        else:
            raise ValueError(f"auth does not know the word {name}{equals}: it takes {USAGE.partition(' ')[2]}")
    mechanism = mechanism or usual
    _check(mechanism, way)
    return Login(mechanism, user, way)


def _mechanism(word: str) -> str:
    if word.upper() not in MECHANISMS:
        raise ValueError(f"AUTH {word} cannot be run here: choose one of {', '.join(MECHANISMS)}, or type it by hand")
    return word.upper()


def _check(mechanism: str, way: Way) -> None:
    """ValueError for what a mechanism has no place for."""
    if way.binding and not mechanism.endswith("-PLUS"):
        raise ValueError(f"AUTH {mechanism} binds to no TLS: binding= goes with a -PLUS mechanism")
    if way.authzid and mechanism in _ONE_NAME:
        raise ValueError(f"AUTH {mechanism} has one name and no authzid: user= gives that")
    if way.initial and mechanism in _SERVER_FIRST:
        raise ValueError(f"in AUTH {mechanism} the server speaks first: there is no initial response")


def completions(text: str, offered: Sequence[str]) -> list[str]:
    """What ``text``, behind ``auth`` and a blank, can go on as; mechanisms that are ``offered`` come first."""
    before, blank, word = text.rpartition(" ")
    option, equals, _ = word.partition("=")
    if equals:
        values = {"initial": tuple(_ANSWERS), "binding": BINDINGS}.get(option, ())
        found = [f"{option}={value}" for value in values if f"{option}={value}".startswith(word)]
    else:
        given = before.upper().split()
        names = [] if set(given) & set(MECHANISMS) else [*(name.upper() for name in offered), *MECHANISMS]
        found = [name for name in dict.fromkeys(names) if name in MECHANISMS and name.startswith(word.upper())]
        left = [each for each in _OPTIONS if not any(one.startswith(each.upper()) for one in given)]
        found += [each for each in left if each.startswith(word)]
    return [before + blank + each for each in found]
