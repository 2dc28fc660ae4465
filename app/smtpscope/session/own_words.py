"""The words that the sentences of this program are made of: where they stand in one, they tell nobody a secret.

A password may be such a word. Hiding it there would ruin the sentence, and give the password away: who reads
"the password is [hidden]" knows which word it is.
"""

from __future__ import annotations

import re

from smtpscope.smtp.events import Answered, Asked, Closed, Event, Failed, Secured, Told

_ALL = """
    about above accept accepted access account address after again alerts alike alive allowed alone already although
    anew another answer answered answers anything anyway application asked auth available back banner base bdat
    because been before begin begun behind bits both brackets broke broken bytes came cancel cancelled cannot
    certificate certificates challenge changes characters check choose chose chosen chunk chunking cipher ciphers
    class clear client clients close closed code codes come comes command commands commas connect connected
    connecting connection connections connects control could credentials crlfs cross curve custom damaged danger
    data decrypt decryption default delay delivered denies depends differ difference differences different differs
    digest disabled discard divider does domain done draft drop dropped each earlier early ehlo else empty encrypted
    ended ends enhanced envelope error every everything evidence example excessive exchange exist expect expired
    extension extensions external failed fails failure failures fall false family fault figures fill fills finding
    findings finds finished first followed forget form fresh from full further gave gets give given gone good
    goodbye greeting greets group hand handshake have held hello helo help here hiding hold host idle implicit
    injected insecure inside instead internal issuer itself judge keys keyword kind know known knows last late later
    latin lead left legacy legal length like likely line lines link literal local lock locked logged login logins
    long longer look looks lookup lost made mail mailboxes make makes malformed many masked matters means mechanism
    mechanisms median mend message middle minute minutes misses missing mixed more most must name names need needs
    negotiate neither nested never next none notable note nothing notify nowhere null number octet octets offer
    offered offering older oldest once only options other others ours outcome outlook outside over overwritten owed
    parameters pass password passwords past path permits place plain plus port practice proof protocol protocols
    prove proved proves public purpose putting question queue quit range rcpt reached read reason recipient
    reconnect record refused renegotiation repeat repeated repeating replies reply request reset response retries
    retry returned reverse revoked right round rset running runs said same saying says second secret secure securing
    sees send sender sending sends sent separate server servers session several severity share shares should show
    shows signature signed since sits size slow small smaller smtp somebody something sooner source speaks spoken
    stands start started starttls status step steps still stop stopped stops stream strip strong succeeded succeeds
    such suitable summary syntax table take taken takes talking tampering target tells test text than that their
    them then there these they this those though ticket time timeout times token tokens told took transaction tried
    tries true trust trusted trying turn type unable unasked unexpected unfinished unknown unless unlocked unproved
    unsafe unsupported until used user value values vanished varied vary verb verdict verify version versions wait
    waiting waits wanted wants warn warned warnings weak went were what where whether which while wire with within
    without word works write wrong your
"""
_WORDS = frozenset(_ALL.split())
_PLAIN = re.compile(rb"[A-Za-z]+")
_SENTENCES = (Answered, Asked, Closed, Failed, Secured, Told)
_NAMED = ("vary", "value")
"""Kinds of ``Told`` that are mostly what the user has typed."""


def is_sentence(event: Event) -> bool:
    """Whether what an event says is a sentence of ours, though it may have foreign parts."""
    return isinstance(event, _SENTENCES) and not (isinstance(event, Told) and event.kind in _NAMED)


def is_ours(sentence: bytes, start: int, end: int) -> bool:
    """Whether nothing but whole words of ours stands at this place, which is not in quotes: what is, is foreign."""
    if sentence[:start].count(b'"') % 2 or end - start >= len(sentence):  # what is all of it makes no sentence
        return False
    start = max(sentence.rfind(blank, 0, start) for blank in (b" ", b"\n")) + 1
    stop = re.search(rb"[ \n]", sentence[end:])
    tokens = sentence[start : end + stop.start() if stop else len(sentence)].split()
    words = [token.rstrip(b".,;:?!") for token in tokens]
    return all(_PLAIN.fullmatch(word) and (len(word) < 4 or word.decode().lower() in _WORDS) for word in words)
