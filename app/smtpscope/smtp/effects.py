"""What a reply does to the facts: the design's table, one row a pending command, one column a class of reply.

An effect changes facts and may give a note: one sentence for what is odd. Which node lights up is the row's ``member``;
where the session then is follows from the facts.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Sequence

from smtpscope.smtp.command import C, SMTPCommand
from smtpscope.smtp.facts import Facts, Recipient, T, capabilities
from smtpscope.smtp.reply import Reply


class Pending:
    """One command whose final reply has not come. ``kind`` is its row in the table, ``member`` the node it lights."""

    __slots__ = (
        "ending",
        "for_whom",
        "kind",
        "line",
        "member",
        "owed",
        "perhaps",
        "replies",
        "sent",
        "timed_out",
        "verb",
    )

    def __init__(self, kind: str, member: SMTPCommand, line: bytes, sent: float, perhaps: bool = False) -> None:
        self.kind = kind
        self.member = member
        self.line = line
        """The line as sent, without its ending; of AUTH verb and mechanism only."""
        self.ending = b""
        self.verb = kind
        self.sent = sent
        self.perhaps = perhaps
        """An end-of-data look-alike: a reply to it may never come."""
        self.owed = 0
        """Replies that must come in all; 0 until the first one tells."""
        self.for_whom: list[int] = []
        """Of a message: the places of its accepted recipients among all."""
        self.replies: list[Reply] = []
        self.timed_out = False

    def __repr__(self) -> str:
        return f"Pending({self.kind}, {self.member.name}{', perhaps' if self.perhaps else ''})"


Effect = Callable[[Facts, Pending, Reply], str]

RSET_ADVISED = "after a refused chunk the state is indeterminate: RSET comes next (RFC 3030 2)"

MEMBERS: dict[str, SMTPCommand] = {
    "EHLO": C.EHLO, "LHLO": C.EHLO, "HELO": C.HELO, "AUTH": C.AUTH, "MAIL": C.MAIL, "RCPT": C.RCPT,
    "DATA": C.DATA, ".": C.DOT, "RSET": C.RSET, "QUIT": C.QUIT,
}  # fmt: skip
"""Verb -> its own member; every other verb is CUSTOM's."""

KINDS = {"LHLO": "EHLO", ".": "DOT"}
_NAMED = frozenset(MEMBERS) | {"STARTTLS", "XCLIENT"}


def pending_for(line: bytes, sent: float) -> Pending:
    """What a command line leaves owed."""
    whole, line = line, line.rstrip(b"\r\n")
    words = line[:2048].split(None, 2)
    verb = words[0].upper().decode("latin-1") if words else ""
    if verb == "BDAT":
        last = len(words) > 2 and words[2].strip().upper() == b"LAST"
        entry = Pending("BDAT LAST" if last else "BDAT", C.CUSTOM, line, sent)
    elif verb == "AUTH":
        entry = Pending("AUTH", C.AUTH, b" ".join(words[:2]), sent)  # what follows is a secret
    elif verb in _NAMED:
        entry = Pending(KINDS.get(verb, verb), MEMBERS.get(verb, C.CUSTOM), line, sent)
    else:
        entry = Pending("CUSTOM", C.CUSTOM, line, sent)
    entry.verb = verb
    entry.ending = whole[len(line) :]
    return entry


def bdat_size(line: bytes) -> int:
    """The chunk size of a BDAT line (RFC 3030 2), 0 where it is malformed."""
    words = line.split(None, 2)
    return int(words[1]) if len(words) > 1 and words[1].isdigit() and len(words[1]) < 20 else 0


_PATH = re.compile(rb"[^:]*:\s*(?:<([^>]*)>?|(\S*))")


def path_of(line: bytes) -> str:
    """The reverse-path or forward-path in a MAIL or RCPT line, without its brackets."""
    match = _PATH.match(line)
    path = (match.group(1) or match.group(2) or b"") if match else b""
    return path.decode(errors="backslashreplace")


def parameters_of(line: bytes) -> str:
    """What stands behind the path in a MAIL or RCPT line."""
    match = _PATH.match(line)
    return line[match.end() :].strip().decode(errors="backslashreplace") if match else ""


def _same(facts: Facts, pending: Pending, reply: Reply) -> str:
    return ""


def _odd(facts: Facts, pending: Pending, reply: Reply) -> str:
    _row(pending)[REFUSED](facts, pending, reply)
    return f"{reply.code} is no answer to {pending.verb or 'this'}: taken as a refusal"


