"""A step of AUTH before it goes: shown without its secrets, changed by hand, and made octets again."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from smtpscope.session.redact import Redactor, merged
from smtpscope.smtp.sasl_fields import secret_spans
from smtpscope.smtp.sasl_steps import Response
from smtpscope.visible import escape, unescape

HIDDEN_WORD = re.compile(r"\{secret\d*\}")
"""What stands for a hidden part of a step; a second one that is another has a number."""
CANCEL = "*"


class Word(NamedTuple):
    """What the user says to a step: a text in escapes, which goes out as base64, or if ``coded`` as it is."""

    text: str
    coded: bool = False


class Waiting:
    """A step of ours that waits, and its text in both forms."""

    def __init__(self, mechanism: str, response: Response, challenge: bytes | None, redactor: Redactor) -> None:
        """``challenge`` is what it answers; ``redactor`` knows the password, wherever else it may stand."""
        data = b64decode(response.encoded)
        spans = secret_spans(mechanism, data, challenge or b"") if response.secret else []
        if response.secret and not spans:
            spans = [(0, len(data))]
        self._parts: dict[str, bytes] = {}  # by the words that stand for them
        pieces, last = [], 0
        for start, end in merged([*spans, *redactor.spans(data)]):
            pieces += [_shown(data[last:start]), self._word_for(data[start:end])]
            last = end
        text = "".join([*pieces, _shown(data[last:])])
        self.text = r"\x2a" if text == CANCEL else text
        """In escapes, a word in the place of each hidden part."""
        self._encoded = response.encoded

    def _word_for(self, part: bytes) -> str:
        new = f"{{secret{len(self._parts) + 1 if self._parts else ''}}}"
        word = next((word for word, known in self._parts.items() if known == part), new)
        self._parts[word] = part
        return word

    def shown(self, coded: bool) -> str:
        """In the one form or in the other."""
        return encoded(self.text) if coded else self.text

    def line(self, word: Word) -> bytes:
        """What goes out: the hidden parts are put back where their words still stand."""
        if word.text == CANCEL:
            return CANCEL.encode()
        parts = {"{secret}": self._encoded} if word.coded else self._parts
        data = _with(parts, word.text)
        return data if word.coded else b64encode(data)


def encoded(text: str) -> str:
    """The line that goes out for a step's text; where a part of it is hidden, a word stands for all of it."""
    return "{secret}" if HIDDEN_WORD.search(text) else b64encode(unescape(text)).decode()


def _shown(data: bytes) -> str:
    """Octets in escapes, in which no word stands for anything hidden."""
    return escape(data).replace("{secret", r"\x7bsecret")


def _with(parts: dict[str, bytes], text: str) -> bytes:
    data, last = b"", 0
    for found in HIDDEN_WORD.finditer(text):
        if found[0] in parts:
            data += unescape(text[last : found.start()]) + parts[found[0]]
            last = found.end()
    return data + unescape(text[last:])


class Change(NamedTuple):
    """What the user made of one step, so that the same can be made of the next one like it."""

    before: str
    after: str
    coded: bool

    def of(self, text: str) -> str:
        """``text`` with the same part of it changed; where it has no such part, what the user wrote."""
        if self.after == CANCEL:
            return CANCEL
        before, after = self.before, self.after
        most = min(len(before), len(after))
        start = next((at for at in range(most) if before[at] != after[at]), most)
        most -= start
        same = next((at for at in range(most) if before[-1 - at] != after[-1 - at]), most)
        old, new = before[start : len(before) - same], after[start : len(after) - same]
        for at in (start, len(text) - same - len(old)):  # counted from the front, or from behind
            if at >= 0 and text[at : at + len(old)] == old:
                return text[:at] + new + text[at + len(old) :]
        return after


class Editing:
    """The user's hand on each step of one login; when that is done again, each is changed alike."""

    def __init__(
        self, mechanism: str, redactor: Redactor, ask: Callable[[Waiting, bool], Awaitable[Word | None]]
    ) -> None:
        """``ask`` takes a step and whether it goes along with AUTH; None where it is not wanted any more."""
        self._mechanism = mechanism
        self._redactor = redactor
        self._ask = ask
        self._changes: list[Change] = []
        self._waits = False  # for the user's word, also where the login ended before that was given

    async def by_hand(self, response: Response, challenge: bytes | None) -> bytes:
        """What the user makes of a step; any octets where the server does not wait for it any more."""
        step = Waiting(self._mechanism, response, challenge, self._redactor)
        self._waits = True
        word = await self._ask(step, challenge is None)
        self._waits = False
        if word is None:
            return b""
        self._changes.append(Change(step.shown(word.coded), word.text, word.coded))
        return step.line(word)

    def again(self) -> Callable[[Response, bytes | None], Awaitable[bytes]]:
        """An editor that does to the steps of another login what was done to those of this one.

        The step that this one ended at, before the user's word, waits for it again.
        """
        changes = iter(self._changes[:])

        async def alike(response: Response, challenge: bytes | None) -> bytes:
            change = next(changes, None)
            if change is None:
                return await self.by_hand(response, challenge) if self._waits else response.encoded
            step = Waiting(self._mechanism, response, challenge, self._redactor)
            return step.line(Word(change.of(step.shown(change.coded)), change.coded))

        return alike
