"""What the claims of a bearer token say about a login: its end, whose it is, and for which server and what use.

The claims may be anybody's, and of any type; what is said of them is a sentence, with their words cut short.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from ipaddress import ip_address
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from smtpscope.smtp.sasl_bearer import lasting, moment
from smtpscope.visible import visible_text

Word: TypeAlias = Callable[[str], str]
"""Makes a foreign word one that may be shown."""
WORD = 60
"""Cells of a foreign word in a sentence."""
_MOST = 20
"""Names of one claim that are looked at."""
_NAMES = ("upn", "preferred_username", "email", "unique_name", "username", "sub")
"""Where issuers put the user's mail address (RFC 7519 4.1.2, OpenID Connect Core 5.1, Microsoft's token reference)."""
_MICROSOFT = ("login.microsoftonline.com", "sts.windows.net", "login.microsoftonline.us")
_GRAPH = frozenset({"graph.microsoft.com", "00000003-0000-0000-c000-000000000000"})
_OUTLOOK = frozenset({"office365.com", "office.com", "outlook.com", "00000002-0000-0ff1-ce00-000000000000"})
"""Domains, and the number, that all stand for Exchange Online."""


def token_words(
    claims: Mapping[str, Any], user: str, server: str, now: float, hide: Callable[[str], str] = str
) -> list[str]:
    """Sentences on what speaks against a login of ``user`` at ``server`` with this token; none where nothing does.

    ``now`` is in seconds since the Unix epoch, 0 if times are not to be judged. ``hide`` takes what is secret out of a
    foreign word.
    """

    def word(text: str) -> str:
        return visible_text(hide(text), limit=WORD)

    return [
        *_times(claims, now),
        *_user(claims, user, word),
        *_audience(claims, server, word),
        *_scope(claims, word),
    ]


def _times(claims: Mapping[str, Any], now: float) -> list[str]:
    ends: Any = claims.get("exp")
    begins: Any = claims.get("nbf")
    if not now:
        return []
    if (when := moment(ends)) and ends < now:
        return [f"The token expired {lasting(now - ends)} ago, {when}: get a new one."]
    if (when := moment(begins)) and begins > now:
        return [f"The token is not valid before {when}, in {lasting(begins - now)}: is a clock wrong?"]
    return []


def _user(claims: Mapping[str, Any], user: str, word: Word) -> list[str]:
    names = [name for each in _NAMES if (name := _text(claims, each)) and ("@" in name or each != "sub")]
    if not user or not names or user.casefold() in (name.casefold() for name in names):
        return []
    return [f"The login is for {word(user)}, the token for {word(names[0])}."]


def _audience(claims: Mapping[str, Any], server: str, word: Word) -> list[str]:
    meant = _list(claims, "aud")
    hosts = [_host(each) for each in meant]
    if _host(_text(claims, "iss")) == "accounts.google.com" or "at_hash" in claims:
        return ["It is an ID token, which says who the user is: the login wants the access token."]
    if any(host in _GRAPH for host in hosts):
        return [
            "The token is for Microsoft Graph (aud), not for mail: ask for the scope "
            "https://outlook.office.com/SMTP.Send."
        ]
    named = [host for host in hosts if "." in host]
    if not named or not _is_name(server) or any(_akin(host, server.lower()) for host in hosts):
        return []
    return [f"The token is meant for {word(named[0])} (aud), the server is {word(server)}."]


def _scope(claims: Mapping[str, Any], word: Word) -> list[str]:
    """Whether Microsoft's permission to send mail is there; other issuers have words of their own."""
    if _host(_text(claims, "iss")) not in _MICROSOFT:
        return []
    scopes, roles = _scopes(claims), _list(claims, "roles")
    if _text(claims, "idtyp") == "app" or (roles and not scopes):
        return [] if "SMTP.SendAsApp" in roles else ["The application's token has no role SMTP.SendAsApp."]
    if "SMTP.Send" in scopes:
        return []
    return [f"The token's scope has no SMTP.Send in it, but {word(' '.join(scopes)) or 'nothing'}."]


def has_scope(claims: Mapping[str, Any], wanted: str) -> bool:
    """Whether the token has all the scopes that a server wants, or does not tell."""
    scopes = _scopes(claims)
    return not scopes or set(wanted.split()) <= set(scopes)


def _scopes(claims: Mapping[str, Any]) -> list[str]:
    return [*_list(claims, "scp"), *_list(claims, "scope")]


def _akin(host: str, server: str) -> bool:
    """Whether both are of one domain, as far as names tell."""
    ours, theirs = (".".join(each.split(".")[-2:]) for each in (server, host))
    return ours == theirs or {ours, host if host in _OUTLOOK else theirs} <= _OUTLOOK


def _is_name(server: str) -> bool:
    try:
        ip_address(server)
    except ValueError:
        return "." in server
    return False


def _host(text: str) -> str:
    """The host that a claim names, as a URL or bare; the text itself where it is neither."""
    try:
        return (urlsplit(text).hostname or text).strip("/").lower()
    except ValueError:
        return text.lower()


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    return value if isinstance(value, str) else ""


def _list(claims: Mapping[str, Any], name: str) -> list[str]:
    """A claim that is one text, words in one text, or a list of texts."""
    value = claims.get(name)
    if isinstance(value, str):
        return value.split()[:_MOST]
    return [each for each in value[:_MOST] if isinstance(each, str)] if isinstance(value, list) else []