def _greeted(facts: Facts, pending: Pending, reply: Reply) -> str:
    facts.greeted = True
    return "" if reply.code == 220 else f"the greeting is {reply.code}, not 220 (RFC 5321 4.3.2)"


def _greeting_refused(facts: Facts, pending: Pending, reply: Reply) -> str:
    facts.greeted = facts.refused = True
    return ""


def _hello(facts: Facts, pending: Pending, reply: Reply) -> str:
    facts.end_transaction()
    facts.hello = pending.verb
    facts.refused = False
    facts.ext = capabilities(reply.lines) if reply.code == 250 and pending.kind == "EHLO" else {}
    return "" if reply.code == 250 else f"{reply.code} is taken as acceptance, but only a 250 lists capabilities"


def _auth(facts: Facts, pending: Pending, reply: Reply) -> str:
    facts.auth, facts.done, facts.challenge = True, "", None
    words = pending.line.split(None, 2)
    facts.mechanism = words[1].decode("latin-1").upper() if len(words) > 1 else ""
    return "" if reply.code == 235 else f"{reply.code} is taken as success; RFC 4954 says 235"


def _auth_refused(facts: Facts, pending: Pending, reply: Reply) -> str:
    facts.auth_refused, facts.challenge = True, None
    return ""


def _tls_refused(facts: Facts, pending: Pending, reply: Reply) -> str:
    facts.tls_refused = True
    return ""


def _mail(facts: Facts, pending: Pending, reply: Reply) -> str:
    facts.end_transaction()
    facts.past, facts.verdict = (), None
    facts.txn = T.OPEN
    facts.want_login = False
    parameters = pending.line.upper().split()
    facts.prdr = b"PRDR" in parameters
    facts.binarymime = b"BODY=BINARYMIME" in parameters
    return ""


def _rcpt(facts: Facts, pending: Pending, reply: Reply) -> str:
    if facts.txn is T.NONE:
        facts.end_transaction()
        facts.past, facts.verdict = (), None
        facts.txn = T.OPEN
    facts.ok += 1
    facts.recipients = (*facts.recipients, _recipient(pending, reply))
    return ""


def _rcpt_refused(facts: Facts, pending: Pending, reply: Reply) -> str:
    if facts.txn is T.OPEN:
        facts.bad += 1
        facts.recipients = (*facts.recipients, _recipient(pending, reply))
    return ""


def _recipient(pending: Pending, reply: Reply) -> Recipient:
    line = pending.line
    return Recipient(path_of(line), reply.code, parameters_of(line), reply, reply.last - pending.sent)


def _data_2(facts: Facts, pending: Pending, reply: Reply) -> str:
    return f"{reply.code} to DATA is not 354: no message text may be sent (RFC 5321 3.3)"


def _data_3(facts: Facts, pending: Pending, reply: Reply) -> str:
    if reply.code != 354:
        return _odd(facts, pending, reply)
    facts.txn, facts.done, facts.texted = T.DATA, "", 0
    return ""


def _data_refused(facts: Facts, pending: Pending, reply: Reply) -> str:
    if facts.txn is T.CHUNK:
        facts.txn = T.BROKEN
    return ""


def _rset(facts: Facts, pending: Pending, reply: Reply) -> str:
    facts.end_transaction()
    return ""


def _rset_refused(facts: Facts, pending: Pending, reply: Reply) -> str:
    return "RSET may not be refused (RFC 5321 4.1.1.5)"


def _starttls(facts: Facts, pending: Pending, reply: Reply) -> str:
    if reply.code != 220:
        return f"{reply.code} to STARTTLS is not 220: no handshake (RFC 3207 4)"
    facts.securing = True
    return ""


def _xclient(facts: Facts, pending: Pending, reply: Reply) -> str:
    if reply.code == 220:
        facts.greet_again()
    return ""


def _chunk(facts: Facts, pending: Pending, reply: Reply) -> str:
    if facts.txn is not T.NONE:
        facts.txn = T.CHUNK
    return ""


def _chunk_refused(facts: Facts, pending: Pending, reply: Reply) -> str:
    if facts.txn is T.NONE:
        return ""
    facts.txn = T.BROKEN
    return RSET_ADVISED


def _custom_3(facts: Facts, pending: Pending, reply: Reply) -> str:
    return f"{reply.code} to {pending.verb or 'this'}: the server may now be in data or challenge mode"


