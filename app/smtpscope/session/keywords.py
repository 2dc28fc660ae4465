"""EHLO keywords in plain words: the whole IANA registry "SMTP Service Extensions", and well-known ones beside it.

What a server says behind a keyword is foreign: it comes back as it was given, for the caller to make safe.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class Keyword(NamedTuple):
    """One EHLO keyword; a sentence of ours and where it is defined."""

    sentence: str
    source: str
    registered: bool = True


def _other(sentence: str, source: str) -> Keyword:
    return Keyword(sentence, source, registered=False)


KEYWORDS: dict[str, Keyword] = {
    # The registry, in its order.
    "SEND": Keyword("SEND shows a message on a user's terminal; given up since RFC 2821.", "RFC 821 3.4"),
    "SOML": Keyword("SOML shows a message on a terminal or mails it; given up since RFC 2821.", "RFC 821 3.4"),
    "SAML": Keyword("SAML shows a message on a terminal and mails it; given up since RFC 2821.", "RFC 821 3.4"),
    "EXPN": Keyword("EXPN lists who is behind a mailing list.", "RFC 5321 3.5"),
    "HELP": Keyword("HELP tells people about the server.", "RFC 5321 4.1.1.8"),
    "TURN": Keyword("TURN changes roles: the server sends; unsafe without a login, not to be used.", "RFC 5321 F.1"),
    "8BITMIME": Keyword("Message text may have octets above 127 (BODY=8BITMIME).", "RFC 6152"),
    "SIZE": Keyword("MAIL may say how large the message is (SIZE=n).", "RFC 1870"),
    "VERB": Keyword("VERB makes the server tell more; registered, never specified (Sendmail).", "IANA registry"),
    "ONEX": Keyword("ONEX says that one message only will come; registered, never specified.", "IANA registry"),
    "CHUNKING": Keyword("BDAT sends the message in counted chunks, without a dot at the end.", "RFC 3030"),
    "CHECKPOINT": Keyword("A message that was cut off can go on where it stopped (TRANSID).", "RFC 1845"),
    "PIPELINING": Keyword("Several commands may go out before their replies come.", "RFC 2920"),
    "DSN": Keyword("RCPT may ask for reports (NOTIFY, ORCPT), MAIL for their form (RET, ENVID).", "RFC 3461"),
    "ETRN": Keyword("ETRN makes the server send what it holds for a host, on another connection.", "RFC 1985"),
    "ENHANCEDSTATUSCODES": Keyword("Replies begin with a finer code such as 5.1.1.", "RFC 2034"),
    "STARTTLS": Keyword("STARTTLS begins TLS on this connection.", "RFC 3207"),
    "NO-SOLICITING": Keyword("The server wants no solicitations; MAIL may name their kind (SOLICIT).", "RFC 3865"),
    "MTRK": Keyword("MAIL may ask that the message can be tracked (MTRK).", "RFC 3885"),
    "SUBMITTER": Keyword("MAIL may name who is responsible for the message (Sender ID).", "RFC 4405"),
    "ATRN": Keyword("ATRN, after a login, changes roles: the server sends the mail it holds.", "RFC 2645"),
    "AUTH": Keyword("AUTH logs in, with a mechanism that is named here.", "RFC 4954"),
    "FUTURERELEASE": Keyword("MAIL may ask to hold the message for a time (HOLDFOR, HOLDUNTIL).", "RFC 4865"),
    "DELIVERBY": Keyword("MAIL may say by when the message must be delivered (BY).", "RFC 2852"),
    "BURL": Keyword("BURL takes the message, or a part of it, from an IMAP server.", "RFC 4468"),
    "CONPERM": Keyword("MAIL may permit relays to convert the content (CONPERM).", "RFC 4141"),
    "CONNEG": Keyword("RCPT may ask what a recipient can display (CONNEG).", "RFC 4141"),
    "SMTPUTF8": Keyword("Addresses and header fields may be in UTF-8 (SMTPUTF8).", "RFC 6531"),
    "UTF8SMTP": Keyword("The experiment that SMTPUTF8 replaced; obsolete.", "RFC 5336"),
    "MT-PRIORITY": Keyword("MAIL may give the message a priority (MT-PRIORITY).", "RFC 6710"),
    "BINARYMIME": Keyword("The message may be any octets, sent with BDAT (BODY=BINARYMIME).", "RFC 3030"),
    "RRVS": Keyword("RCPT may say since when the mailbox must have had its owner (RRVS).", "RFC 7293"),
    "REQUIRETLS": Keyword("MAIL may ask that the message never travels without verified TLS.", "RFC 8689"),
    "LIMITS": Keyword("The server says how much it takes at once.", "RFC 9422"),
    # Not registered, but seen.
    "VRFY": _other("VRFY asks whether a mailbox exists; every server should know it.", "RFC 5321 3.5"),
    "LOGINDISABLED": _other("IMAP's word for no login before TLS; it means nothing in SMTP.", "RFC 9051 6.2.3"),
    "PRDR": _other("Each recipient gets a verdict of its own after the dot.", "draft-hall-prdr"),
    "XCLIENT": _other("XCLIENT lets a trusted client say whom it speaks for.", "Postfix XCLIENT_README"),
    "XFORWARD": _other("XFORWARD hands on for the log who the first client was.", "Postfix XFORWARD_README"),
    "XVERP": _other("MAIL may ask for a bounce address for each recipient (XVERP).", "Postfix VERP_README"),
    "VERP": _other("MAIL may ask for a bounce address for each recipient (VERP).", "draft-varshavchik-verp-smtpext"),
    "XLOOP": _other("A token by which a server knows its own loops.", "Sun Messaging Server"),
    "XADR": _other("XADR asks how the server would rewrite an address.", "Sun Messaging Server"),
    "XSTA": _other("XSTA asks for the state of the server's channels.", "Sun Messaging Server"),
    "XCIR": _other("XCIR asks for the state of the circuit check.", "Sun Messaging Server"),
    "XGEN": _other("XGEN asks whether a new configuration is in use.", "Sun Messaging Server"),
    "X-EXPS": _other("Logs Exchange servers in to each other, as AUTH does.", "Microsoft KB 812455"),
    "XEXCH50": _other("Exchange servers pass properties of messages on.", "Microsoft KB 812455"),
    "X-LINK2STATE": _other("Exchange servers tell each other the state of their links.", "Microsoft KB 812455"),
    "X-ANONYMOUSTLS": _other("STARTTLS between Exchange servers, without a named certificate.", "Exchange"),
    "XRDST": _other("Exchange servers name the destination database.", "Exchange"),
    "XSHADOW": _other("Exchange servers keep shadow copies of messages.", "Exchange"),
    "XOORG": _other("MAIL names the organization that a message came from (XOORG).", "Exchange"),
    "XPROXY": _other("An Exchange front end says whom it speaks for.", "Exchange"),
    "XPROXYFROM": _other("An Exchange front end says whom it speaks for.", "Exchange"),
    "XREQUEUE": _other("The server may ask a sender of its own site to queue again.", "Exchange"),
    "TIME": _other("The server tells its own time.", "CommuniGate Pro"),
    "OK": _other("No keyword: some servers end the list with this word.", "Microsoft IIS"),
}
"""Keyword in capitals -> its meaning. Names and RFCs are those of the IANA registry."""

_MECHANISMS = {
    "PLAIN": "password in clear",
    "LOGIN": "password in clear",
    "CRAM-MD5": "challenge",
    "DIGEST-MD5": "challenge",
    "NTLM": "challenge, Windows",
    "GSSAPI": "Kerberos",
    "EXTERNAL": "the TLS certificate",
    "ANONYMOUS": "anybody",
    "XOAUTH2": "OAuth token",
    "OAUTHBEARER": "OAuth token",
}
_LIMITS = {
    "MAILMAX": ("message", "a connection"),
    "RCPTMAX": ("recipient", "a message"),
    "RCPTDOMAINMAX": ("domain", "a message"),
}
_SIZES = (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10))


def meaning(keyword: str) -> Keyword | None:
    """What is known of a keyword, in any case of letters; None if nothing is."""
    return KEYWORDS.get(keyword.upper())


def parameters(keyword: str, given: str) -> str:
    """What the parameters behind a keyword say, in words; empty where they say nothing that is known.

    Of foreign words at most 40 characters each and eight words come back, as they were given.
    """
    explain = _EXPLAINED.get(keyword.upper())
    words = given.split()
    return explain(words) if explain and (words or keyword.upper() == "SIZE") else ""


def size_of(given: str) -> int | None:
    """The limit that SIZE declares (RFC 1870 3), 0 for none; None where it is malformed."""
    words = given.split()
    if not words:
        return 0
    word = words[0]
    return int(word) if len(words) == 1 and word.isascii() and word.isdigit() and len(word) <= 20 else None


def _size(words: list[str]) -> str:
    limit = size_of(" ".join(words))
    if limit is None:
        return "this is no size: it should be one number"
    if limit == 0:
        return "no limit is said" if not words else "no fixed limit"
    rounded = next((f" ({limit / octets:.1f} {unit})" for unit, octets in _SIZES if limit >= octets), "")
    return f"at most {limit:,} octets{rounded}"


def _auth(words: list[str]) -> str:
    return ", ".join(_mechanism(word) for word in words[:8]) + _rest(words)


def _mechanism(word: str) -> str:
    name = word.upper()
    if name.startswith("SCRAM-"):
        return f"{name[:40]} (challenge{', bound to TLS' if name.endswith('-PLUS') else ''})"
    return f"{name} ({_MECHANISMS[name]})" if name in _MECHANISMS else word[:40]


def _limits(words: list[str]) -> str:
    said = []
    for word in words[:8]:
        name, _, number = word.partition("=")
        if name.upper() in _LIMITS and number.isascii() and number.isdigit() and len(number) <= 6:
            what, where = _LIMITS[name.upper()]
            said.append(f"at most {int(number):,} {what}{'' if int(number) == 1 else 's'} {where}")
        else:
            said.append(word[:40])
    return ", ".join(said) + _rest(words)


def _deliver_by(words: list[str]) -> str:
    seconds = words[0]
    known = seconds.isascii() and seconds.isdigit() and len(seconds) <= 9
    return f"not in less than {int(seconds):,} s" if known else ""


def _future_release(words: list[str]) -> str:
    if not words[0].isascii() or not words[0].isdigit() or len(words[0]) > 9:
        return ""
    until = f", until {words[1][:40]}" if len(words) > 1 else ""
    return f"at most for {int(words[0]):,} s{until}"


def _as_given(what: str) -> Callable[[list[str]], str]:
    return lambda words: f"{what} " + ", ".join(word[:40] for word in words[:8]) + _rest(words)


def _rest(words: list[str]) -> str:
    return f" and {len(words) - 8} more" if len(words) > 8 else ""


_EXPLAINED: dict[str, Callable[[list[str]], str]] = {
    "SIZE": _size,
    "AUTH": _auth,
    "X-EXPS": _auth,
    "LIMITS": _limits,
    "DELIVERBY": _deliver_by,
    "FUTURERELEASE": _future_release,
    "MT-PRIORITY": _as_given("priorities by"),
    "NO-SOLICITING": _as_given("not wanted:"),
    "BURL": _as_given("from"),
    "XCLIENT": _as_given("attributes:"),
    "XFORWARD": _as_given("attributes:"),
}