EFFECTS: dict[str, tuple[Effect, Effect, Effect]] = {
    "BANNER": (_greeted, _odd, _greeting_refused),
    "EHLO": (_hello, _odd, _same),
    "HELO": (_hello, _odd, _same),
    "AUTH": (_auth, _odd, _auth_refused),
    "MAIL": (_mail, _odd, _same),
    "RCPT": (_rcpt, _odd, _rcpt_refused),
    "DATA": (_data_2, _data_3, _data_refused),
    "RSET": (_rset, _odd, _rset_refused),
    "QUIT": (_same, _same, _same),
    "CUSTOM": (_same, _custom_3, _same),
    "STARTTLS": (_starttls, _odd, _tls_refused),
    "XCLIENT": (_xclient, _odd, _same),
    "BDAT": (_chunk, _odd, _chunk_refused),
}
"""Kind -> what a 2yz, a 3yz and a refusal do. DOT and BDAT LAST in a transaction end a message instead."""
REFUSED = 2
_COLUMN = {2: 0, 3: 1, 4: REFUSED, 5: REFUSED}


def _row(pending: Pending) -> tuple[Effect, Effect, Effect]:
    return EFFECTS.get(pending.kind) or EFFECTS["CUSTOM"]


def effect(facts: Facts, pending: Pending, reply: Reply) -> str:
    """Let ``reply`` settle ``pending``; gives a note for what is odd. A code outside 2yz to 5yz is a refusal, noted."""
    column = _COLUMN.get(reply.kind)
    return (_odd if column is None else _row(pending)[column])(facts, pending, reply)


def ends_message(facts: Facts, pending: Pending) -> bool:
    """Whether the replies to ``pending`` are the verdict on a message."""
    if pending.kind == "DOT":
        return facts.data_mode
    return pending.kind == "BDAT LAST" and facts.txn in (T.OPEN, T.CHUNK, T.BROKEN)


def count_message_reply(facts: Facts, pending: Pending, reply: Reply) -> bool:
    """Take one reply to the dot (or BDAT LAST); true when it was the last one owed.

    One is owed; under LHLO one for each accepted recipient (RFC 2033); after a 353, where PRDR was asked for, one for
    each of them and one for the whole.
    """
    if not pending.owed:
        pending.owed = max(1, facts.ok) if facts.hello == "LHLO" else 1
        pending.for_whom = [place for place, recipient in enumerate(facts.recipients) if recipient.accepted]
        if reply.code == 353 and facts.prdr:
            pending.owed = facts.ok + 1
            return False
    pending.replies.append(reply)
    _give_verdict(facts, pending, reply)
    if len(pending.replies) < pending.owed:
        return False
    verdicts = pending.replies
    if 0 < facts.ok < pending.owed:  # PRDR: the last word is for the whole message
        verdicts = verdicts[:-1] if verdicts[-1].positive else verdicts[-1:]
    accepted, total = sum(verdict.positive for verdict in verdicts), len(verdicts)
    facts.txn = T.NONE
    facts.done = "accepted" if accepted == total else f"partly ({accepted} of {total})" if accepted else "refused"
    return True


def _give_verdict(facts: Facts, pending: Pending, reply: Reply) -> None:
    """Write down for whom one reply to a message speaks."""
    number, places = len(pending.replies) - 1, pending.for_whom
    whole = facts.hello != "LHLO" and number == pending.owed - 1
    if whole or not places:
        facts.verdict = reply
    if pending.owed > 1 or facts.hello == "LHLO":  # one a recipient, in the order of their RCPTs (RFC 2033 4.2)
        places = places[number : number + 1]  # none for the last word of PRDR, which is for the whole
    everybody = list(facts.recipients)
    for place in places:
        everybody[place] = everybody[place]._replace(final=reply, final_seconds=reply.last - pending.sent)
    facts.recipients = tuple(everybody)


def assume_success(facts: Facts, pending: Sequence[Pending]) -> Facts | None:
    """The facts if every owed reply were a success; None where that cannot be said."""
    then = copy.copy(facts)
    for entry in pending:
        if ends_message(then, entry):
            then.txn, then.done = T.NONE, "accepted"
        elif entry.kind in ("MAIL", "RCPT", "RSET", "BDAT"):
            effect(then, entry, Reply(b"", 250, ("",)))
        else:
            return None
    return then
